"""Comparing what a subscriber has of a step with what we have (rules 20 and 21)."""

import enum

import msgspec

from mpps_core.forwarding.interfaces import Retrieved

_PPS_STATUS = "00400252"


class Comparison(enum.StrEnum):
    """What came of asking the subscriber for its copy."""

    SAME = "same"  #: the status is ours and so is the content
    OTHER_CONTENT = "other-content"  #: the status is ours, something else differs
    OTHER_STATUS = "other-status"
    ABSENT = "absent"  #: it says it does not have the step
    IMPOSSIBLE = "impossible"  #: it cannot be asked
    FAILED = "failed"  #: it could not be asked now


def compare(retrieved: Retrieved, ours: bytes) -> Comparison:
    """Compare a subscriber's copy with our state of the step (canonical DICOM JSON).

    The status decides; the content is compared attribute by attribute for the record, since a subscriber may add
    and coerce attributes of its own.
    """
    if not retrieved.supported:
        return Comparison.IMPOSSIBLE
    if not retrieved.found:
        return Comparison.ABSENT if retrieved.answer.failure is None else Comparison.FAILED
    theirs = msgspec.json.decode(retrieved.data_set or b"{}", type=dict[str, msgspec.Raw])
    own = msgspec.json.decode(ours, type=dict[str, msgspec.Raw])
    if _status(theirs.get(_PPS_STATUS)) != _status(own.get(_PPS_STATUS)):
        return Comparison.OTHER_STATUS
    same = all(bytes(theirs.get(tag, b"")) == bytes(value) for tag, value in own.items())
    return Comparison.SAME if same else Comparison.OTHER_CONTENT


def _status(raw: msgspec.Raw | None) -> str | None:
    if raw is None:
        return None
    values = msgspec.json.decode(raw).get("Value") or [None]
    return str(values[0]).strip().upper()
