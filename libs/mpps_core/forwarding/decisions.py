"""What follows from an answer: pure functions from values to the next form of a lane (protocol D).

``decide`` says what becomes of the lane, or that the subscriber's copy has to be compared first; ``decide_compared``
says it after the comparison.
"""

import enum

import msgspec

from mpps_core.forwarding.answers import Answer, Channel, Meaning, is_final
from mpps_core.forwarding.comparing import Comparison
from mpps_core.lane import Lane, LaneState
from mpps_core.step import Operation


class Effect(enum.StrEnum):
    """What a decision does to the lane."""

    ADVANCE = "advance"  #: the subscriber has the operation
    WAIT = "wait"  #: try again after the delay; an attempt was spent
    HOLD = "hold"  #: keep the place; the breaker waits for all lanes
    HEAL = "heal"  #: the subscriber lost the step: from the Create on, once
    PARK = "park"  #: slow retries until a person decides
    CLOSE = "close"  #: nothing more
    COMPARE = "compare"  #: ask the subscriber for its copy first


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from an answer."""

    effect: Effect
    note: str | None = None  #: what the manager made of the answer; a code
    already_there: bool = False


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an attempt besides its answer."""

    lane: Lane  #: as it was when the attempt started
    operation: Operation
    maybe_arrived: bool  #: an earlier attempt of this operation may have arrived (rule 21)
    refused_everywhere: bool = False  #: the same refusal came on many lanes in a row (rule 22)
    probing: bool = False  #: this attempt is the breaker's one probe


def maybe_arrived(lane: Lane, epoch: int) -> bool:
    """Tell whether an attempt of operation ``cursor + 1`` before this one may have arrived.

    Every owner leaves its epoch on the row with each write, so a row of an older epoch is one whose last attempts
    nobody here has seen.
    """
    return lane.unsure or lane.epoch < epoch


def decide(situation: Situation, answer: Answer, meaning: Meaning) -> Decision:
    """Return what follows from an answer with this meaning."""
    return _DECIDERS[meaning](situation, answer)


def decide_compared(situation: Situation, meaning: Meaning, comparison: Comparison) -> Decision:
    """Return what follows once the subscriber's copy was compared, or could not be."""
    if comparison is Comparison.FAILED:
        return Decision(effect=Effect.WAIT, note="compare-failed")
    if meaning is Meaning.ALREADY_THERE:
        return Decision(effect=Effect.ADVANCE, note=f"already-there-{comparison}", already_there=True)
    if comparison in {Comparison.SAME, Comparison.OTHER_CONTENT}:
        return Decision(effect=Effect.ADVANCE, note=f"already-closed-there-{comparison}")
    if comparison is Comparison.IMPOSSIBLE and (_is_replay(situation.lane) or situation.maybe_arrived):
        return Decision(effect=Effect.ADVANCE, note="already-closed-there-unconfirmed")
    return Decision(effect=Effect.PARK, note=f"closed-there-{comparison}")


def _delivered(situation: Situation, answer: Answer) -> Decision:
    del situation, answer
    return Decision(effect=Effect.ADVANCE)


def _already_there(situation: Situation, answer: Answer) -> Decision:
    del situation, answer
    return Decision(effect=Effect.COMPARE)


def _lost_there(situation: Situation, answer: Answer) -> Decision:
    del answer
    # A subscriber that lost everything answers as one does behind a wrong address. The probe finds out which: if this
    # one lane can be healed, its Create closes the breaker and the others follow.
    if situation.refused_everywhere and (not situation.probing or situation.lane.healed_at is not None):
        return Decision(effect=Effect.HOLD, note="lost-everywhere")
    if situation.lane.healed_at is not None:
        return Decision(effect=Effect.PARK, note="lost-again")
    return Decision(effect=Effect.HEAL, note="healing")


def _closed_there(situation: Situation, answer: Answer) -> Decision:
    if _is_replay(situation.lane):
        return Decision(effect=Effect.COMPARE)
    if not is_final(situation.operation.status):
        return Decision(effect=Effect.PARK, note="closed-there")
    if situation.maybe_arrived and answer.channel is Channel.DIMSE:
        # A710H can only mean the final state; a plain 409 may mean another conflict (PS3.18 15.5.3.1 note).
        return Decision(effect=Effect.ADVANCE, note="already-closed-there-by-us")
    return Decision(effect=Effect.COMPARE)


def _gone(situation: Situation, answer: Answer) -> Decision:
    del situation, answer
    return Decision(effect=Effect.CLOSE, note="gone-there")


def _retry(situation: Situation, answer: Answer) -> Decision:
    del situation
    if answer.failure is not None:
        return Decision(effect=Effect.WAIT, note=str(answer.failure))
    return Decision(effect=Effect.WAIT, note=f"status-{answer.status}")


def _misconfigured(situation: Situation, answer: Answer) -> Decision:
    del situation
    note = str(answer.failure) if answer.failure is not None else f"status-{answer.status}"
    return Decision(effect=Effect.HOLD, note=f"misconfigured-{note}")


def _refused(situation: Situation, answer: Answer) -> Decision:
    if situation.refused_everywhere:
        return Decision(effect=Effect.HOLD, note=f"refused-everywhere-{answer.status}")
    return Decision(effect=Effect.PARK, note=f"refused-{answer.status}")


def _is_replay(lane: Lane) -> bool:
    return lane.cursor < lane.high or lane.already_there


_DECIDERS = {
    Meaning.DELIVERED: _delivered,
    Meaning.ALREADY_THERE: _already_there,
    Meaning.LOST_THERE: _lost_there,
    Meaning.CLOSED_THERE: _closed_there,
    Meaning.GONE: _gone,
    Meaning.RETRY: _retry,
    Meaning.MISCONFIGURED: _misconfigured,
    Meaning.REFUSED: _refused,
}


def apply_effect(situation: Situation, decision: Decision, *, unknown_outcome: bool, now: float, wait: float) -> Lane:
    """Return the lane after a decision. ``wait`` is the delay of a WAIT or PARK in seconds, ``now`` the time of day."""
    lane, number = situation.lane, situation.operation.number
    replace = msgspec.structs.replace
    match decision.effect:
        case Effect.ADVANCE:
            return advanced(lane, number, now, already_there=decision.already_there or lane.already_there)
        case Effect.HEAL:
            return replace(
                lane, cursor=0, due=now, state=None, attempts=0, unsure=False, healed_at=number, reason=decision.note
            )
        case Effect.WAIT | Effect.PARK:
            return replace(
                lane,
                due=now + wait,
                state=LaneState.PARKED if decision.effect is Effect.PARK else lane.state,
                attempts=lane.attempts + 1,
                unsure=situation.maybe_arrived or unknown_outcome,
                reason=decision.note,
            )
        case Effect.CLOSE:
            return replace(lane, due=None, state=LaneState.CLOSED, reason=decision.note)
        case _:
            return replace(lane, due=now, reason=decision.note, unsure=situation.maybe_arrived or unknown_outcome)


def advanced(lane: Lane, number: int, now: float, *, already_there: bool) -> Lane:
    """Return the lane after its subscriber got operation ``number``."""
    return msgspec.structs.replace(
        lane,
        cursor=number,
        high=max(lane.high, number),
        due=now if number < lane.version else None,
        state=None,
        attempts=0,
        unsure=False,
        healed_at=None if lane.healed_at is not None and number >= lane.healed_at else lane.healed_at,
        already_there=already_there,
        reason=None,
    )
