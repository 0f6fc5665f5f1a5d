"""Write the sample steps of ``mpps send --sample`` from the modalities that the tests use.

    python -m scripts.make_samples

A test holds the files against what this would write.
"""

from pathlib import Path

import orjson

from mpps_cli.samples import SAMPLES, Sample
from tests.support import modalities

DIRECTORY = Path(__file__).resolve().parent.parent / "services" / "mpps_cli" / "samples"


def contents() -> dict[str, bytes]:
    """Return every sample file and what it holds."""
    patients = modalities.PATIENTS
    steps = {
        Sample.CT: modalities.ct("2.25.1", patient=patients[0], seed=1),
        Sample.MR: modalities.mr("2.25.2", patient=patients[2], seed=2),
        Sample.US: modalities.us("2.25.3", patient=patients[1], seed=3),
        Sample.XA: modalities.xa("2.25.4", patient=patients[3], seed=4),
        Sample.STOPPED: modalities.mr("2.25.5", patient=patients[4], seed=5, outcome=modalities.DISCONTINUED),
    }
    return {
        file: orjson.dumps(data_set, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        for name, files in SAMPLES.items()
        for file, (_, data_set) in zip(files, steps[name], strict=True)
    }


def main() -> None:
    """Write the files."""
    for file, body in contents().items():
        (DIRECTORY / file).write_bytes(body)


if __name__ == "__main__":
    main()
