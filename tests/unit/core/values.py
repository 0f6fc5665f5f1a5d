"""Values for tests of decisions, each with everything that a test does not care about filled in."""

from typing import Any, Final

from mpps_core.forwarding.answers import Answer, Channel
from mpps_core.lane import Lane
from mpps_core.slots import slot_of
from mpps_core.step import Operation
from mpps_core.subscription import Subscription
from mpps_dicom import StepStatus
from tests.conformance.store import making

UID: Final = "2.25.1"
NOW: Final = making.NOW

FINAL: Final = (StepStatus.COMPLETED, StepStatus.DISCONTINUED)


def lane(**given: Any) -> Lane:
    """Make a ledger row: version 3, of which the subscriber has the Create."""
    uid = given.pop("uid", UID)
    members: dict[str, Any] = {"version": 3, "cursor": 1, "high": given.get("cursor", 1), "due": NOW, **given}
    return Lane(subscription=1, uid=uid, slot=slot_of(uid), **members)


def operation(number: int = 2, **given: Any) -> Operation:
    """Make an operation."""
    return making.operation(number, **given)


def subscription(name: str = "ris", **given: Any) -> Subscription:
    """Make a subscription that is not kept yet."""
    return making.subscription(name, **given)


def http(status: int, **given: Any) -> Answer:
    """Make an answer of a DICOMweb subscriber."""
    return Answer(channel=Channel.HTTP, status=status, **given)


def dimse(status: int, **given: Any) -> Answer:
    """Make an answer of a DIMSE subscriber."""
    return Answer(channel=Channel.DIMSE, status=status, **given)
