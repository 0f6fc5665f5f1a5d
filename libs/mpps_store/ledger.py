"""What each write does to a ledger row, as pure functions: the meaning that every adapter carries out."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from mpps_core.forwarding.policy import MAX_DELAY
from mpps_core.lane import Lane, LaneRequest, LaneState, LaneWrite, Progress

YOUNG: Final = 60.0
"""Seconds since a lane was born for which half of the room is kept for it (rule 25)."""


def routed(lane: Lane | None, write: LaneWrite) -> Lane:
    """Return the row after a routing write (rule 10). Such writes commute, and repeating one changes nothing."""
    if lane is None:
        return Lane(
            subscription=write.subscription,
            uid=write.uid,
            slot=write.slot,
            version=write.version,
            due=write.now,
            born=write.now,
        )
    version = max(lane.version, write.version)
    due = lane.due
    if due is None and lane.state is not LaneState.CLOSED and (lane.cursor < version or version > lane.version):
        due = write.now
    if version == lane.version and due == lane.due:
        return lane
    return msgspec.structs.replace(lane, version=version, due=due)


def progressed(lane: Lane | None, write: Progress) -> Lane | None:
    """Return the row after its owner's write, or ``None`` when the write's conditions do not hold (rule 18)."""
    if lane is None or lane.gen != write.gen or lane.turn != write.turn or lane.epoch > write.epoch:
        return None
    due = write.due
    if due is None and lane.version != write.judged_version:
        due = write.now
    return msgspec.structs.replace(
        lane,
        cursor=write.cursor,
        high=max(lane.high, write.high),
        due=due,
        state=write.state,
        # A write under the current gen comes from an owner that has read, and so applied, the request.
        request=None,
        epoch=write.epoch,
        turn=lane.turn + 1,
        attempts=write.attempts,
        unsure=write.unsure,
        healed_at=write.healed_at,
        already_there=write.already_there,
        reason=write.reason,
    )


def requested(lane: Lane, request: LaneRequest, now: float) -> Lane:
    """Return the row with a request on it: a new generation, due at once (rule 19)."""
    due = now if lane.due is None else min(lane.due, now)
    return msgspec.structs.replace(lane, request=request, gen=lane.gen + 1, due=due)


def is_due(lane: Lane, now: float) -> bool:
    """Tell whether a row is to be looked at now."""
    return lane.due is not None and (lane.due <= now or lane.due > now + MAX_DELAY)


def is_young(lane: Lane, now: float) -> bool:
    """Tell whether a lane was born within the last minute."""
    return lane.born >= now - YOUNG


def half_of(limit: int) -> int:
    """Return how many places of a page are kept for young lanes."""
    return limit // 2


def share_room(earliest: Sequence[Lane], young: Iterable[Lane], limit: int) -> list[Lane]:
    """Return a page of at most ``limit`` lanes, earliest due first, half of it kept for young lanes (rule 25).

    ``earliest`` are the first due lanes, young or not; ``young`` at most half a page of young ones that are due.
    """
    kept = {(lane.subscription, lane.uid): lane for lane in young}
    others = [lane for lane in earliest if (lane.subscription, lane.uid) not in kept]
    return sorted([*kept.values(), *others[: limit - len(kept)]], key=due_order)


def due_order(lane: Lane) -> tuple[float, str]:
    """Return the sort key of due lanes of one subscription."""
    return (lane.due or 0.0, lane.uid)
