"""What came of a run, counted by the words of the protocol (section F)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.modality import Sent
from tests.faults.subscriber import Arrived

Stored = Mapping[str, Sequence[int | None]]
"""What the manager has: the markers of each step's operations, in the order of their numbers."""


@dataclass(slots=True)
class Account:
    """Figures. Everything in ``wrong`` breaks a promise."""

    acknowledged: int = 0
    stored: int = 0
    delivered: int = 0
    duplicates: int = 0  #: an operation that came to a subscriber again
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def found(self, what: str, where: str) -> None:
        """Note a broken promise."""
        self.wrong.setdefault(what, []).append(where)

    def count(self, what: str) -> int:
        """Return how often a promise was broken."""
        return len(self.wrong.get(what, ()))


def take(sent: Iterable[Sent], stored: Stored, arrivals: Mapping[str, Sequence[Arrived]]) -> Account:
    """Hold what modalities were told, what the manager has and what each subscriber got against each other."""
    account = Account()
    for step in sent:
        markers = list(stored.get(step.uid, ()))
        account.acknowledged += step.acknowledged
        account.stored += len(markers)
        # One that was stored and not acknowledged came again: both are kept, one after the other.
        if [m for n, m in enumerate(markers) if n == 0 or m != markers[n - 1]][: step.acknowledged] != list(
            range(step.acknowledged)
        ):
            account.found("lost", f"{step.uid}: {step.acknowledged} acknowledged, stored {markers}")
    for name, came in arrivals.items():
        _follow(account, name, came, stored)
    return account


def _follow(account: Account, name: str, came: Sequence[Arrived], stored: Stored) -> None:
    newest: dict[str, int] = {}
    got: dict[str, set[int]] = {}
    for each in came:
        where = f"{name} {each.uid}/{each.number}"
        markers = stored.get(each.uid, ())
        if not 0 < each.number <= len(markers):
            account.found("unknown", where)
        elif markers[each.number - 1] != each.marker:
            account.found("other content", where)
        before = newest.get(each.uid, 0)
        if each.number < before:
            account.found("order", f"{where} after {before}")
        elif each.number > before + 1:
            account.found("order", f"{where} before {before + 1}")
        newest[each.uid] = max(before, each.number)
        numbers = got.setdefault(each.uid, set())
        if each.answer == 503:
            continue  # offered, not taken
        account.duplicates += each.number in numbers
        numbers.add(each.number)
    for uid, markers in stored.items():
        missing = set(range(1, len(markers) + 1)) - got.get(uid, set())
        account.delivered += len(got.get(uid, set()))
        for number in sorted(missing):
            account.found("lost", f"{name} {uid}/{number} never came")
