"""The conditions of types 1C and 2C (PS3.4 F.7.2.1.1, 5.4.2.1)."""

from typing import Any

import pytest

from mpps_dicom import DataSet, Profile, check_create, check_update
from mpps_dicom.conditions import CONDITIONS
from mpps_dicom.requirements import CONDITION_TEXTS, ROWS
from mpps_dicom.retrieval import RETRIEVE_CONDITIONS
from tests.unit.dicom.judging import create, found

ISSUERS = ("00080051", "00400026", "00400027")


def test_every_condition_of_the_table_is_decided_or_left_open_with_a_reason() -> None:
    assert CONDITIONS.keys() == CONDITION_TEXTS.keys()
    for condition in CONDITIONS.values():
        assert (condition.needed is None) is not (condition.decided_in is None)
        assert condition.section.startswith("PS3.")


def test_every_row_names_a_condition_that_there_is() -> None:
    named = {name for row in ROWS for name in (row.when_create, row.when_set) if name}
    assert named == CONDITIONS.keys()
    assert RETRIEVE_CONDITIONS.keys() - CONDITIONS.keys() == {"text_beyond_default_in_answer"}


def issuer(local: str | None = None, universal: str | None = None, kind: str | None = None) -> DataSet:
    given = {"00400031": ("UT", local), "00400032": ("UT", universal), "00400033": ("CS", kind)}
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in given.items() if value is not None}


def with_issuer(sequence: str, item: DataSet) -> DataSet:
    data_set = create()
    data_set["00400270"]["Value"][0][sequence] = {"vr": "SQ", "Value": [item]}
    return data_set


@pytest.mark.parametrize("sequence", ISSUERS)
@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (issuer(local="RIS"), []),
        (issuer(universal="1.2.3", kind="ISO"), []),
        (issuer(local="RIS", universal="1.2.3", kind="ISO"), []),
        (issuer(), [("missing-conditional", "00400031"), ("missing-conditional", "00400032")]),
        (issuer(local=""), [("empty-type-1", "00400031"), ("missing-conditional", "00400032")]),
        (issuer(universal="1.2.3"), [("missing-conditional", "00400033")]),
        (issuer(universal="1.2.3", kind=""), [("empty-type-1", "00400033")]),
        (issuer(local="RIS", kind="ISO"), []),
        (issuer(universal="1.2.3", kind="OID"), [("enumerated-value", "00400033")]),
    ],
)
def test_an_issuer_is_named_in_one_of_two_ways(sequence: str, item: DataSet, expected: list[tuple[str, str]]) -> None:
    findings = found(check_create, with_issuer(sequence, item))
    assert [(rule, path[-11:].translate({40: None, 41: None, 44: None})) for rule, path, *_ in findings] == expected


def test_a_condition_that_holds_is_as_binding_as_type_1() -> None:
    findings = found(check_create, with_issuer("00080051", {}))
    assert {(dimse, http) for _rule, _path, dimse, http in findings} == {(0x0120, 400)}


def test_qualifiers_of_an_issuer_of_patient_ids_have_a_type_with_their_id() -> None:
    item: DataSet = {"00400032": {"vr": "UT", "Value": ["1.2.3"]}}
    data_set = create() | {"00100024": {"vr": "SQ", "Value": [item]}}
    assert [rule for rule, *_ in found(check_create, data_set)] == ["missing-conditional"]
    item["00400033"] = {"vr": "CS", "Value": ["ISO"]}
    assert found(check_create, data_set) == []


def category(code: str) -> DataSet:
    values = {"00080100": ("SH", code), "00080102": ("SH", "DCM"), "00080104": ("LO", "x")}
    item: dict[str, Any] = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()}
    return {"00100043": {"vr": "SQ", "Value": [{"00100046": {"vr": "SQ", "Value": [item]}}]}}


def test_inferred_rows_of_supplement_233_warn_when_their_condition_holds() -> None:
    findings = check_create(create() | category("131232"), Profile.STRICT)
    assert [(f.rule, f.severity.value, f.path[-11:]) for f in findings] == [
        ("missing-conditional", "warn", "(0010,0042)"),
        ("missing-conditional", "warn", "(0010,0047)"),
    ]
    assert check_create(create() | category("131230"), Profile.STRICT) == ()


def test_conditions_of_what_no_update_may_name_are_not_asked_of_one() -> None:
    findings = check_update({"00100024": {"vr": "SQ", "Value": [issuer(universal="1.2")]}}, None, Profile.LENIENT)
    assert [finding.rule for finding in findings] == ["not-allowed"]
