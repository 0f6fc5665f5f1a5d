"""The registry of kinds of senders: from ``kind`` and ``target`` of a subscription to a sender.

A new kind is a class with the three methods of ``SenderKind``, one line where the registry is wired, and a
harness in ``tests/conformance/sender`` that lets the suite for all senders run against it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from mpps_core.errors import ConfigurationError
from mpps_core.forwarding.interfaces import Sender
from mpps_core.subscription import Subscription
from mpps_senders.targets import TargetFault


class SenderKind(Protocol):
    """One way to reach subscribers."""

    def validate(self, target: Mapping[str, Any]) -> list[TargetFault]:
        """Return everything that is wrong with a target; nothing is reached for that. Paths begin in the target."""
        ...

    def masked(self, target: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of a target, valid or not, without its secrets."""
        ...

    def sender(self, subscription: Subscription) -> Sender:
        """Return a new sender. Raises ConfigurationError when the target is not valid."""
        ...


class SenderRegistry:
    """Knows all kinds; the ``SenderFactory`` of the core."""

    def __init__(self, kinds: Mapping[str, SenderKind]) -> None:
        self._kinds = dict(kinds)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that there are, in alphabetical order."""
        return tuple(sorted(self._kinds))

    def validate(self, kind: str, target: Mapping[str, Any]) -> list[TargetFault]:
        """Return everything that is wrong; paths begin in the subscription, as in ``target.url``."""
        known = self._kinds.get(kind)
        if known is None:
            return [TargetFault(path="kind", detail=f"must be one of {', '.join(self.kinds)}")]
        return [
            TargetFault(path=f"target.{fault.path}" if fault.path else "target", detail=fault.detail)
            for fault in known.validate(target)
        ]

    def masked(self, kind: str, target: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of a target without its secrets; of an unknown kind, nothing but the names of its members."""
        known = self._kinds.get(kind)
        return known.masked(target) if known else dict.fromkeys(target)

    def __call__(self, subscription: Subscription) -> Sender:
        """Return a new sender for a subscription. Raises ConfigurationError."""
        faults = self.validate(subscription.kind, subscription.target)
        if faults:
            told = "; ".join(f"{fault.path} {fault.detail}" for fault in faults)
            raise ConfigurationError(f"subscription {subscription.id}: {told}")
        return self._kinds[subscription.kind].sender(subscription)
