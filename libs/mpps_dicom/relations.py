"""What attributes have to do with each other in a step: times, scheduled steps, series, references, reasons.

Nearly all of it is for people to look at: the Standard has no status for it, so these rules warn and never refuse.
"""

from collections.abc import Iterator
from typing import Any, Final

from mpps_dicom.conditions import CODE_VALUE, has_value
from mpps_dicom.context_groups import CID_9300
from mpps_dicom.json_model import DataSet, items_of, values_of
from mpps_dicom.rules import Report
from mpps_dicom.vr import VRS

_SCHEDULED_STEPS: Final = "00400270"
_REQUESTED_PROCEDURE_ID: Final = "00401001"
_SCHEDULED_STEP_ID: Final = "00400009"
_ACCESSION_NUMBER: Final = "00080050"
_REASON: Final = "00400281"
_STATUS: Final = "00400252"
_SERIES: Final = "00400340"
_SERIES_UID: Final = "0020000E"
_REFERENCES: Final = ("00081140", "00400220")
_SCHEME: Final = "00080102"
_START: Final = ("00400244", "00400245")
_END: Final = ("00400250", "00400251")
_COMPLETED: Final = "COMPLETED"


def relate_created(data_set: DataSet, report: Report) -> None:
    """Judge how the attributes of a Create go together (PS3.4 F.7.2.1.2)."""
    _check_scheduled_steps(data_set, report)
    _check_times(data_set, report)
    _check_reason(data_set, report)


def relate_updated(data_set: DataSet, report: Report) -> None:
    """Judge how the attributes of an Update go together; most can only be told from the state (PS3.4 F.7.2.2)."""
    _check_reason(data_set, report)


def relate_final(state: DataSet, report: Report) -> None:
    """Judge how the attributes of a final state go together (PS3.4 F.7.2.2.2)."""
    completed = _text(state, _STATUS) == _COMPLETED
    _check_times(state, report)
    _check_series(state, report)
    if completed and items_of(state, _SERIES) and not _has_references(state):
        detail = "No instance is listed; both lists may be empty only when none was made."
        report.add("final-references", detail, tag=_SERIES)
    if completed and has_value(state, _REASON):
        report.add("reason-not-discontinued", "There is a reason, and the status is COMPLETED.", tag=_REASON)


def _text(level: DataSet, tag: str) -> str:
    """Give the first value without padding; the empty text when it is none or no text."""
    values = values_of(level.get(tag))
    return values[0].strip("\0 ") if values and type(values[0]) is str else ""


def _check_scheduled_steps(data_set: DataSet, report: Report) -> None:
    items = items_of(data_set, _SCHEDULED_STEPS)
    if len(items) == 1:
        return
    seen = set()
    for index, item in enumerate(items):
        step = (_text(item, _REQUESTED_PROCEDURE_ID), _text(item, _SCHEDULED_STEP_ID))
        where = (None, _SCHEDULED_STEPS, index)
        if not any(step) and not _text(item, _ACCESSION_NUMBER):
            report.add("scheduled-steps", "The item names no scheduled step beside others that may.", where=where)
        elif all(step) and step in seen:
            report.add("scheduled-steps", "The scheduled step has an item already.", where=where)
        seen.add(step)


def _check_times(level: DataSet, report: Report) -> None:
    if not _text(level, _END[0]):
        return  # as in nearly every Create
    start, end = _moment(level, *_START), _moment(level, *_END)
    if not start or not end:
        return
    # Times may be given to different precision; what one of them does not tell is no difference.
    shorter = min(len(start), len(end))
    if end[:shorter] < start[:shorter]:
        report.add("end-before-start", "The step ends before it starts.", tag=_END[0])


def _moment(level: DataSet, date_tag: str, time_tag: str) -> str:
    """Give date and time as digits that can be compared; the empty text when either is not as DICOM has it."""
    date, time = _text(level, date_tag), _text(level, time_tag)
    well_formed = _is("DA", date) and (not time or _is("TM", time))
    return date + time if well_formed else ""


def _is(vr: str, text: str) -> bool:
    form = VRS[vr].form
    return form is not None and form.fullmatch(text) is not None


def _check_reason(data_set: DataSet, report: Report) -> None:
    for index, item in enumerate(items_of(data_set, _REASON)):
        code = (_text(item, _SCHEME), _text(item, CODE_VALUE))
        if all(code) and code not in CID_9300:
            detail = "The reason is none of CID 9300, which includes CID 9301."
            report.add("discontinuation-reason", detail, where=(None, _REASON, index), tag=CODE_VALUE)


def _check_series(state: DataSet, report: Report) -> None:
    seen = set()
    for index, item in enumerate(items_of(state, _SERIES)):
        uid = _text(item, _SERIES_UID)
        if uid and uid in seen:
            detail = "The series has an item already."
            report.add("series-twice", detail, where=(None, _SERIES, index), tag=_SERIES_UID)
        seen.add(uid)


def _has_references(state: DataSet) -> bool:
    return any(_lists(state))


def _lists(state: DataSet) -> Iterator[list[Any]]:
    for item in items_of(state, _SERIES):
        for tag in _REFERENCES:
            yield values_of(item.get(tag))
