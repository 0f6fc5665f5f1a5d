"""The rules of Table F.7.2-1, PS3.5 and PS3.6 held against a data set that has been read.

One walk per data set does both: what its attributes hold, and which attributes its level has to have. Nothing
here looks for what ``read_json`` has settled already.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from mpps_dicom.codes import check_code
from mpps_dicom.conditions import CODE_VALUE, Conditional, conditionals_in
from mpps_dicom.dictionary import ATTRIBUTES, PROVISIONAL, attribute_of
from mpps_dicom.enumerations import ENUMERATED
from mpps_dicom.findings import Finding, Profile
from mpps_dicom.groups import NO_DATA_SET, check_unlisted
from mpps_dicom.json_model import DataSet, is_empty, items_of
from mpps_dicom.paths import Where
from mpps_dicom.relations import relate_created, relate_final, relate_updated
from mpps_dicom.repertoire import CHARACTER_SET, check_repertoire
from mpps_dicom.requirements import NOT_UPDATABLE, TABLE, Requirement
from mpps_dicom.rules import Report
from mpps_dicom.tables import Column, Duty, Scope
from mpps_dicom.uids import is_path_uid
from mpps_dicom.values import CHECKERS

_LISTED: Final = {tag: attribute for tag, attribute in ATTRIBUTES.items() if tag[:4] not in NO_DATA_SET}
"""What may be in a data set and is in the dictionary."""

_SINGLE_ITEM: Final = {
    "00080051": False,
    "00081120": False,
    "00100015": False,
    "00100024": True,
    "00100044": False,
    "00100046": False,
    "00321064": False,
    "00380014": False,
    "00380064": False,
    "00400026": False,
    "00400027": False,
}
"""Sequences that PS3.3 C.4.13 and its macros give one item, and whether that sentence was read."""

_MISSING: Final = {
    (Column.CREATE, True): "missing-type-1",
    (Column.CREATE, False): "missing-type-2",
    (Column.UPDATE, True): "missing-in-update",
    (Column.UPDATE, False): "missing-in-update",
    (Column.FINAL, True): "final-state-gap",
    (Column.FINAL, False): "final-state-gap",
}
"""Rule for an absent attribute, by column and whether it is of type 1."""

_MISSING_CONDITIONAL: Final = {Column.CREATE: "missing-conditional", Column.UPDATE: "missing-in-update"}
"""Rule for an absent attribute of type 1C or 2C."""

_EMPTY: Final = {
    Column.CREATE: "empty-type-1",
    Column.UPDATE: "empty-type-1",
    Column.FINAL: "final-state-gap",
}
"""Rule for an attribute of type 1 that is empty."""


@dataclass(frozen=True, slots=True)
class _Node:
    """One nesting level of Table F.7.2-1, compiled for one column: nothing is looked up while a check runs."""

    column: Column
    items: dict[str, "_Node"] = field(default_factory=dict)
    duties: tuple[Duty, ...] = ()
    conditionals: tuple[Conditional, ...] = ()
    coded: bool = False
    """Whether the items are codes."""
    enumerated: tuple[str, ...] = ()
    further: bool = False
    """Whether there is anything but duties; most items by far are references, which have nothing else."""


def _compiled(scope: Scope[Requirement], column: Column) -> _Node:
    conditionals = conditionals_in(scope, column)
    coded = CODE_VALUE in scope.rows
    enumerated = tuple(tag for tag in scope.rows if tag in ENUMERATED)
    return _Node(
        column,
        {tag: _compiled(inner, column) for tag, inner in scope.items.items()},
        scope.duties[column],
        conditionals,
        coded=coded,
        enumerated=enumerated,
        further=bool(conditionals or coded or enumerated),
    )


_NOTHING: Final = _Node(Column.CREATE)
"""A level the table says nothing about."""
_CREATED: Final = _compiled(TABLE, Column.CREATE)
_UPDATED: Final = _compiled(TABLE, Column.UPDATE)
_FINISHED: Final = _compiled(TABLE, Column.FINAL)


def check_create(data_set: DataSet, profile: Profile) -> tuple[Finding, ...]:
    """Judge the data set of a Create by the N-CREATE column of Table F.7.2-1 (PS3.4 F.7.2.1).

    Gives the warnings; raises Refused when the profile refuses. The status is for the state machine.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_level(data_set, _CREATED, None, report)
        check_repertoire(data_set, report)
        relate_created(data_set, report)
    return report.close()


def check_update(data_set: DataSet, created: frozenset[str] | None, profile: Profile) -> tuple[Finding, ...]:
    """Judge the data set of an Update by the N-SET column of Table F.7.2-1 (PS3.4 F.7.2.2).

    ``created`` has the top-level tags of the current state; None leaves out what needs them.
    Gives the warnings; raises Refused when the profile refuses.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_updatable(data_set, created, report)
        _check_level(data_set, _UPDATED, None, report)
        check_repertoire(data_set, report)
        relate_updated(data_set, report)
    return report.close()


def check_final(state: DataSet, profile: Profile) -> tuple[Finding, ...]:
    """Judge a state that is to become final by the Final State column of Table F.7.2-1 (PS3.4 F.7.2.2.2).

    Only what that column prints counts, as an update could still have set it: a gap left by the Create in an
    attribute that is "Not allowed" in updates would keep the step open for ever.
    Gives the warnings; raises Refused when the profile refuses.
    """
    report = Report(profile)
    if profile is not Profile.OFF:
        _check_duties(state, _FINISHED, None, report)
        for tag, node in _FINISHED.items.items():
            if node.duties:
                for index, item in enumerate(items_of(state, tag)):
                    _check_duties(item, node, (None, tag, index), report)
        relate_final(state, report)
    return report.close()


def check_instance_uid(uid: str, profile: Profile) -> tuple[Finding, ...]:
    """Judge the instance UID of a Create by PS3.5 9.1. Raises Refused, as for every profile when it is no path UID."""
    report = Report(profile)
    if not is_path_uid(uid):
        report.add("path-uid", "The instance UID is not made of 1 to 64 digits and dots.")
    elif CHECKERS["UI"]([uid]) is not None:
        report.add("instance-uid-syntax", "The instance UID breaks the rules for components of PS3.5 9.1.")
    return report.close()


def _check_updatable(data_set: DataSet, created: frozenset[str] | None, report: Report) -> None:
    for tag in data_set:
        if tag in NOT_UPDATABLE:
            detail = "The attribute is not allowed in an update."
            report.add("not-allowed", detail, tag=tag, verified=NOT_UPDATABLE[tag])
        elif created is not None and tag not in created and tag != CHARACTER_SET:
            # Specific Character Set speaks of this message and does not replace the stored one (F.7.2.2.3).
            report.add("not-created", "The attribute was not created, so it cannot be set.", tag=tag)


def _check_level(level: DataSet, node: _Node, where: Where, report: Report) -> None:
    for tag, element in level.items():
        vr = element["vr"]
        attribute = _LISTED.get(tag)
        if attribute is None:
            check_unlisted(tag, level, where, report)
        elif vr != attribute.vr:
            _check_vr(tag, vr, where, report)
        values = element.get("Value")
        if not values:
            continue
        if vr == "SQ":
            if len(values) > 1 and tag in _SINGLE_ITEM:
                detail = f"There are {len(values)} items; there can be one."
                report.add("single-item", detail, where=where, tag=tag, verified=_SINGLE_ITEM[tag])
            inner = node.items.get(tag, _NOTHING)
            for index, item in enumerate(values):
                _check_level(item, inner, (where, tag, index), report)
            continue
        if attribute is not None and (len(values) > 1 or attribute.low > 1):
            _check_vm(tag, len(values), where, report)
        fault = CHECKERS[vr](values)
        if fault is not None:
            report.add(*fault, where=where, tag=tag)
    if node.duties:
        _check_duties(level, node, where, report)
    if node.further:
        _check_further(level, node, where, report)


def _check_further(level: DataSet, node: _Node, where: Where, report: Report) -> None:
    if node.conditionals:
        _check_conditionals(level, node, where, report)
    if node.coded:
        check_code(level, node.column, where, report)
    for tag in node.enumerated:
        if tag in level:
            _check_enumerated(level[tag], tag, where, report)


def _check_duties(level: DataSet, node: _Node, where: Where, report: Report) -> None:
    column = node.column
    for duty in node.duties:
        element = level.get(duty.tag)
        if element is None:
            if duty.present:
                _report_missing(duty, column, where, report)
        elif duty.filled and is_empty(element):
            detail = f"The attribute is empty{_BY_THEN[column]}; it is of type 1."
            report.add(_EMPTY[column], detail, where=where, tag=duty.tag, verified=duty.verified)


def _check_conditionals(level: DataSet, node: _Node, where: Where, report: Report) -> None:
    for row in node.conditionals:
        element = level.get(row.tag)
        if element is not None and not (row.filled and is_empty(element)):
            continue
        if not row.needed(level):
            continue
        if element is None:
            rule = _MISSING_CONDITIONAL[node.column]
            detail = "The attribute is missing; the condition of its type holds."
        else:
            rule, detail = _EMPTY[node.column], "The attribute is empty; the condition of its type 1C holds."
        report.add(rule, detail, where=where, tag=row.tag, verified=row.verified)


def _check_enumerated(element: dict[str, Any], tag: str, where: Where, report: Report) -> None:
    allowed = ENUMERATED[tag]
    for value in element.get("Value") or ():
        if type(value) is not str or not value or value in allowed:
            continue
        text = value.strip("\0 ")
        # What is not even a code string has been told already.
        if text and text not in allowed and CHECKERS["CS"]([value]) is None:
            report.add("enumerated-value", "The value is none of those enumerated.", where=where, tag=tag)


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
