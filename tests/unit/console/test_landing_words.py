"""The words of the landing page."""

from typing import Any

import pytest

from mpps_console.landing import _later_time, _words, lasting
from mpps_console.standing import BreakerStanding, SubscriptionStanding
from mpps_core.reading import LaneCounts
from mpps_core.subscription import Subscription


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (5400, "2 h"),
        (86_400, "24 h"),
        (172_800, "2 d"),
    ],
)
def test_durations_in_words(seconds: Any, words: Any) -> None:
    assert lasting(seconds) == words


def stands(
    *,
    enabled: Any = True,
    applied: Any = True,
    state: Any = "closed",
    reason: Any = None,
    behind: Any = 0,
    parked: Any = 0,
) -> Any:
    subscription = Subscription(
        number=1, id="ris", name="ris", kind="dicomweb", enabled=enabled, starts_at=0, created_at=0, revision=1
    )
    counts = LaneCounts(subscription=1, behind=behind, parked=parked)
    breaker = BreakerStanding(state=state, reason=reason)
    return SubscriptionStanding(subscription=subscription, applied=applied, breaker=breaker, counts=counts)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("good", "level")),
        ({"behind": 3}, ("busy", "behind")),
        ({"behind": 3, "parked": 1}, ("bad", "some parked")),
        ({"applied": False}, ("busy", "being applied")),
        ({"state": "open", "reason": "timeout"}, ("bad", "waiting: timeout")),
        ({"state": "probing"}, ("bad", "being tried")),
        ({"enabled": False, "state": "open"}, ("quiet", "disabled")),
    ],
)
def test_the_worst_comes_first(given: Any, expected: Any) -> None:
    assert _words(stands(**given)) == expected


def test_an_end_on_the_same_day_is_a_time() -> None:
    assert _later_time("20261121081530", "20261121083000") == "08:30:00"
    assert _later_time("20261121231530", "20261122003000") == "2026-11-22 00:30:00"
    assert _later_time(None, "20261122003000") == "2026-11-22 00:30:00"
    assert _later_time("20261121231530", None) == ""
