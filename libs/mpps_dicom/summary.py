"""The header of a step: what it can be searched and filtered by, from one data set or all of them together."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

from mpps_dicom.json_model import DataSet, items_of, values_of

_SCHEDULED_STEP_ATTRIBUTES: Final = "00400270"
_PROCEDURE_CODES: Final = "00081032"
_REQUESTED_PROCEDURE_CODES: Final = "00321064"
_PROTOCOL_CODES: Final = "00400260"
_ISSUER_OF_ACCESSION_NUMBER: Final = "00080051"
_CODE_VALUES: Final = ("00080100", "00080119", "00080120")
_CODING_SCHEME: Final = "00080102"
_ISSUER_IDS: Final = ("00400031", "00400032")
_START: Final = ("00400244", "00400245")
_END: Final = ("00400250", "00400251")
_TIMEZONE_OFFSET: Final = "00080201"

_TOP_LEVEL: Final = {
    "patient_ids": "00100020",
    "patient_names": "00100010",
    "modalities": "00080060",
    "station_aes": "00400241",
    "station_names": "00400242",
}
_OF_EACH_SCHEDULED_STEP: Final = {
    "accession_numbers": "00080050",
    "study_uids": "0020000D",
    "sps_ids": "00400009",
}
_SAYS_SCHEDULED: Final = ("00400009", "00080050", "00401001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Header fields. Each tuple has the values in order of appearance, none empty and none twice."""

    patient_ids: tuple[str, ...] = ()
    patient_names: tuple[str, ...] = ()
    """As DICOM writes them, groups joined with ``=``."""
    accession_numbers: tuple[str, ...] = ()
    study_uids: tuple[str, ...] = ()
    sps_ids: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    station_aes: tuple[str, ...] = ()
    station_names: tuple[str, ...] = ()
    procedure_codes: tuple[str, ...] = ()
    """``CODE^SCHEME`` of Procedure Code, Requested Procedure Code and Performed Protocol Code Sequence."""
    issuers: tuple[str, ...] = ()
    """Local and universal ids of Issuer of Accession Number Sequence. Issuer of Patient ID is not among them: a
    filter on who issued the order must not let a step through because of who issued the patient's number."""
    start: str | None = None
    """``YYYYMMDDHHMMSS[.frac]`` as sent, or the date alone."""
    end: str | None = None
    timezone_offset: str | None = None
    scheduled: bool | None = None
    """None without a Scheduled Step Attributes Sequence; True when an item names a scheduled step, accession
    number or requested procedure."""

    def joined(self, newer: "Summary") -> "Summary":
        """Add a newer data set: tuples unite, single values are the newer where given, scheduled stays True."""
        joined: dict[str, Any] = {}
        for name in _NAMES:
            old, new = getattr(self, name), getattr(newer, name)
            if isinstance(old, tuple):
                joined[name] = old if not new or new == old else tuple(dict.fromkeys((*old, *new)))
            else:
                joined[name] = old if new is None else new
        joined["scheduled"] = self.scheduled or joined["scheduled"]
        return Summary(**joined)


_NAMES: Final = tuple(member.name for member in fields(Summary))


def summarise(data_set: DataSet) -> Summary:
    """Take the header fields from a data set. Odd values are left out or kept as text; nothing is raised."""
    steps = items_of(data_set, _SCHEDULED_STEP_ATTRIBUTES)
    found: dict[str, Any] = {name: _texts([data_set], tag) for name, tag in _TOP_LEVEL.items()}
    found |= {name: _texts(steps, tag) for name, tag in _OF_EACH_SCHEDULED_STEP.items()}
    issuers = [issuer for step in steps for issuer in items_of(step, _ISSUER_OF_ACCESSION_NUMBER)]
    codes = [
        *items_of(data_set, _PROCEDURE_CODES),
        *(code for step in steps for code in items_of(step, _REQUESTED_PROCEDURE_CODES)),
        *items_of(data_set, _PROTOCOL_CODES),
    ]
    return Summary(
        **found,
        issuers=_unique(text for issuer in issuers for tag in _ISSUER_IDS for text in _texts([issuer], tag)),
        procedure_codes=_unique(_code(code) for code in codes),
        start=_moment(data_set, *_START),
        end=_moment(data_set, *_END),
        timezone_offset=_first(data_set, _TIMEZONE_OFFSET),
        scheduled=_scheduled(data_set, steps),
    )


def _unique(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([text for text in texts if text]))


def _texts(levels: list[DataSet], tag: str) -> tuple[str, ...]:
    if len(levels) == 1:
        values = values_of(levels[0].get(tag))
        if not values:
            return ()
        if len(values) == 1:
            text = _text(values[0])
            return (text,) if text else ()
    return _unique([_text(value) for level in levels for value in values_of(level.get(tag))])


def _text(value: Any) -> str:
    """Write one value as text, without padding; the empty text when there is nothing to write."""
    if isinstance(value, str):
        return value.strip("\0 ")
    if isinstance(value, dict):
        groups = (value.get(group) for group in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(group.strip("\0 ") if isinstance(group, str) else "" for group in groups).rstrip("=")
    return str(value) if isinstance(value, int | float) else ""


def _first(level: DataSet, tag: str) -> str | None:
    for value in values_of(level.get(tag)):
        text = _text(value)
        if text:
            return text
    return None


def _code(item: DataSet) -> str:
    for tag in _CODE_VALUES:
        code = _first(item, tag)
        if code:
            return f"{code}^{_first(item, _CODING_SCHEME) or ''}"
    return ""


def _moment(data_set: DataSet, date_tag: str, time_tag: str) -> str | None:
    date = _first(data_set, date_tag)
    return None if date is None else f"{date}{_first(data_set, time_tag) or ''}"


def _scheduled(data_set: DataSet, steps: list[DataSet]) -> bool | None:
    if _SCHEDULED_STEP_ATTRIBUTES not in data_set:
        return None
    return any(_first(step, tag) for step in steps for tag in _SAYS_SCHEDULED)
