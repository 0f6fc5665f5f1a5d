"""The state machine of a performed procedure step: PS3.4 F.1.5, Tables F.1-3 and F.1-4, F.7.2.1.3, F.7.2.2.3."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mpps_dicom.findings import Finding, Severity
from mpps_dicom.json_model import DataSet, is_empty, values_of
from mpps_dicom.rules import RULES, finding_of, refusal

STATUS_TAG: Final = "00400252"
"""Performed Procedure Step Status (0040,0252)."""


class StepStatus(StrEnum):
    """The three values of Performed Procedure Step Status (PS3.3 C.4.14)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"

    @property
    def is_final(self) -> bool:
        """Whether nothing may follow."""
        return self is not StepStatus.IN_PROGRESS


class StepOperation(StrEnum):
    """What a modality asks for: N-CREATE or N-SET, Create or Update."""

    CREATE = "create"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One cell of the table: the status that follows, or the rule that refuses."""

    result: StepStatus | None = None
    rule: str | None = None
    section: str

    @property
    def allowed(self) -> bool:
        """Whether the operation may go on."""
        return self.result is not None

    @property
    def refusal(self) -> Finding | None:
        """The finding to answer a refused operation with."""
        if self.rule is None:
            return None
        return finding_of(self.rule, _SENTENCES[self.rule], severity=Severity.REFUSE, tag=_PLACES.get(self.rule))


_SENTENCES: Final = {
    "status-not-in-progress": "A step is created with the status IN PROGRESS and no other.",
    "duplicate-instance": "There is a step with this UID already.",
    "no-such-instance": "There is no step with this UID.",
    "step-final": "The step is COMPLETED or DISCONTINUED and may no longer be updated.",
}
_PLACES: Final = {"status-not-in-progress": STATUS_TAG}


def _to(result: StepStatus, section: str) -> Transition:
    return Transition(result=result, section=section)


def _refused(rule: str) -> Transition:
    return Transition(rule=rule, section=RULES[rule].section)


_NONE = None
_IN_PROGRESS, _COMPLETED, _DISCONTINUED = StepStatus
_CREATE, _UPDATE = StepOperation

_BEGUN = _to(_IN_PROGRESS, "PS3.4 F.7.2.1.3")
_GOES_ON = _to(_IN_PROGRESS, "PS3.4 F.7.2.2.3")
_DONE = _to(_COMPLETED, "PS3.4 F.7.2.2.2")
_ABANDONED = _to(_DISCONTINUED, "PS3.4 F.7.2.2.2")
_NOT_BEGUN = _refused("status-not-in-progress")
_TWICE = _refused("duplicate-instance")
_UNKNOWN = _refused("no-such-instance")
_FINAL = _refused("step-final")

# A Create with another status than IN PROGRESS is refused for that whatever is stored: the fault is in the request.
TRANSITIONS: Final = {
    (_NONE, _CREATE, _NONE): _NOT_BEGUN,
    (_NONE, _CREATE, _IN_PROGRESS): _BEGUN,
    (_NONE, _CREATE, _COMPLETED): _NOT_BEGUN,
    (_NONE, _CREATE, _DISCONTINUED): _NOT_BEGUN,
    (_IN_PROGRESS, _CREATE, _NONE): _NOT_BEGUN,
    (_IN_PROGRESS, _CREATE, _IN_PROGRESS): _TWICE,
    (_IN_PROGRESS, _CREATE, _COMPLETED): _NOT_BEGUN,
    (_IN_PROGRESS, _CREATE, _DISCONTINUED): _NOT_BEGUN,
    (_COMPLETED, _CREATE, _NONE): _NOT_BEGUN,
    (_COMPLETED, _CREATE, _IN_PROGRESS): _TWICE,
    (_COMPLETED, _CREATE, _COMPLETED): _NOT_BEGUN,
    (_COMPLETED, _CREATE, _DISCONTINUED): _NOT_BEGUN,
    (_DISCONTINUED, _CREATE, _NONE): _NOT_BEGUN,
    (_DISCONTINUED, _CREATE, _IN_PROGRESS): _TWICE,
    (_DISCONTINUED, _CREATE, _COMPLETED): _NOT_BEGUN,
    (_DISCONTINUED, _CREATE, _DISCONTINUED): _NOT_BEGUN,
    (_NONE, _UPDATE, _NONE): _UNKNOWN,
    (_NONE, _UPDATE, _IN_PROGRESS): _UNKNOWN,
    (_NONE, _UPDATE, _COMPLETED): _UNKNOWN,
    (_NONE, _UPDATE, _DISCONTINUED): _UNKNOWN,
    (_IN_PROGRESS, _UPDATE, _NONE): _GOES_ON,
    (_IN_PROGRESS, _UPDATE, _IN_PROGRESS): _GOES_ON,
    (_IN_PROGRESS, _UPDATE, _COMPLETED): _DONE,
    (_IN_PROGRESS, _UPDATE, _DISCONTINUED): _ABANDONED,
    (_COMPLETED, _UPDATE, _NONE): _FINAL,
    (_COMPLETED, _UPDATE, _IN_PROGRESS): _FINAL,
    (_COMPLETED, _UPDATE, _COMPLETED): _FINAL,
    (_COMPLETED, _UPDATE, _DISCONTINUED): _FINAL,
    (_DISCONTINUED, _UPDATE, _NONE): _FINAL,
    (_DISCONTINUED, _UPDATE, _IN_PROGRESS): _FINAL,
    (_DISCONTINUED, _UPDATE, _COMPLETED): _FINAL,
    (_DISCONTINUED, _UPDATE, _DISCONTINUED): _FINAL,
}
"""(current status or None when there is no step, operation, status sent or None) to what follows."""


def transition(current: StepStatus | None, operation: StepOperation, requested: StepStatus | None) -> Transition:
    """Look up what an operation does to a step."""
    return TRANSITIONS[current, operation, requested]


_SPELLINGS: Final = {"INPROGRESS": StepStatus.IN_PROGRESS} | {status.value: status for status in StepStatus}

# Statuses of scheduled steps and work items that are sent by mistake; these may be repeated in an answer.
_OTHERS: Final = frozenset(
    {"SCHEDULED", "ARRIVED", "READY", "STARTED", "DEPARTED", "CANCELED", "CANCELLED", "SUSPENDED", "ABORTED", "DONE"}
)


def status_of(data_set: DataSet) -> StepStatus | None:
    """Give the status a data set asks for, None when it has no such attribute.

    Spaces and NULs around it and its case do not count, and INPROGRESS is understood; the data set keeps what
    was sent. Raises Refused when the attribute is there but is none of the three, and when it is empty: a
    Create has to say IN PROGRESS, and an Update would leave the step without a status.
    """
    element = data_set.get(STATUS_TAG)
    if element is None:
        return None
    values = values_of(element)
    text = values[0].strip("\0 ").upper() if len(values) == 1 and isinstance(values[0], str) else ""
    if text in _SPELLINGS:
        return _SPELLINGS[text]
    if is_empty(element):
        raise refusal("status-empty", "The status is sent without a value.", tag=STATUS_TAG)
    sent = text if text in _OTHERS else "something else"
    raise refusal(
        "status-unknown",
        f"The status is {sent}; it can be IN PROGRESS, COMPLETED or DISCONTINUED.",
        tag=STATUS_TAG,
    )
