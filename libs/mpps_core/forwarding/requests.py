"""Requests: what others than the owner ask of a lane, applied by the owner between attempts (rule 19)."""

import msgspec

from mpps_core.lane import Lane, LaneRequest, LaneState, RequestKind


def apply_request(lane: Lane, now: float) -> Lane:
    """Return the lane with its request carried out and taken off; ``now`` is the time of day."""
    request = lane.request
    if request is None:
        return lane
    return msgspec.structs.replace(_APPLIED[request.kind](lane, request, now), request=None)


def _rewind(lane: Lane, request: LaneRequest, now: float) -> Lane:
    cursor = max(0, min(request.position, lane.cursor))
    return msgspec.structs.replace(
        _freed(lane, now),
        cursor=cursor,
        unsure=lane.unsure and cursor == lane.cursor,
        already_there=lane.already_there and cursor > 0,
    )


def _skip(lane: Lane, request: LaneRequest, now: float) -> Lane:
    freed = _freed(lane, now)
    if request.position != lane.cursor + 1 or request.position > lane.version:
        return freed  # it moved on in the meantime: nothing is left to skip
    return msgspec.structs.replace(
        freed,
        cursor=request.position,
        unsure=False,
        high=max(lane.high, request.position),
        due=now if request.position < lane.version else None,
    )


def _close(lane: Lane, request: LaneRequest, now: float) -> Lane:
    del request, now
    return msgspec.structs.replace(lane, due=None, state=LaneState.CLOSED, reason="closed-by-request")


def _resend(lane: Lane, request: LaneRequest, now: float) -> Lane:
    del request
    return _freed(lane, now)


def _freed(lane: Lane, now: float) -> Lane:
    return msgspec.structs.replace(lane, due=now, state=None, attempts=0, healed_at=None, reason=None)


_APPLIED = {
    RequestKind.REWIND: _rewind,
    RequestKind.SKIP: _skip,
    RequestKind.CLOSE: _close,
    RequestKind.RESEND: _resend,
}
