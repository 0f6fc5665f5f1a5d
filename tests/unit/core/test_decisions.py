"""What follows from an answer: every meaning in every situation, and what each decision does to a lane (protocol D)."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from mpps_core.forwarding.answers import A710, Answer, Channel, Failure, Meaning
from mpps_core.forwarding.comparing import Comparison
from mpps_core.forwarding.decisions import (
    Decision,
    Effect,
    Situation,
    advanced,
    apply_effect,
    decide,
    decide_compared,
    maybe_arrived,
)
from mpps_core.lane import Lane, LaneState
from mpps_dicom import StepStatus
from tests.unit.core.values import NOW, dimse, http, lane, operation

FLAGS: Final = ("replay", "already", "final", "arrived", "everywhere", "probing", "healed", "dimse")

Rows = list[tuple[Meaning, dict[str, bool], Effect, str | None]]

# Meaning, what the situation must have for the row to fit, what follows, and the note. The first row that fits counts.
TABLE: Final[Rows] = [
    (Meaning.DELIVERED, {}, Effect.ADVANCE, None),
    (Meaning.ALREADY_THERE, {}, Effect.COMPARE, None),  # "compare by Retrieve where the subscriber supports it"
    # Rule 22: five lanes in a row open the breaker before a sixth is healed; its probe may heal one, once.
    (Meaning.LOST_THERE, {"everywhere": True, "probing": False}, Effect.HOLD, "lost-everywhere"),
    (Meaning.LOST_THERE, {"everywhere": True, "healed": True}, Effect.HOLD, "lost-everywhere"),
    (Meaning.LOST_THERE, {"healed": True}, Effect.PARK, "lost-again"),
    (Meaning.LOST_THERE, {}, Effect.HEAL, "healing"),
    # Rule 20: while replayed, or after an "already there", any 409 is compared and then counts.
    (Meaning.CLOSED_THERE, {"replay": True}, Effect.COMPARE, None),
    (Meaning.CLOSED_THERE, {"already": True}, Effect.COMPARE, None),
    # The table of answers: an interim Update of a step that is closed there parks.
    (Meaning.CLOSED_THERE, {"final": False}, Effect.PARK, "closed-there"),
    # Rule 21: A710H after an attempt that may have arrived is ours; a 409 of another kind never counts unasked.
    (Meaning.CLOSED_THERE, {"arrived": True, "dimse": True}, Effect.ADVANCE, "already-closed-there-by-us"),
    (Meaning.CLOSED_THERE, {}, Effect.COMPARE, None),
    (Meaning.GONE, {}, Effect.CLOSE, "gone-there"),
    (Meaning.RETRY, {}, Effect.WAIT, "status-503"),
    (Meaning.MISCONFIGURED, {}, Effect.HOLD, "misconfigured-status-401"),
    (Meaning.REFUSED, {"everywhere": True}, Effect.HOLD, "refused-everywhere-400"),  # rule 22
    (Meaning.REFUSED, {}, Effect.PARK, "refused-400"),
]

COMPARED: Final[list[tuple[Meaning, dict[str, bool], Comparison, Effect, str]]] = [
    # A Create that is there is delivered, whatever else is found; only a Retrieve that failed is tried again.
    (Meaning.ALREADY_THERE, {}, Comparison.SAME, Effect.ADVANCE, "already-there-same"),
    (Meaning.ALREADY_THERE, {}, Comparison.OTHER_CONTENT, Effect.ADVANCE, "already-there-other-content"),
    (Meaning.ALREADY_THERE, {}, Comparison.OTHER_STATUS, Effect.ADVANCE, "already-there-other-status"),
    (Meaning.ALREADY_THERE, {}, Comparison.ABSENT, Effect.ADVANCE, "already-there-absent"),
    (Meaning.ALREADY_THERE, {}, Comparison.IMPOSSIBLE, Effect.ADVANCE, "already-there-impossible"),
    (Meaning.ALREADY_THERE, {}, Comparison.FAILED, Effect.WAIT, "compare-failed"),
    (Meaning.CLOSED_THERE, {}, Comparison.SAME, Effect.ADVANCE, "already-closed-there-same"),
    (Meaning.CLOSED_THERE, {}, Comparison.OTHER_CONTENT, Effect.ADVANCE, "already-closed-there-other-content"),
    (Meaning.CLOSED_THERE, {}, Comparison.OTHER_STATUS, Effect.PARK, "closed-there-other-status"),
    (Meaning.CLOSED_THERE, {}, Comparison.ABSENT, Effect.PARK, "closed-there-absent"),
    (Meaning.CLOSED_THERE, {}, Comparison.FAILED, Effect.WAIT, "compare-failed"),
    # Rules 20 and 21: where nothing can be compared, it counts in a replay or after an attempt that may have arrived.
    (
        Meaning.CLOSED_THERE,
        {"replay": True},
        Comparison.IMPOSSIBLE,
        Effect.ADVANCE,
        "already-closed-there-unconfirmed",
    ),
    (
        Meaning.CLOSED_THERE,
        {"already": True},
        Comparison.IMPOSSIBLE,
        Effect.ADVANCE,
        "already-closed-there-unconfirmed",
    ),
    (
        Meaning.CLOSED_THERE,
        {"arrived": True},
        Comparison.IMPOSSIBLE,
        Effect.ADVANCE,
        "already-closed-there-unconfirmed",
    ),
    (Meaning.CLOSED_THERE, {}, Comparison.IMPOSSIBLE, Effect.PARK, "closed-there-impossible"),
]

HTTP: Final = {
    Meaning.DELIVERED: 200,
    Meaning.ALREADY_THERE: 409,
    Meaning.LOST_THERE: 404,
    Meaning.CLOSED_THERE: 409,
    Meaning.GONE: 410,
    Meaning.RETRY: 503,
    Meaning.MISCONFIGURED: 401,
    Meaning.REFUSED: 400,
}


def situations() -> Iterator[dict[str, bool]]:
    """Yield every combination of what a situation may have."""
    for values in itertools.product([False, True], repeat=len(FLAGS)):
        yield dict(zip(FLAGS, values, strict=True))


def situation(flags: dict[str, bool]) -> Situation:
    row = lane(
        cursor=1,
        high=3 if flags["replay"] else 1,
        already_there=flags["already"],
        healed_at=2 if flags["healed"] else None,
    )
    return Situation(
        lane=row,
        operation=operation(2, status=StepStatus.COMPLETED if flags["final"] else None),
        maybe_arrived=flags["arrived"],
        refused_everywhere=flags["everywhere"],
        probing=flags["probing"],
    )


def answer(meaning: Meaning, flags: dict[str, bool]) -> Answer:
    if meaning is Meaning.CLOSED_THERE and flags["dimse"]:
        return dimse(0x0110, error_id=A710)
    return http(HTTP[meaning])


def fits(conditions: dict[str, bool], flags: dict[str, bool]) -> bool:
    return all(flags[name] is value for name, value in conditions.items())


@pytest.mark.parametrize("meaning", Meaning)
def test_every_meaning_in_every_situation(meaning: Meaning) -> None:
    for flags in situations():
        effect, note = next((e, n) for m, conditions, e, n in TABLE if m is meaning and fits(conditions, flags))
        decision = decide(situation(flags), answer(meaning, flags), meaning)
        assert (decision.effect, decision.note) == (effect, note), flags


@pytest.mark.parametrize(
    ("meaning", "comparison"), [*itertools.product([Meaning.ALREADY_THERE, Meaning.CLOSED_THERE], Comparison)]
)
def test_every_comparison_in_every_situation(meaning: Meaning, comparison: Comparison) -> None:
    for flags in situations():
        effect, note = next(
            (e, n)
            for m, conditions, c, e, n in COMPARED
            if m is meaning and c is comparison and fits(conditions, flags)
        )
        decision = decide_compared(situation(flags), meaning, comparison)
        assert (decision.effect, decision.note) == (effect, note), flags
        # Rule 20: once the Create was "already there", later conflicts of the lane are judged as in a replay.
        assert decision.already_there is (meaning is Meaning.ALREADY_THERE and effect is Effect.ADVANCE)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_is_named_in_the_note(failure: Failure) -> None:
    silent = Answer(channel=Channel.NONE, failure=failure)
    flags = dict.fromkeys(FLAGS, False)
    assert decide(situation(flags), silent, Meaning.RETRY).note == str(failure)
    assert decide(situation(flags), silent, Meaning.MISCONFIGURED).note == f"misconfigured-{failure}"


@pytest.mark.parametrize(
    ("row", "arrived"),
    [
        ({"epoch": 5}, False),
        ({"epoch": 5, "unsure": True}, True),
        ({"epoch": 4}, True),  # rule 21: first attempt since the row was loaded from another life
        ({"epoch": 4, "unsure": True}, True),
    ],
)
def test_what_an_earlier_life_tried_may_have_arrived(row: dict[str, Any], arrived: bool) -> None:
    assert maybe_arrived(lane(**row), 5) is arrived


# What each effect does to a lane. ``{...}``: the members that change; every other one stays.

WAITING: Final = lane(cursor=1, high=1, attempts=4, unsure=False, reason="status-503")

EFFECTS: Final[list[tuple[str, Lane, Decision, dict[str, Any]]]] = [
    (
        "delivered, and more to send",
        WAITING,
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "high": 2, "due": NOW, "attempts": 0, "reason": None},
    ),
    (
        "delivered the newest",
        lane(version=2, cursor=1, state=LaneState.PARKED, unsure=True, attempts=1, reason="refused-400"),
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "high": 2, "due": None, "state": None, "attempts": 0, "unsure": False, "reason": None},
    ),
    (
        "delivered again in a replay",
        lane(cursor=1, high=3),
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "high": 3, "due": NOW},
    ),
    (
        "the Create was there",
        lane(cursor=1),
        Decision(effect=Effect.ADVANCE, already_there=True),
        {"cursor": 2, "high": 2, "due": NOW, "already_there": True},
    ),
    (
        "what was there once stays so",
        lane(cursor=1, already_there=True),
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "high": 2, "due": NOW, "already_there": True},
    ),
    (
        "rule 22: delivered what had been lost: it may be healed again",
        lane(cursor=1, high=2, healed_at=2),
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "due": NOW, "healed_at": None},
    ),
    (
        "rule 22: not yet",
        lane(cursor=1, high=2, healed_at=3),
        Decision(effect=Effect.ADVANCE),
        {"cursor": 2, "due": NOW},
    ),
    (
        "lost there: from the Create on, at once",
        lane(cursor=1, attempts=2, unsure=True, state=LaneState.PARKED),
        Decision(effect=Effect.HEAL, note="healing"),
        {"cursor": 0, "due": NOW, "state": None, "attempts": 0, "unsure": False, "healed_at": 2, "reason": "healing"},
    ),
    (
        "try again later",
        WAITING,
        Decision(effect=Effect.WAIT, note="timeout"),
        {"due": NOW + 7.0, "attempts": 5, "reason": "timeout"},
    ),
    (
        "a parked lane that is tried stays parked",
        lane(state=LaneState.PARKED, attempts=1),
        Decision(effect=Effect.WAIT, note="timeout"),
        {"due": NOW + 7.0, "attempts": 2, "reason": "timeout"},
    ),
    (
        "parked",
        WAITING,
        Decision(effect=Effect.PARK, note="refused-400"),
        {"due": NOW + 7.0, "attempts": 5, "state": LaneState.PARKED, "reason": "refused-400"},
    ),
    (
        "gone there: closed for good, and the fact is kept",
        WAITING,
        Decision(effect=Effect.CLOSE, note="gone-there"),
        {"due": None, "state": LaneState.CLOSED, "reason": "gone-there"},
    ),
    (
        "misconfigured: no attempt is spent and no place lost",
        WAITING,
        Decision(effect=Effect.HOLD, note="misconfigured-status-401"),
        {"due": NOW, "reason": "misconfigured-status-401"},
    ),
]


@pytest.mark.parametrize(
    ("before", "decision", "changes"), [row[1:] for row in EFFECTS], ids=[row[0] for row in EFFECTS]
)
def test_each_effect_changes_what_it_should_and_nothing_else(
    before: Lane, decision: Decision, changes: dict[str, Any]
) -> None:
    known = Situation(lane=before, operation=operation(2), maybe_arrived=False)
    after = apply_effect(known, decision, unknown_outcome=False, now=NOW, wait=7.0)
    assert after == msgspec.structs.replace(before, **changes)


@pytest.mark.parametrize("effect", [Effect.WAIT, Effect.PARK, Effect.HOLD])
@pytest.mark.parametrize(("arrived", "unknown"), [*itertools.product([False, True], repeat=2)])
def test_a_lane_remembers_that_an_attempt_may_have_arrived(effect: Effect, arrived: bool, unknown: bool) -> None:
    """Rule 21 needs it at the next attempt, in this life or another."""
    known = Situation(lane=WAITING, operation=operation(2), maybe_arrived=arrived)
    after = apply_effect(known, Decision(effect=effect), unknown_outcome=unknown, now=NOW, wait=7.0)
    assert after.unsure is (arrived or unknown)


def test_a_lane_never_falls_behind_its_furthest_cursor() -> None:
    after = advanced(lane(cursor=1, high=3), 2, NOW, already_there=False)
    assert (after.cursor, after.high) == (2, 3)
