"""What to send next: the one definition of "behind" (rule 16), and the loop guard's judgement (rule 26)."""

from mpps_core.lane import Lane, LaneState
from mpps_core.source import UNKNOWN
from mpps_core.step import Operation
from mpps_core.subscription import Start, Subscription
from mpps_dicom import StepStatus


def next_to_send(lane: Lane) -> int | None:
    """Return the number of the operation that the lane's subscriber should get next, or ``None`` if it is level."""
    if lane.state is LaneState.CLOSED or lane.cursor >= lane.version:
        return None
    return lane.cursor + 1


def begins_lane(subscription: Subscription, *, updated_at: float, status: StepStatus) -> bool:
    """Tell whether a step has a lane to a subscription (rule 9): depends on the two alone, never on timing.

    ``updated_at`` is when the step's newest operation was accepted. With ``open``, a step that was open when the
    subscription began either still is or was closed by an operation accepted since.
    """
    if updated_at >= subscription.starts_at:
        return True
    return subscription.start is Start.OPEN and not status.is_final


def came_from(subscription: Subscription, operation: Operation) -> bool:
    """Tell whether an operation came from the subscriber itself: a source and a subscription of the same id are one."""
    return operation.source == subscription.id != UNKNOWN
