"""The proof: what a subscriber got, held against what was accepted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import orjson

from mpps_cli.receiver import Arrival


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of everything that one subscriber should have."""

    expected: int = 0  #: operations accepted by the manager
    missing: int = 0  #: never accepted by the subscriber
    out_of_order: int = 0  #: arrived after a newer one of the same step
    different: int = 0  #: with another content than the accepted one
    unexpected: int = 0  #: never accepted by the manager
    repeated: int = 0  #: arrived again after the subscriber had it; allowed, and counted

    @property
    def holds(self) -> bool:
        """Whether the subscriber has every operation, each step in order, and nothing else."""
        return not (self.missing or self.out_of_order or self.different or self.unexpected)


def prove(accepted: Mapping[str, Sequence[bytes]], arrivals: Iterable[Arrival]) -> Verdict:
    """Hold arrivals against what was accepted: bodies by UID, operation 1 first.

    An arrival without ``Mpps-Operation`` counts as unexpected, and so does one of another step.
    """
    newest = dict.fromkeys(accepted, 0)
    had: set[tuple[str, int]] = set()
    out_of_order = different = unexpected = repeated = 0
    for arrival in arrivals:
        number = arrival.number
        bodies = accepted.get(arrival.uid)
        if bodies is None or number is None or not 1 <= number <= len(bodies):
            unexpected += 1
            continue
        out_of_order += number < newest[arrival.uid]
        newest[arrival.uid] = max(newest[arrival.uid], number)
        key = (arrival.uid, number)
        if key in had:
            repeated += 1
            continue
        if not arrival.accepted:
            continue
        had.add(key)
        different += content(arrival.body) != content(bodies[number - 1])
    expected = sum(len(bodies) for bodies in accepted.values())
    return Verdict(
        expected=expected,
        missing=expected - len(had),
        out_of_order=out_of_order,
        different=different,
        unexpected=unexpected,
        repeated=repeated,
    )


def content(body: bytes) -> Any:
    """Return a data set as a value: equal for equal contents, however they are written."""
    value = orjson.loads(body)
    return value[0] if isinstance(value, list) else value
