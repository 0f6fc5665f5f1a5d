"""Attributes of Table F.7.2-1 with Enumerated Values (PS3.5 6.3); Defined Terms are open and not among them."""

from typing import Final

ENUMERATED: Final = {
    # PS3.3 Tables C.4-13 and C.2-3
    "00100040": frozenset({"M", "F", "O"}),
    # PS3.3 Table C.4-14; what a device means by another spelling is for the state machine
    "00400252": frozenset({"IN PROGRESS", "DISCONTINUED", "COMPLETED"}),
    # PS3.3 Tables 10-17 and 10-18
    "00400033": frozenset({"DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500"}),
    # PS3.3 Table 8.8-1
    "0008010B": frozenset({"Y", "N"}),
}
"""What a value may be, by tag."""
