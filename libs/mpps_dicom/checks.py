"""The rules of Table F.7.2-1, PS3.5 and PS3.6 held against a data set that has been read.

One walk per data set does both: what its attributes hold, and which attributes its level has to have. Nothing
here looks for what ``read_json`` has settled already.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from mpps_dicom.dictionary import ATTRIBUTES, PROVISIONAL, attribute_of
from mpps_dicom.findings import Finding, Profile
from mpps_dicom.json_model import DataSet, is_empty, items_of
from mpps_dicom.paths import Where
from mpps_dicom.requirements import NOT_UPDATABLE, TABLE, Column, Duty, Scope
from mpps_dicom.rules import Report
from mpps_dicom.uids import is_path_uid
from mpps_dicom.vr import VRS, Kind, ValueRepresentation

_SPECIFIC_CHARACTER_SET: Final = "00080005"

_MISSING: Final = {
    (Column.CREATE, True): "missing-type-1",
    (Column.CREATE, False): "missing-type-2",
    (Column.UPDATE, True): "missing-in-update",
    (Column.UPDATE, False): "missing-in-update",
    (Column.FINAL, True): "final-state-gap",
    (Column.FINAL, False): "final-state-gap",
}
"""Rule for an absent attribute, by column and whether it is of type 1."""

_EMPTY: Final = {
    Column.CREATE: "empty-type-1",
    Column.UPDATE: "empty-type-1",
    Column.FINAL: "final-state-gap",
}
"""Rule for an attribute of type 1 that is empty."""


def check_create(data_set: DataSet, profile: Profile) -> tuple[Finding, ...]:
    """Judge the data set of a Create by the N-CREATE column of Table F.7.2-1 (PS3.4 F.7.2.1).

    Gives the warnings; raises Refused when the profile refuses. The status is for the state machine.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_level(data_set, TABLE, Column.CREATE, None, report)
    return report.close()


def check_update(data_set: DataSet, created: frozenset[str] | None, profile: Profile) -> tuple[Finding, ...]:
    """Judge the data set of an Update by the N-SET column of Table F.7.2-1 (PS3.4 F.7.2.2).

    ``created`` has the top-level tags of the current state; None leaves out what needs them.
    Gives the warnings; raises Refused when the profile refuses.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_updatable(data_set, created, report)
        _check_level(data_set, TABLE, Column.UPDATE, None, report)
    return report.close()


def check_final(state: DataSet, profile: Profile) -> tuple[Finding, ...]:
    """Judge a state that is to become final by the Final State column of Table F.7.2-1 (PS3.4 F.7.2.2.2).

    Only what that column prints counts, as an update could still have set it: a gap left by the Create in an
    attribute that is "Not allowed" in updates would keep the step open for ever.
    Gives the warnings; raises Refused when the profile refuses.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_duties(state, TABLE, Column.FINAL, None, report)
        for tag, scope in TABLE.items.items():
            _check_final_items(state, tag, scope, report)
    return report.close()


def check_instance_uid(uid: str, profile: Profile) -> tuple[Finding, ...]:
    """Judge the instance UID of a Create by PS3.5 9.1. Raises Refused, as for every profile when it is no path UID."""
    report = Report(profile)
    if not is_path_uid(uid):
        report.add("path-uid", "The instance UID is not made of 1 to 64 digits and dots.")
    elif _CHECKERS["UI"]([uid]) is not None:
        report.add("instance-uid-syntax", "The instance UID breaks the rules for components of PS3.5 9.1.")
    return report.close()


def _check_updatable(data_set: DataSet, created: frozenset[str] | None, report: Report) -> None:
    for tag in data_set:
        if tag in NOT_UPDATABLE:
            detail = "The attribute is not allowed in an update."
            report.add("not-allowed", detail, tag=tag, verified=NOT_UPDATABLE[tag])
        elif created is not None and tag not in created and tag != _SPECIFIC_CHARACTER_SET:
            # Specific Character Set speaks of this message and does not replace the stored one (F.7.2.2.3).
            report.add("not-created", "The attribute was not created, so it cannot be set.", tag=tag)


def _check_final_items(state: DataSet, tag: str, scope: Scope, report: Report) -> None:
    if scope.duties[Column.FINAL]:
        for index, item in enumerate(items_of(state, tag)):
            _check_duties(item, scope, Column.FINAL, (None, tag, index), report)


def _check_level(level: DataSet, scope: Scope | None, column: Column, where: Where, report: Report) -> None:
    for tag, element in level.items():
        vr = element["vr"]
        attribute = ATTRIBUTES.get(tag)
        if attribute is not None and vr != attribute.vr:
            _check_vr(tag, vr, where, report)
        values = element.get("Value")
        if not values:
            continue
        if vr == "SQ":
            inner = None if scope is None else scope.items.get(tag)
            for index, item in enumerate(values):
                _check_level(item, inner, column, (where, tag, index), report)
            continue
        if attribute is not None and (len(values) > 1 or attribute.low > 1):
            _check_vm(tag, len(values), where, report)
        fault = _CHECKERS[vr](values)
        if fault is not None:
            report.add(*fault, where=where, tag=tag)
    if scope is not None:
        _check_duties(level, scope, column, where, report)


def _check_duties(level: DataSet, scope: Scope, column: Column, where: Where, report: Report) -> None:
    for duty in scope.duties[column]:
        element = level.get(duty.tag)
        if element is None:
            if duty.present:
                _report_missing(duty, column, where, report)
        elif duty.filled and is_empty(element):
            detail = f"The attribute is empty{_BY_THEN[column]}; it is of type 1."
            report.add(_EMPTY[column], detail, where=where, tag=duty.tag, verified=duty.verified)


_BY_THEN: Final = {Column.CREATE: "", Column.UPDATE: "", Column.FINAL: " although the status is final"}


def _report_missing(duty: Duty, column: Column, where: Where, report: Report) -> None:
    kind = "1" if duty.filled else "2"
    detail = f"The attribute is missing{_BY_THEN[column]}; it is of type {kind}."
    report.add(_MISSING[column, duty.filled], detail, where=where, tag=duty.tag, verified=duty.verified)


def _check_vr(tag: str, vr: str, where: Where, report: Report) -> None:
    attribute = ATTRIBUTES[tag]
    if vr not in attribute.vrs:
        detail = f"The vr is {vr}; the dictionary has {attribute.vr}."
        report.add("vr-mismatch", detail, where=where, tag=tag, verified=tag not in PROVISIONAL)


def _check_vm(tag: str, count: int, where: Where, report: Report) -> None:
    attribute = attribute_of(tag)
    if attribute is None:
        return
    low, high, step = attribute.low, attribute.high, attribute.step
    if count < low or (high is not None and count > high) or (high is None and count % step):
        asked = f"{low}" if low == high else f"{low} to {high or 'n'}"
        detail = f"There are {count} values; the dictionary has {asked}."
        report.add("vm", detail, where=where, tag=tag, verified=tag not in PROVISIONAL)


_Fault = tuple[str, str]
"""A rule and the sentence for it."""
_Checker = Callable[[list[Any]], _Fault | None]


def _explained(representation: ValueRepresentation, value: str) -> _Fault:
    code, longest = representation.code, representation.max_length
    if longest is not None and len(value) > longest:
        return "value-length", f"A value has {len(value)} characters; VR {code} has room for {longest}."
    if code == "UI":
        return "uid-syntax", "A UID is not made of components as PS3.5 9.1 asks for."
    return "value-repertoire", f"A value does not have the form or the characters of VR {code}."


def _text_checker(representation: ValueRepresentation) -> _Checker:
    if representation.form is None:
        return _no_fault
    matches = representation.form.fullmatch
    longest = representation.max_length or sys.maxsize

    def check(values: list[Any]) -> _Fault | None:
        for value in values:
            if value and (len(value) > longest or matches(value) is None):
                return _explained(representation, value)
        return None

    return check


def _number_checker(representation: ValueRepresentation) -> _Checker:
    if representation.bounds is None:
        return _no_fault
    low, high = representation.bounds
    code = representation.code

    def check(values: list[Any]) -> _Fault | None:
        for value in values:
            if value is not None and not (low <= value <= high and value == int(value)):
                return "value-range", f"A value is not an integer from {low} to {high}, as VR {code} asks for."
        return None

    return check


def _decimal_checker(representation: ValueRepresentation) -> _Checker:
    check_text = _text_checker(representation)
    check_number = _number_checker(representation)

    def check(values: list[Any]) -> _Fault | None:
        texts = [value for value in values if type(value) is str and value]
        fault = check_text(texts) if texts else None
        if fault is not None or representation.bounds is None:
            return fault
        numbers = [int(value) if type(value) is str else value for value in values if value != ""]
        return check_number(numbers)

    return check


def _name_checker(representation: ValueRepresentation) -> _Checker:
    check_group = _text_checker(representation)

    def check(values: list[Any]) -> _Fault | None:
        for name in values:
            if name:
                fault = check_group(list(name.values()))
                if fault is not None:
                    return fault
        return None

    return check


def _no_fault(_values: list[Any]) -> _Fault | None:
    return None


_CHECKER_OF_KIND: Final[dict[Kind, Callable[[ValueRepresentation], _Checker]]] = {
    Kind.TEXT: _text_checker,
    Kind.NUMBER: _number_checker,
    Kind.DECIMAL: _decimal_checker,
    Kind.PERSON_NAME: _name_checker,
}

_CHECKERS: Final = {
    code: _CHECKER_OF_KIND[representation.kind](representation)
    if representation.kind in _CHECKER_OF_KIND
    else _no_fault
    for code, representation in VRS.items()
}
"""How the values of each VR are checked; only the first faulty value of an attribute is told."""
