"""Sample steps: what real modalities report, for trying things out."""

import enum
from importlib.resources import files
from typing import Final


class Sample(enum.StrEnum):
    """The sample steps."""

    CT = "ct"
    MR = "mr"
    US = "us"
    XA = "xa"
    STOPPED = "stopped"  #: an MR examination that was discontinued


SAMPLES: Final = {
    Sample.CT: ("ct-create.json", "ct-update.json", "ct-complete.json"),
    Sample.MR: ("mr-create.json", "mr-update.json", "mr-update-2.json", "mr-complete.json"),
    Sample.US: ("us-create.json", "us-complete.json"),
    Sample.XA: ("xa-create.json", "xa-update.json", "xa-update-2.json", "xa-update-3.json", "xa-complete.json"),
    Sample.STOPPED: ("stopped-create.json", "stopped-update.json", "stopped-update-2.json", "stopped-discontinue.json"),
}
"""The operations of each step in order: the Create, then the Updates."""


def read_sample(file: str) -> bytes:
    """Return the bytes of a sample file."""
    return files("mpps_cli").joinpath("samples", file).read_bytes()
