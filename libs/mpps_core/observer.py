"""The observer port: what the core tells about its work. Labels never hold patients, UIDs or free text."""

from typing import Protocol


class Observer(Protocol):
    """Counts and measures."""

    def operation_accepted(self, *, door: str, kind: str, outcome: str, seconds: float) -> None:
        """Tell that an operation was answered at a door; ``outcome`` is one of the words in ``accepting.outcome``."""
        ...

    def deviation(self, *, source: str, rule: str) -> None:
        """Tell that a source deviated from the Standard in what was accepted."""
        ...

    def attempt_finished(self, *, subscription: str, outcome: str, seconds: float) -> None:
        """Tell that an attempt came back after ``seconds``."""
        ...

    def delivered(self, *, subscription: str, seconds: float) -> None:
        """Tell that an operation was delivered ``seconds`` after it had been accepted."""
        ...

    def breaker(self, *, subscription: str, is_open: bool) -> None:
        """Tell that the breaker of a subscription opened or closed."""
        ...

    def event(self, name: str, **keys: str | float | None) -> None:
        """Tell something worth a log line; ``name`` is constant, keys hold ids and codes only."""
        ...


class NullObserver:
    """Observes nothing."""

    def operation_accepted(self, *, door: str, kind: str, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def deviation(self, *, source: str, rule: str) -> None:
        """Do nothing."""

    def attempt_finished(self, *, subscription: str, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def delivered(self, *, subscription: str, seconds: float) -> None:
        """Do nothing."""

    def breaker(self, *, subscription: str, is_open: bool) -> None:
        """Do nothing."""

    def event(self, name: str, **keys: str | float | None) -> None:
        """Do nothing."""
