"""Comparing what a subscriber has of a step with what we have (rules 20 and 21)."""

import enum

import msgspec

from mpps_core.forwarding.answers import Answer, Meaning, meaning_of
from mpps_core.forwarding.interfaces import Retrieved
from mpps_dicom import Refused, StepOperation, StepStatus, status_of

_PPS_STATUS = "00400252"


class Comparison(enum.StrEnum):
    """What came of asking the subscriber for its copy."""

    SAME = "same"  #: the status is ours and so is the content
    OTHER_CONTENT = "other-content"  #: the status is ours, something else differs
    OTHER_STATUS = "other-status"
    ABSENT = "absent"  #: it says it does not have the step
    IMPOSSIBLE = "impossible"  #: it cannot be asked, or does not let us
    FAILED = "failed"  #: it could not be asked now


def compare(retrieved: Retrieved, ours: bytes) -> Comparison:
    """Compare a subscriber's copy with our state of the step (canonical DICOM JSON).

    The status decides; the content is compared attribute by attribute for the record, since a subscriber may add
    and coerce attributes of its own.
    """
    if not retrieved.supported:
        return Comparison.IMPOSSIBLE
    if not retrieved.found:
        return _absence(retrieved.answer)
    theirs = msgspec.json.decode(retrieved.data_set or b"{}", type=dict[str, msgspec.Raw])
    own = msgspec.json.decode(ours, type=dict[str, msgspec.Raw])
    if _status(theirs.get(_PPS_STATUS)) != _status(own.get(_PPS_STATUS)):
        return Comparison.OTHER_STATUS
    same = all(bytes(theirs.get(tag, b"")) == bytes(value) for tag, value in own.items())
    return Comparison.SAME if same else Comparison.OTHER_CONTENT


def _absence(answer: Answer) -> Comparison:
    """Tell why there is no copy: the answer means what it would mean to an Update."""
    if answer.failure is not None:
        return Comparison.FAILED
    meaning = meaning_of(answer, StepOperation.UPDATE)
    if meaning in {Meaning.LOST_THERE, Meaning.GONE, Meaning.DELIVERED}:
        return Comparison.ABSENT
    return Comparison.FAILED if meaning is Meaning.RETRY else Comparison.IMPOSSIBLE


def _status(raw: msgspec.Raw | None) -> StepStatus | None:
    """Return the status, however it is spelled."""
    if raw is None:
        return None
    try:
        return status_of({_PPS_STATUS: msgspec.json.decode(raw)})
    except Refused:
        return None
