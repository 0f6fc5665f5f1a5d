"""What is next, who gets a lane, and what came from the subscriber itself (rules 9, 16 and 26)."""

import pytest

from mpps_core.forwarding.next_operation import begins_lane, came_from, next_to_send
from mpps_core.lane import LaneState
from mpps_core.subscription import Start
from mpps_dicom import StepStatus
from tests.unit.core.values import NOW, lane, operation, subscription


@pytest.mark.parametrize(
    ("cursor", "version", "state", "number"),
    [
        (0, 1, None, 1),
        (0, 3, None, 1),
        (2, 3, None, 3),
        (3, 3, None, None),
        (0, 0, None, None),
        (4, 3, None, None),
        (2, 3, LaneState.PARKED, 3),
        (3, 3, LaneState.PARKED, None),
        (0, 3, LaneState.CLOSED, None),
    ],
)
def test_a_lane_is_behind_if_and_only_if_something_is_next(
    cursor: int, version: int, state: LaneState | None, number: int | None
) -> None:
    assert next_to_send(lane(cursor=cursor, version=version, state=state)) == number


OPEN, COMPLETED, DISCONTINUED = StepStatus


@pytest.mark.parametrize(
    ("start", "after", "status", "begins"),
    [
        # Accepted at or after the start: everybody.
        *((start, after, status, True) for start in Start for after in (0.0, 1.0, 1e6) for status in StepStatus),
        # Before it: only steps that are still open, and only where open ones are wanted.
        (Start.NOW, -0.001, OPEN, False),
        (Start.NOW, -0.001, COMPLETED, False),
        (Start.SINCE, -0.001, OPEN, False),
        (Start.SINCE, -1e6, DISCONTINUED, False),
        (Start.OPEN, -0.001, OPEN, True),
        (Start.OPEN, -1e6, OPEN, True),
        (Start.OPEN, -0.001, COMPLETED, False),
        (Start.OPEN, -0.001, DISCONTINUED, False),
    ],
)
def test_a_lane_begins_for_each_start(start: Start, after: float, status: StepStatus, begins: bool) -> None:
    wanted = subscription(start=start, starts_at=NOW)
    assert begins_lane(wanted, updated_at=NOW + after, status=status) is begins


@pytest.mark.parametrize("enabled", [True, False])
def test_a_paused_subscription_gets_lanes_too(enabled: bool) -> None:
    """Rule 11."""
    assert begins_lane(subscription(enabled=enabled), updated_at=NOW, status=OPEN)


@pytest.mark.parametrize(
    ("source", "subscription_id", "own"),
    [
        ("ris", "ris", True),
        ("ris", "ris-2", False),
        ("RIS", "ris", False),
        ("unknown", "ris", False),
        # Who sent it is not known: that is nobody's name, whatever a subscription is called.
        ("unknown", "unknown", False),
    ],
)
def test_a_source_and_a_subscription_of_one_id_are_one(source: str, subscription_id: str, own: bool) -> None:
    assert came_from(subscription(subscription_id), operation(source=source)) is own
