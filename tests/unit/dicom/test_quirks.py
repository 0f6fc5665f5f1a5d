"""What real modalities send, row by row; the numbers are those of our list of quirks.

Rows about networks, users and receivers have their tests elsewhere; here is what concerns content.
"""

import copy
import uuid
from typing import Any

import orjson
import pytest

from mpps_core.accepting.content import Current, Prepared, prepare_create, prepare_update
from mpps_core.payload import decompress
from mpps_dicom import (
    DataSet,
    Profile,
    Refused,
    Severity,
    StepOperation,
    StepStatus,
    Summary,
    category_of,
    decode_json,
    is_path_uid,
    new_uid,
    summarise,
    transition,
)
from tests.support.modalities import DISCONTINUED, PATIENTS, ct, mr, padded, unscheduled, xa
from tests.unit.dicom.judging import create, final

UID = "2.25.42"
LENIENT, STRICT = Profile.LENIENT, Profile.STRICT


def begun(data_set: DataSet, profile: Profile = LENIENT) -> Prepared:
    return prepare_create(orjson.dumps(data_set), UID, profile)


def updated(before: Prepared, data_set: DataSet, profile: Profile = LENIENT) -> Prepared:
    current = Current(data=before.state.data, size=before.state.size, status=before.status)
    return prepare_update(orjson.dumps(data_set), UID, profile, current)


def state_of(prepared: Prepared) -> DataSet:
    return decode_json(decompress(prepared.state.data))


def sent_by(prepared: Prepared) -> DataSet:
    return decode_json(decompress(prepared.operation.data))


def told(prepared: Prepared) -> set[str]:
    assert all(finding.severity is Severity.WARN for finding in prepared.findings)
    return {finding.rule for finding in prepared.findings}


def refused_by(profile: Profile, data_set: DataSet, before: Prepared | None = None) -> set[tuple[str, int, int]]:
    """Give rule, DIMSE status and HTTP status of everything that refuses; nothing when nothing does."""
    try:
        begun(data_set, profile) if before is None else updated(before, data_set, profile)
    except Refused as refused:
        return {(finding.rule, finding.dimse_status, finding.http_status) for finding in refused.refusals}
    return set()


def series_of(data_set: DataSet) -> list[DataSet]:
    items: list[DataSet] = data_set["00400340"]["Value"]
    return items


def test_quirk_01_a_step_without_a_uid_can_be_given_one() -> None:
    uid = new_uid(uuid.UUID("12345678-1234-4678-9234-567812345678").int)
    assert is_path_uid(uid)
    assert uid.startswith("2.25.")


def test_quirk_03_interim_updates_in_progress_once_for_each_image() -> None:
    step = begun(create())
    whole = final()
    series = series_of(whole)[1]
    images = series["00081140"]["Value"]
    for count in range(1, len(images) + 1):
        partial = series | {"00081140": {"vr": "SQ", "Value": images[:count]}}
        update: DataSet = {
            "00400252": {"vr": "CS", "Value": ["IN PROGRESS"]},
            "00400340": {"vr": "SQ", "Value": [partial]},
        }
        step = updated(step, update, STRICT)
        assert (step.status, step.findings) == (StepStatus.IN_PROGRESS, ())
    assert series_of(state_of(step))[0]["00081140"]["Value"] == images
    assert updated(step, whole, STRICT).status is StepStatus.COMPLETED


def test_quirk_04_updates_without_patient_or_study() -> None:
    first = begun(create())
    update = {tag: element for tag, element in final().items() if not tag.startswith(("0010", "0020"))}
    done = updated(first, update, STRICT)
    assert done.summary.patient_ids == ()
    assert state_of(done)["00100020"] == create()["00100020"]
    assert first.summary.joined(done.summary).patient_ids == ("4711",)


def test_quirk_05_and_06_times_have_nothing_to_do_with_when_they_arrive() -> None:
    first = create()
    first["00400244"] = {"vr": "DA", "Value": ["19991231"]}
    done = updated(begun(first, STRICT), final(), STRICT)
    assert told(done) == set()


def test_quirk_06_an_end_before_the_start_is_told_and_kept() -> None:
    first = begun(create(), STRICT)
    last = final() | {"00400250": {"vr": "DA", "Value": ["19991231"]}}
    done = updated(first, last, STRICT)
    assert told(done) == {"end-before-start"}
    assert state_of(done)["00400250"]["Value"] == ["19991231"]


def test_quirk_07_the_obsolete_sequence_for_non_images_is_kept() -> None:
    standalone: DataSet = {
        "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.9"]},
        "00081155": {"vr": "UI", "Value": ["1.2.3.4"]},
    }
    last = final()
    series_of(last)[0]["00081145"] = {"vr": "SQ", "Value": [standalone]}
    done = updated(begun(create()), last, STRICT)
    assert series_of(state_of(done))[0]["00081145"]["Value"] == [standalone]


@pytest.mark.parametrize("tag", ["00081120", "00081032", "00400260"])
def test_quirk_08_sequences_of_type_2_that_are_not_sent(tag: str) -> None:
    data_set = create()
    del data_set[tag]
    assert told(begun(data_set)) == {"missing-type-2"}
    assert refused_by(STRICT, data_set) == {("missing-type-2", 0x0120, 400)}


def test_quirk_08_scheduled_protocol_codes_that_are_not_sent() -> None:
    data_set = create()
    del data_set["00400270"]["Value"][0]["00400008"]
    (finding,) = begun(data_set).findings
    assert finding.path.endswith("ScheduledProtocolCodeSequence (0040,0270)[0](0040,0008)")


def test_quirk_08_code_sequences_with_nothing_in_them() -> None:
    data_set = create()
    for empty in ({"vr": "SQ"}, {"vr": "SQ", "Value": []}):
        data_set["00081032"] = empty
        assert told(begun(data_set, STRICT)) == set()
    data_set["00081032"] = {"vr": "SQ", "Value": [{}]}
    assert "missing-conditional" in told(begun(data_set))


@pytest.mark.parametrize("count", [1, 15, 16, 100])
def test_quirk_09_no_limit_on_scheduled_steps(count: int) -> None:
    data_set = create()
    items = []
    for number in range(count):
        item = copy.deepcopy(data_set["00400270"]["Value"][0])
        item["00400009"]["Value"] = [f"SPS{number}"]
        items.append(item)
    data_set["00400270"]["Value"] = items
    first = begun(data_set, STRICT)
    assert told(first) == set()
    assert len(first.summary.sps_ids) == count


def test_quirk_10_group_lengths_everywhere_are_dropped() -> None:
    data_set = create()
    length = {"vr": "UL", "Value": [42]}
    data_set["00100000"] = length
    data_set["00400270"]["Value"][0]["00080000"] = length
    data_set["00091001"] = {"vr": "LO", "Value": ["x"]}
    data_set["00090010"] = {"vr": "LO", "Value": ["ACME"]}
    data_set["00090000"] = {"vr": "UN", "InlineBinary": "AAAA"}
    first = begun(data_set, STRICT)
    assert told(first) == set()
    assert not [tag for tag in state_of(first) if tag.endswith("0000")]
    assert "00080000" not in state_of(first)["00400270"]["Value"][0]


def test_quirk_11_what_is_created_empty_is_kept_and_decides_what_may_be_set() -> None:
    data_set = create()
    empty = {"00400281": {"vr": "SQ"}, "00400310": {"vr": "ST"}, "00400302": {"vr": "US"}}
    first = begun(data_set | empty, STRICT)
    assert {tag: state_of(first)[tag] for tag in empty} == empty
    dose: DataSet = {"00400302": {"vr": "US", "Value": [12]}}
    assert told(updated(first, dose, STRICT)) == set()
    other = {tag: element for tag, element in data_set.items() if tag not in empty}
    assert refused_by(STRICT, dose, begun(other)) == {("not-created", 0x0105, 409)}


@pytest.mark.parametrize("with_charset", [True, False])
def test_quirk_12_the_character_set_is_in_one_of_the_two_only(with_charset: bool) -> None:
    patient = PATIENTS[1]
    (_, first), *_, (_, last) = ct(UID, patient=patient)
    if with_charset:
        last.pop("00080005", None)
    else:
        first.pop("00080005")
        last["00080005"] = {"vr": "CS", "Value": ["ISO_IR 100"]}
    last["00400280"] = {"vr": "ST", "Value": ["für später"]}
    done = updated(begun(first), last)
    assert told(done) == ({"character-set-missing"} if with_charset else set())
    # That of the Create goes on; without one, what is beyond ASCII can only be said to be Unicode.
    assert state_of(done)["00080005"]["Value"] == (["ISO_IR 100"] if with_charset else ["ISO_IR 192"])


def test_quirk_12_another_character_set_than_that_of_the_create() -> None:
    (_, first), *_, (_, last) = ct(UID, patient=PATIENTS[1])
    last["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    last["00400280"] = {"vr": "ST", "Value": ["山田"]}
    done = updated(begun(first), last, STRICT)
    assert told(done) == {"character-set-differs"}
    assert state_of(done)["00080005"]["Value"] == ["ISO_IR 192"]
    assert sent_by(done)["00080005"]["Value"] == ["ISO_IR 192"]


def test_quirk_13_line_breaks_and_long_text_are_not_trimmed() -> None:
    comment = "EVENT=1 MODE=CINE  \r\n\tEVENT=2\r\n" + "x" * 900 + "  "
    last = final() | {"00400310": {"vr": "ST", "Value": [comment]}}
    done = updated(begun(create()), last, STRICT)
    assert state_of(done)["00400310"]["Value"] == [comment]
    longer = final() | {"00400310": {"vr": "ST", "Value": [comment * 2]}}
    done = updated(begun(create()), longer)
    assert told(done) == {"value-length"}
    assert state_of(done)["00400310"]["Value"] == [comment * 2]


def test_quirk_14_discontinued_without_a_reason_and_with_images() -> None:
    (_, first), *_, (_, last) = mr(UID, patient=PATIENTS[0], outcome=DISCONTINUED)
    last["00400281"] = {"vr": "SQ"}
    done = updated(begun(first), last, STRICT)
    assert (done.status, told(done)) == (StepStatus.DISCONTINUED, set())


def test_quirk_15_completed_without_an_end_and_without_a_series() -> None:
    first = begun(create())
    bare: DataSet = {"00400252": {"vr": "CS", "Value": ["COMPLETED"]}}
    done = updated(first, bare)
    assert (done.status, told(done)) == (StepStatus.COMPLETED, {"final-state-gap"})
    assert {finding.path[:29] for finding in done.findings} == {
        "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime",
        "PerformedSeriesSequence (0040",
    }
    assert refused_by(STRICT, bare, first) == {("final-state-gap", 0x0121, 409)}


def test_quirk_16_attributes_that_the_create_did_not_have() -> None:
    data_set = create()
    del data_set["00400281"]
    reason: DataSet = {"00400281": {"vr": "SQ"}}
    step = updated(begun(data_set), reason)
    assert told(step) == {"not-created"}
    assert "00400281" in state_of(step)
    assert refused_by(STRICT, reason, begun(data_set)) == {("not-created", 0x0105, 409)}


@pytest.mark.parametrize("element", [None, {"vr": "SQ"}, {"vr": "SQ", "Value": []}])
def test_quirk_17_no_scheduled_step_attributes(element: dict[str, Any] | None) -> None:
    data_set = create()
    del data_set["00400270"]
    if element is not None:
        data_set["00400270"] = element
    first = begun(data_set)
    assert told(first) == {"missing-type-1" if element is None else "empty-type-1"}
    assert first.summary.accession_numbers == ()
    assert first.summary.scheduled is (None if element is None else False)
    rule, status = ("missing-type-1", 0x0120) if element is None else ("empty-type-1", 0x0121)
    assert refused_by(STRICT, data_set) == {(rule, status, 400)}


def test_quirk_17_an_unscheduled_step_is_in_order() -> None:
    (_, first), *_ = unscheduled(ct(UID, patient=PATIENTS[0]))
    prepared = begun(first, STRICT)
    assert (told(prepared), prepared.summary.scheduled) == (set(), False)


@pytest.mark.parametrize("patient_id", [{"vr": "LO"}, {"vr": "LO", "Value": ["TEMP-0815"]}])
def test_quirk_18_empty_or_provisional_patient_ids(patient_id: dict[str, Any]) -> None:
    assert told(begun(create() | {"00100020": patient_id}, STRICT)) == set()


def test_quirk_18_several_issuers_of_patient_ids() -> None:
    others = [
        {"00100020": {"vr": "LO", "Value": [f"P{number}"]}, "00100021": {"vr": "LO", "Value": [issuer]}}
        for number, issuer in enumerate(["NORTH", "SOUTH", "NORTH"])
    ]
    data_set = create() | {"00101002": {"vr": "SQ", "Value": others}, "00100021": {"vr": "LO", "Value": ["EAST"]}}
    first = begun(data_set, STRICT)
    assert told(first) == set()
    assert state_of(first)["00101002"]["Value"] == others
    assert first.summary.patient_ids == ("4711",)


@pytest.mark.parametrize("status", ["in progress", "INPROGRESS", "IN PROGRESS\0", " In Progress "])
def test_quirk_19_the_status_in_other_forms(status: str) -> None:
    data_set = create() | {"00400252": {"vr": "CS", "Value": [status]}}
    first = begun(data_set)
    assert first.status is StepStatus.IN_PROGRESS
    assert state_of(first)["00400252"]["Value"] == [status]
    assert told(first) <= {"value-repertoire", "enumerated-value"}


@pytest.mark.parametrize(("status", "expected"), [("completed", "COMPLETED"), ("DISCONTINUED\0", "DISCONTINUED")])
def test_quirk_19_the_final_status_in_other_forms(status: str, expected: str) -> None:
    last = final() | {"00400252": {"vr": "CS", "Value": [status]}}
    done = updated(begun(create()), last)
    assert done.status == expected
    assert sent_by(done)["00400252"]["Value"] == [status]


def test_quirk_20_a_repeated_create_is_known_by_its_content() -> None:
    data_set = create()
    again = dict(reversed(data_set.items()))
    assert begun(data_set).operation == begun(again).operation
    cell = transition(StepStatus.IN_PROGRESS, StepOperation.CREATE, StepStatus.IN_PROGRESS)
    assert cell.refusal is not None
    assert cell.refusal.dimse_status == 0x0111


def test_quirk_21_nothing_follows_a_final_state() -> None:
    done = updated(begun(create()), final())
    for profile in Profile:
        assert refused_by(profile, final(), done) == {("step-final", 0x0110, 409)}


def test_quirk_23_a_final_update_of_a_step_nobody_created() -> None:
    cell = transition(None, StepOperation.UPDATE, StepStatus.COMPLETED)
    assert cell.refusal is not None
    assert (cell.refusal.dimse_status, cell.refusal.http_status) == (0x0112, 404)


def test_quirk_25_several_scheduled_steps_in_one() -> None:
    first = begun(xa(UID, patient=PATIENTS[0])[0][1], STRICT)
    assert told(first) == set()
    assert (len(first.summary.sps_ids), len(first.summary.accession_numbers)) == (2, 2)
    assert len(first.summary.study_uids) == 1


def test_quirk_25_a_second_step_for_the_same_scheduled_step() -> None:
    one, two = (begun(create() | {"00400253": {"vr": "SH", "Value": [name]}}, STRICT) for name in ("PPS1", "PPS2"))
    assert one.summary.sps_ids == two.summary.sps_ids
    assert told(one) == told(two) == set()


def test_quirk_26_lists_that_grow_are_sent_whole_and_replace() -> None:
    step = ct(UID, patient=PATIENTS[0])
    longer = padded(step, 200_000)
    first = updated(begun(step[0][1]), step[-2][1], STRICT)
    done = updated(first, longer[-1][1], STRICT)
    assert told(done) == set()
    assert state_of(done)["00400340"] == longer[-1][1]["00400340"]
    shorter: DataSet = {"00400340": {"vr": "SQ", "Value": series_of(step[-1][1])[:1]}}
    two = updated(begun(step[0][1]), {"00400340": step[-1][1]["00400340"]})
    assert told(updated(two, shorter, STRICT)) == {"sequence-shrunk"}


def test_quirk_27_dose_with_decimals_where_an_integer_is_expected() -> None:
    first = create() | {"0040030E": {"vr": "SQ"}}
    dose: DataSet = {"00181151": {"vr": "IS", "Value": ["421.5"]}, "00189330": {"vr": "FD", "Value": [421.5]}}
    update: DataSet = {"0040030E": {"vr": "SQ", "Value": [dose]}}
    step = updated(begun(first), update)
    assert told(step) == {"value-repertoire"}
    assert state_of(step)["0040030E"]["Value"] == [dose]


def test_quirk_27_a_dose_report_is_a_reference_like_others() -> None:
    last = final()
    assert series_of(last)[-1]["00400220"]["Value"][0]["00081150"]["Value"] == ["1.2.840.10008.5.1.4.1.1.88.67"]
    assert told(updated(begun(create()), last, STRICT)) == set()


@pytest.mark.parametrize("uid", ["100.118.116.2005.1", "1.2..3", "1.2.03", "2.25.0123"])
def test_quirk_28_uids_that_are_none(uid: str) -> None:
    data_set = create()
    data_set["00400270"]["Value"][0]["0020000D"]["Value"] = [uid]
    prepared = prepare_create(orjson.dumps(data_set), uid, LENIENT)
    assert told(prepared) == {"uid-syntax", "instance-uid-syntax"}
    assert refused_by(STRICT, data_set) == {("uid-syntax", 0x0106, 400)}
    with pytest.raises(Refused) as caught:
        prepare_create(orjson.dumps(create()), uid, STRICT)
    assert caught.value.dimse_status == 0x0117


def test_quirk_28_identifiers_that_are_too_long_or_look_like_numbers() -> None:
    for value, rules in (("1605.0", set()), ("1.2.840.113619.2.404.3", {"value-length"})):
        data_set = create() | {"00400253": {"vr": "SH", "Value": [value]}}
        first = begun(data_set)
        assert told(first) == rules
        assert state_of(first)["00400253"]["Value"] == [value]
        assert refused_by(STRICT, data_set) == {(rule, 0x0106, 400) for rule in rules}


def test_quirk_29_character_sets_that_do_not_exist() -> None:
    data_set = create() | {
        "00080005": {"vr": "CS", "Value": ["ISO 2022 B5"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "M\ufffdller"}]},
    }
    first = begun(data_set)
    assert told(first) == {"character-set-term"}
    assert state_of(first)["00080005"]["Value"] == ["ISO 2022 B5"]
    assert refused_by(STRICT, data_set) == {("character-set-term", 0x0106, 400)}


@pytest.mark.parametrize("status", [0xC000, 0xC001, 0xA777, 0x0211])
def test_quirk_38_codes_outside_the_tables_have_a_class(status: int) -> None:
    assert category_of(status) == "failure"
    assert category_of(0xB000 | status & 0xFFF) == "warning"


def test_quirk_39_an_unscheduled_step_can_be_told_from_others() -> None:
    scheduled, without = (summarise(step[0][1]) for step in (ct(UID), unscheduled(ct(UID))))
    assert (scheduled.scheduled, without.scheduled) == (True, False)


def test_quirk_40_an_unscheduled_step_is_findable_by_patient_and_station() -> None:
    summary: Summary = summarise(unscheduled(ct(UID, patient=PATIENTS[0]))[0][1])
    assert summary.patient_ids
    assert summary.station_aes
    assert summary.start
