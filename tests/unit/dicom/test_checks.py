"""The rules of Table F.7.2-1, PS3.5 and PS3.6 under each profile."""

from typing import Any

import orjson
import pytest

from mpps_dicom import (
    DataSet,
    Finding,
    Profile,
    Refused,
    check_create,
    check_final,
    check_instance_uid,
    check_update,
    decode_json,
    encode_json,
    merge,
    read_json,
    tags_of,
)
from mpps_dicom.findings import MAX_FINDINGS
from mpps_dicom.requirements import RESIDUAL, ROWS, Requirement
from tests.support.modalities import COMPLETED, DISCONTINUED, MODALITIES, PATIENTS, any_step, ct, unscheduled
from tests.unit.dicom.judging import UID, as_update, create, final, found


@pytest.mark.parametrize("outcome", [COMPLETED, DISCONTINUED])
@pytest.mark.parametrize("modality", MODALITIES)
def test_real_steps_pass_the_strict_profile(modality: str, outcome: str) -> None:
    for patient in PATIENTS:
        (_, first), *updates = MODALITIES[modality](UID, patient=patient, outcome=outcome)
        assert check_create(first, Profile.STRICT) == ()
        state = encode_json(first)
        for _kind, update in updates:
            assert check_update(update, tags_of(state), Profile.STRICT) == ()
            state = merge(state, encode_json(update))
        assert check_final(decode_json(state), Profile.STRICT) == ()


def test_an_unscheduled_step_passes_the_strict_profile() -> None:
    (_, first), *_ = unscheduled(ct(UID))
    assert check_create(first, Profile.STRICT) == ()


# PS3.4 Table F.7.2-1, top level, N-CREATE column.
TYPE_1 = {
    "00400270": "ScheduledStepAttributesSequence",
    "00400253": "PerformedProcedureStepID",
    "00400241": "PerformedStationAETitle",
    "00400244": "PerformedProcedureStepStartDate",
    "00400245": "PerformedProcedureStepStartTime",
    "00400252": "PerformedProcedureStepStatus",
    "00080060": "Modality",
}
TYPE_2 = {
    "00100010": "PatientName",
    "00100020": "PatientID",
    "00100030": "PatientBirthDate",
    "00100040": "PatientSex",
    "00081120": "ReferencedPatientSequence",
    "00400242": "PerformedStationName",
    "00400243": "PerformedLocation",
    "00400254": "PerformedProcedureStepDescription",
    "00400255": "PerformedProcedureTypeDescription",
    "00081032": "ProcedureCodeSequence",
    "00400250": "PerformedProcedureStepEndDate",
    "00400251": "PerformedProcedureStepEndTime",
    "00200010": "StudyID",
    "00400260": "PerformedProtocolCodeSequence",
    "00400340": "PerformedSeriesSequence",
}


def path(tag: str, keyword: str) -> str:
    return f"{keyword} ({tag[:4]},{tag[4:]})"


@pytest.mark.parametrize(("tag", "keyword"), TYPE_1.items())
def test_a_create_has_every_attribute_of_type_1_with_a_value(tag: str, keyword: str) -> None:
    data_set = create()
    vr = data_set.pop(tag)["vr"]
    assert found(check_create, data_set) == [("missing-type-1", path(tag, keyword), 0x0120, 400)]
    for empty in ({"vr": vr}, {"vr": vr, "Value": []}):
        data_set[tag] = empty
        assert found(check_create, data_set) == [("empty-type-1", path(tag, keyword), 0x0121, 400)]


@pytest.mark.parametrize(("tag", "keyword"), TYPE_2.items())
def test_a_create_has_every_attribute_of_type_2_if_only_empty(tag: str, keyword: str) -> None:
    data_set = create()
    vr = data_set.pop(tag)["vr"]
    assert found(check_create, data_set) == [("missing-type-2", path(tag, keyword), 0x0120, 400)]
    data_set[tag] = {"vr": vr}
    assert found(check_create, data_set) == []


@pytest.mark.parametrize("empty", [[None], [""], ["  "], ["\0"], [None, None]])
def test_nulls_blanks_and_nuls_are_no_value(empty: list[Any]) -> None:
    data_set = create()
    data_set["00400253"] = {"vr": "SH", "Value": empty}
    assert found(check_create, data_set)[-1][0] == "empty-type-1"


def test_items_are_held_to_the_rows_of_their_sequence() -> None:
    data_set = create()
    item = data_set["00400270"]["Value"][0]
    del item["0020000D"], item["00401001"]
    item["00321064"]["Value"][0].pop("00080104")
    item["00081110"]["Value"][0]["00081155"] = {"vr": "UI"}
    above = "ScheduledStepAttributesSequence[0]"
    assert sorted(found(check_create, data_set)) == [
        (
            "empty-type-1",
            f"{above}.ReferencedStudySequence[0].ReferencedSOPInstanceUID (0040,0270)[0](0008,1110)[0](0008,1155)",
            0x0121,
            400,
        ),
        (
            "missing-type-1",
            f"{above}.RequestedProcedureCodeSequence[0].CodeMeaning (0040,0270)[0](0032,1064)[0](0008,0104)",
            0x0120,
            400,
        ),
        ("missing-type-1", f"{above}.StudyInstanceUID (0040,0270)[0](0020,000D)", 0x0120, 400),
        ("missing-type-2", f"{above}.RequestedProcedureID (0040,0270)[0](0040,1001)", 0x0120, 400),
    ]


def test_every_item_is_looked_at() -> None:
    data_set = create()
    data_set["00400270"]["Value"] = [data_set["00400270"]["Value"][0], {}]
    paths = [place for rule, place, *_ in found(check_create, data_set) if rule.startswith("missing")]
    assert len(paths) == 8
    assert all(place.startswith("ScheduledStepAttributesSequence[1].") for place in paths)


def test_rows_nobody_could_read_warn_and_never_refuse() -> None:
    data_set = create()
    # Supplement 233: the code sequence in this item would be of type 1 if the inferred row is right.
    data_set["00100041"] = {"vr": "SQ", "Value": [{}]}
    (finding,) = check_create(data_set, Profile.STRICT)
    assert (finding.rule, finding.severity) == ("missing-type-1", "warn")
    (finding,) = check_update({"00100041": {"vr": "SQ"}}, None, Profile.STRICT)
    assert (finding.rule, finding.severity) == ("not-allowed", "warn")
    (finding,) = check_create(create() | {"00100041": {"vr": "LO"}}, Profile.STRICT)
    assert (finding.rule, finding.severity) == ("vr-mismatch", "warn")


@pytest.mark.parametrize("tag", ["00400270", "00100010", "00100020", "00400241", "00400244", "00080060", "00200010"])
def test_what_is_fixed_at_creation_is_not_updated(tag: str) -> None:
    data_set = {tag: create()[tag]}
    assert [(rule, dimse, http) for rule, _path, dimse, http in found(as_update, data_set)] == [
        ("not-allowed", 0x0105, 409)
    ]


def test_what_was_not_created_is_not_updated() -> None:
    created = frozenset(create()) - {"00400281"}
    data_set: DataSet = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00400250": {"vr": "DA", "Value": ["20260101"]},
        "00400281": {"vr": "SQ"},
        "00090010": {"vr": "LO", "Value": ["ACME"]},
        "00091001": {"vr": "LO"},
    }
    assert found(lambda body, profile: check_update(body, created, profile), data_set) == [
        ("not-created", "PerformedProcedureStepDiscontinuationReasonCodeSequence (0040,0281)", 0x0105, 409),
        ("not-created", "00090010 (0009,0010)", 0x0105, 409),
        ("not-created", "00091001 (0009,1001)", 0x0105, 409),
    ]


def test_an_update_may_leave_everything_out() -> None:
    assert found(as_update, {"00400280": {"vr": "ST"}}) == []


@pytest.mark.parametrize("tag", ["00400250", "00400251", "00400252", "00400340"])
def test_an_update_does_not_empty_what_is_3_1(tag: str) -> None:
    data_set = {tag: {"vr": create()[tag]["vr"]}}
    assert [(rule, dimse) for rule, _path, dimse, _http in found(as_update, data_set)] == [("empty-type-1", 0x0121)]


def test_items_of_an_update_are_complete_with_a_status_n_set_knows() -> None:
    data_set: DataSet = {"00400340": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": ["1.2"]}}]}}
    names = {
        "PerformingPhysicianName (0040,0340)[0](0008,1050)",
        "ProtocolName (0040,0340)[0](0018,1030)",
        "OperatorsName (0040,0340)[0](0008,1070)",
        "SeriesDescription (0040,0340)[0](0008,103E)",
        "RetrieveAETitle (0040,0340)[0](0008,0054)",
        "ReferencedImageSequence (0040,0340)[0](0008,1140)",
        "ReferencedNonImageCompositeSOPInstanceSequence (0040,0340)[0](0040,0220)",
    }
    assert set(found(as_update, data_set)) == {
        ("missing-in-update", f"PerformedSeriesSequence[0].{name}", 0x0121, 400) for name in names
    }


FINAL_GAPS: list[tuple[str, dict[str, Any] | None, str]] = [
    ("00400250", None, "PerformedProcedureStepEndDate (0040,0250)"),
    ("00400250", {"vr": "DA"}, "PerformedProcedureStepEndDate (0040,0250)"),
    ("00400251", {"vr": "TM", "Value": [None]}, "PerformedProcedureStepEndTime (0040,0251)"),
    ("00400340", None, "PerformedSeriesSequence (0040,0340)"),
    ("00400340", {"vr": "SQ", "Value": []}, "PerformedSeriesSequence (0040,0340)"),
]


@pytest.mark.parametrize(("tag", "element", "place"), FINAL_GAPS)
def test_a_final_state_has_an_end_and_a_series(tag: str, element: dict[str, Any] | None, place: str) -> None:
    state = create() | final()
    state.pop(tag)
    if element is not None:
        state[tag] = element
    assert found(check_final, state) == [("final-state-gap", place, 0x0121, 409)]


def test_series_of_a_final_state_are_complete() -> None:
    state = create() | final()
    item = state["00400340"]["Value"][1]
    item["00181030"] = {"vr": "LO"}
    del item["00080054"]
    assert found(check_final, state) == [
        ("final-state-gap", "PerformedSeriesSequence[1].ProtocolName (0040,0340)[1](0018,1030)", 0x0121, 409),
        ("final-state-gap", "PerformedSeriesSequence[1].RetrieveAETitle (0040,0340)[1](0008,0054)", 0x0121, 409),
    ]


def test_a_series_sequence_of_another_vr_does_no_harm() -> None:
    state = create() | final() | {"00400340": {"vr": "LO", "Value": ["x"]}}
    assert found(check_final, state) == []
    assert [rule for rule, *_ in found(as_update, {"00400340": state["00400340"]})] == ["vr-mismatch"]


def test_a_final_state_is_not_asked_for_what_no_update_may_set() -> None:
    state = final()
    assert found(check_final, state) == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.verified and row.tag != RESIDUAL], ids=lambda row: "/".join(row.path)
)
def test_no_row_that_was_not_read_refuses(row: Requirement) -> None:
    """Send the attribute empty, and the items above it without it: whatever its row asks for, strict only warns."""
    *above, tag = row.path
    for element in ({tag: {"vr": row.vr}}, {}):
        level: DataSet = element
        for sequence in reversed(above):
            level = {sequence: {"vr": "SQ", "Value": [level]}}
        for judge, column in ((check_create, create() | level), (as_update, level)):
            try:
                findings = judge(column, Profile.STRICT)
            except Refused as refusal:
                findings = refusal.findings
            places = [finding for finding in findings if f"({tag[:4]},{tag[4:]})" in finding.path]
            assert all(finding.severity == "warn" for finding in places)


VALUES: list[tuple[str, str, Any, str | None]] = [
    # PS3.5 Table 6.2-1, examples and limits.
    ("00400241", "AE", "SIXTEEN_CHARACTE", None),
    ("00400241", "AE", "SEVENTEEN_CHARACT", "value-length"),
    ("00400241", "AE", "A\\B", "value-repertoire"),
    ("00400241", "AE", "É", "value-repertoire"),
    ("00101010", "AS", "018M", None),
    ("00101010", "AS", "18M", "value-repertoire"),
    ("00101010", "AS", "018X", "value-repertoire"),
    ("00080060", "CS", "CT", None),
    ("00080060", "CS", "CT ", None),
    ("00080060", "CS", "ct", "value-repertoire"),
    ("00080060", "CS", "C-T", "value-repertoire"),
    ("00080060", "CS", "A" * 17, "value-length"),
    ("00400244", "DA", "19930822", None),
    ("00400244", "DA", "1993.08.22", "value-length"),
    ("00400244", "DA", "1993-8-2", "value-repertoire"),
    ("00400244", "DA", "19931322", "value-repertoire"),
    ("00400244", "DA", "199308", "value-repertoire"),
    ("00181110", "DS", "-1.5E+3", None),
    ("00181110", "DS", " 1050 ", None),
    ("00181110", "DS", ".5", None),
    ("00181110", "DS", 0.1234567890123456789, None),
    ("00181110", "DS", "1,5", "value-repertoire"),
    ("00181110", "DS", "12345678901234567", "value-length"),
    ("00181110", "DS", "NaN", "value-repertoire"),
    ("00080106", "DT", "19930822103000.123456-0500", None),
    ("00080106", "DT", "1993", None),
    ("00080106", "DT", "20061", "value-repertoire"),
    ("00080106", "DT", "1993082210300", "value-repertoire"),
    ("00181150", "IS", "-2147483648", None),
    ("00181150", "IS", "2147483648", "value-range"),
    ("00181150", "IS", 2147483647, None),
    ("00181150", "IS", 421.5, "value-range"),
    ("00181150", "IS", "421.5", "value-repertoire"),
    ("00181150", "IS", "1234567890123", "value-length"),
    ("00181150", "IS", "", None),
    ("00100020", "LO", "x" * 64, None),
    ("00100020", "LO", "山" * 64, None),
    ("00100020", "LO", "x" * 65, "value-length"),
    ("00100020", "LO", "a\\b", "value-repertoire"),
    ("00100020", "LO", "a\nb", "value-repertoire"),
    ("00100010", "PN", {"Alphabetic": "Morrison-Jones^Susan^^^Ph.D., Chief Executive Officer"}, None),
    ("00100010", "PN", {"Alphabetic": "a^b^c^d^e"}, None),
    ("00100010", "PN", {"Alphabetic": "a^b^c^d^e^f"}, "value-repertoire"),
    ("00100010", "PN", {"Alphabetic": "a=b"}, "value-repertoire"),
    ("00100010", "PN", {"Alphabetic": "a", "Ideographic": "x" * 65}, "value-length"),
    ("00400253", "SH", "PPS-ID", None),
    ("00400253", "SH", "1.2.840.113619.2", None),
    ("00400253", "SH", "1.2.840.113619.2.", "value-length"),
    ("00400280", "ST", "a\r\n\tb\\c", None),
    ("00400280", "ST", "x" * 1025, "value-length"),
    ("00400280", "ST", "a\x00b", "value-repertoire"),
    ("00400245", "TM", "070907.0705", None),
    ("00400245", "TM", "1010", None),
    ("00400245", "TM", "10 ", None),
    ("00400245", "TM", "235960", None),
    ("00400245", "TM", "240000", "value-repertoire"),
    ("00400245", "TM", "10:10:10", "value-repertoire"),
    ("00400245", "TM", "021", "value-repertoire"),
    ("00400554", "UI", "1.2.840.10008.3.1.2.3.3", None),
    ("00400554", "UI", "2.25.329800735698586629295641978511506172918", None),
    ("00400554", "UI", "1.0", None),
    ("00400554", "UI", "100.118.116.2005", "uid-syntax"),
    ("00400554", "UI", "1.2..3", "uid-syntax"),
    ("00400554", "UI", "1.2.03", "uid-syntax"),
    ("00400554", "UI", "1.2.", "uid-syntax"),
    ("00400554", "UI", "1.2.a", "uid-syntax"),
    ("00400554", "UI", "1." + "1" * 63, "value-length"),
    ("00400302", "US", 65535, None),
    ("00400302", "US", 65536, "value-range"),
    ("00400302", "US", -1, "value-range"),
    ("00400302", "US", 5.0, None),
    ("00400302", "US", 5.5, "value-range"),
    ("00080120", "UR", "urn:oid:1.2.3", None),
    ("00080120", "UR", " urn:oid:1", "value-repertoire"),
    ("00400031", "UT", "x" * 100_000, None),
]


@pytest.mark.parametrize(("tag", "vr", "value", "rule"), VALUES)
def test_values_have_the_form_of_their_vr(tag: str, vr: str, value: Any, rule: str | None) -> None:
    # In a sequence the table does not have, so that nothing else is judged.
    data_set: DataSet = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00400555": {"vr": "SQ", "Value": [{tag: {"vr": vr, "Value": [value]}}]},
    }
    rules = [name for name, *_ in found(as_update, data_set)]
    assert rules == ([] if rule is None else [rule])


def test_one_faulty_value_among_several_is_found() -> None:
    data_set: DataSet = {"00080005": {"vr": "CS", "Value": ["", None, "ISO 2022 IR 87", "iso"]}}
    assert [rule for rule, *_ in found(as_update, data_set)] == ["value-repertoire", "character-set-term"]


@pytest.mark.parametrize(
    ("tag", "vr", "values", "rules"),
    [
        ("00400254", "SH", ["x"], ["vr-mismatch"]),
        ("00400254", "UN", ["x"], ["vr-mismatch"]),
        ("00280106", "US", [1], []),
        ("00280106", "SS", [1], []),
        ("00280106", "UL", [1], ["vr-mismatch"]),
        ("00090010", "LO", ["x"], []),
        ("00400254", "LO", ["x", "y"], ["vm"]),
        ("00400303", "US", [1, 2], []),
        ("00400303", "US", [1, 2, 3], ["vm"]),
        ("00200037", "DS", [1, 0, 0, 0, 1, 0], []),
        ("00200037", "DS", [1, 0, 0], ["vm"]),
        ("00189073", "FD", [1.0], []),
        ("00081050", "PN", [{"Alphabetic": "a"}] * 3, []),
        ("00090010", "LO", ["x", "y"], []),
    ],
)
def test_vr_and_vm_are_those_of_the_dictionary(tag: str, vr: str, values: list[Any], rules: list[str]) -> None:
    element = {"vr": vr, "InlineBinary": "AA=="} if vr == "UN" else {"vr": vr, "Value": values}
    assert [rule for rule, *_ in found(as_update, {tag: element})] == rules


@pytest.mark.parametrize(
    ("uid", "rule", "dimse"),
    [("1.2.3", None, 0), ("1.2..3", "instance-uid-syntax", 0x0117), ("100.118.116", "instance-uid-syntax", 0x0117)],
)
def test_the_instance_uid_keeps_to_the_rules_for_uids(uid: str, rule: str | None, dimse: int) -> None:
    findings = check_instance_uid(uid, Profile.LENIENT)
    assert [(f.rule, f.dimse_status) for f in findings] == ([] if rule is None else [(rule, dimse)])
    assert check_instance_uid(uid, Profile.OFF) == ()
    if rule:
        with pytest.raises(Refused):
            check_instance_uid(uid, Profile.STRICT)


def test_an_instance_uid_no_url_can_carry_is_refused_in_every_profile() -> None:
    for profile in Profile:
        with pytest.raises(Refused, match="path-uid"):
            check_instance_uid("1.2/3", profile)


def test_findings_are_bounded_and_hold_no_value() -> None:
    secret = "Sesam\nÖffne"
    item = {"00081150": {"vr": "UI", "Value": [secret]}, "00081155": {"vr": "UI", "Value": [secret]}}
    data_set = create() | {"00081120": {"vr": "SQ", "Value": [item] * 500}}
    data_set["00100020"] = {"vr": "LO", "Value": [secret]}
    findings = check_create(data_set, Profile.LENIENT)
    assert len(findings) == MAX_FINDINGS
    assert not any("Sesam" in str(finding.as_dict()) for finding in findings)
    assert all(str(finding.as_dict()).isascii() for finding in findings)
    with pytest.raises(Refused) as caught:
        check_create(data_set, Profile.STRICT)
    assert len(caught.value.refusals) == MAX_FINDINGS


def test_the_status_for_all_findings_is_that_of_the_request() -> None:
    data_set: DataSet = {"00100010": {"vr": "PN"}, "00400254": {"vr": "LO", "Value": ["x" * 65]}}
    with pytest.raises(Refused) as caught:
        check_update(data_set, None, Profile.STRICT)
    assert [finding.http_status for finding in caught.value.findings] == [409, 400]
    assert caught.value.http_status == 400
    assert caught.value.dimse_status == 0x0106


def test_a_finding_survives_being_written_down() -> None:
    for finding in check_create({}, Profile.LENIENT):
        assert Finding.from_dict(orjson.loads(orjson.dumps(finding.as_dict()))) == finding


def test_what_was_read_is_what_is_judged() -> None:
    for seed in range(50):
        for kind, data_set in any_step(UID, seed):
            read = read_json(orjson.dumps(data_set), uid=UID).data_set
            judge = check_create if kind == "create" else as_update
            assert judge(read, Profile.STRICT) == ()
