"""Requests of others, applied by the owner between attempts (rule 19)."""

from typing import Any, Final

import msgspec
import pytest

from mpps_core.forwarding.requests import apply_request
from mpps_core.lane import Lane, LaneRequest, LaneState, RequestKind
from tests.unit.core.values import NOW, lane

LATER: Final = NOW + 500.0
FREED: Final[dict[str, Any]] = {"due": NOW, "state": None, "attempts": 0, "healed_at": None, "reason": None}

PARKED: Final = lane(
    cursor=2, high=2, due=LATER, state=LaneState.PARKED, attempts=3, unsure=True, healed_at=3, reason="refused-400"
)
LEVEL: Final = lane(cursor=3, due=None, already_there=True)
CLOSED: Final = lane(cursor=1, due=None, state=LaneState.CLOSED, reason="gone-there")
REPLAYED: Final = lane(cursor=1, high=3)

ROWS: Final[list[tuple[str, RequestKind, int, Lane, dict[str, Any]]]] = [
    ("from the start", RequestKind.REWIND, 0, LEVEL, {**FREED, "cursor": 0, "already_there": False}),
    ("from the Create's successor", RequestKind.REWIND, 1, LEVEL, {**FREED, "cursor": 1}),
    ("what was tried of another operation is forgotten", RequestKind.REWIND, 1, PARKED,
     {**FREED, "cursor": 1, "unsure": False}),
    ("to where it is: the next may have arrived", RequestKind.REWIND, 2, PARKED, FREED),
    ("never forward", RequestKind.REWIND, 9, PARKED, FREED),
    ("never below nothing", RequestKind.REWIND, -3, PARKED, {**FREED, "cursor": 0, "unsure": False}),
    ("a closed lane opens", RequestKind.REWIND, 0, CLOSED, {**FREED, "cursor": 0}),
    ("the refused one", RequestKind.SKIP, 3, PARKED, {**FREED, "cursor": 3, "high": 3, "unsure": False, "due": None}),
    ("one of several", RequestKind.SKIP, 2, lane(cursor=1), {**FREED, "cursor": 2, "high": 2}),
    ("one that went through meanwhile", RequestKind.SKIP, 2, PARKED, FREED),
    ("one that is further on", RequestKind.SKIP, 3, lane(cursor=1), FREED),
    ("one that is not there", RequestKind.SKIP, 4, lane(cursor=3, high=3), FREED),
    ("in a replay", RequestKind.SKIP, 2, REPLAYED, {**FREED, "cursor": 2}),
    ("for good", RequestKind.CLOSE, 0, PARKED, {"due": None, "state": LaneState.CLOSED, "reason": "closed-by-request"}),
    ("now", RequestKind.RESEND, 0, PARKED, FREED),
    ("a closed one", RequestKind.RESEND, 0, CLOSED, FREED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "position", "before", "changes"), [row[1:] for row in ROWS], ids=[f"{row[1]}: {row[0]}" for row in ROWS]
)
def test_each_request_does_what_it_says_and_is_taken_off(
    kind: RequestKind, position: int, before: Lane, changes: dict[str, Any]
) -> None:
    request = LaneRequest(kind=kind, position=position, who="operator", why="asked for")
    asked = msgspec.structs.replace(before, request=request, gen=before.gen + 1)
    after = apply_request(asked, NOW)
    assert after == msgspec.structs.replace(asked, request=None, **changes)
    assert after.high >= after.cursor


def test_every_kind_of_request_is_here() -> None:
    assert {row[1] for row in ROWS} == set(RequestKind)


def test_without_a_request_nothing_changes() -> None:
    assert apply_request(PARKED, NOW) is PARKED
