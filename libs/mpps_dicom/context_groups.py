"""The context groups a discontinuation reason comes from: CID 9300, which includes CID 9301 (PS3.16).

They are the Baseline of Performed Procedure Step Discontinuation Reason Code Sequence (0040,0281), PS3.3 C.4.14.
A Baseline group may be left for other codes, so membership is told and never demanded.
"""

from importlib.resources import files
from typing import Any, Final

import orjson

_GROUPS: Final[dict[str, Any]] = orjson.loads(files(__package__).joinpath("data", "context_groups.json").read_bytes())


def _codes(group: str) -> frozenset[tuple[str, str]]:
    return frozenset((scheme, value) for scheme, values in _GROUPS[group].items() for value in values)


CID_9301: Final = _codes("CID 9301")
"""Modality PPS Discontinuation Reason: (Coding Scheme Designator, Code Value)."""

CID_9300: Final = CID_9301 | _codes("CID 9300 beyond 9301")
"""Procedure Discontinuation Reason."""
