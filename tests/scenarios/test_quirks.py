"""What real modalities do, row by row of the list of quirks: accepted, kept and passed on as it was sent."""

import orjson
import pytest

from mpps_cli.modality import new_uid
from tests.scenarios.hospital import (
    SERIES,
    STATUS,
    SUBSCRIBERS,
    Hospital,
    assert_same,
    copied,
    element,
    ordered,
    value_of,
)
from tests.support.modalities import COMPLETED, PATIENTS, DataSet, Step, ct, us, xa


def test_3_an_interim_update_for_each_image(hospital: Hospital) -> None:
    """… each with the whole series so far (quirk 26)."""
    uid = new_uid()
    create, final = us(uid, seed=1)
    (series, *_) = copied([final])[0][1][SERIES]["Value"]
    images = [
        {"00081150": element("UI", "1.2.840.10008.5.1.4.1.1.6.1"), "00081155": element("UI", f"{uid[:40]}.{n}")}
        for n in range(1, 41)
    ]
    interim: Step = [
        (
            "update",
            {
                STATUS: element("CS", "IN PROGRESS"),
                SERIES: element("SQ", {**series, "00081140": element("SQ", *images[:n])}),
            },
        )
        for n in range(1, 41)
    ]
    step = [create, *interim, final]
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    assert hospital.step(uid)["version"] == 42


def test_5_a_manual_report_comes_within_milliseconds(hospital: Hospital) -> None:
    for seed in range(5):
        uid = new_uid()
        step = us(uid, seed=seed)
        hospital.report(step, uid)
        hospital.assert_everywhere(uid, step)


@pytest.mark.parametrize("date", ["19991231", "20991231"])
def test_5_the_device_lives_at_another_time(hospital: Hospital, date: str) -> None:
    uid = new_uid()
    step = copied(us(uid, seed=2))
    step[0][1]["00400244"] = element("DA", date)
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)


def test_7_obsolete_references_to_what_is_no_image(hospital: Hospital) -> None:
    uid = new_uid()
    step = copied(ct(uid, seed=3))
    for item in step[-1][1][SERIES]["Value"]:
        item["00400220"] = element("SQ")
        item["00081198"] = element("SQ")
        item["0040A375"] = element("SQ")
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)


def test_10_group_lengths_go_and_everything_else_stays(hospital: Hospital) -> None:
    uid = new_uid()
    step = ct(uid, seed=4)
    lengthened = copied(step)
    for _, data_set in lengthened:
        data_set["00080000"] = element("UL", 100)
        data_set["00400000"] = element("UL", 100)
        for item in data_set.get(SERIES, {}).get("Value", ()):
            item["00080000"] = element("UL", 12)
    hospital.report(lengthened, uid)
    hospital.assert_everywhere(uid, step)


def test_11_zero_length_attributes_are_kept(hospital: Hospital) -> None:
    """They say what may be set later (F.7.2.2.2)."""
    uid = new_uid()
    step = xa(uid, seed=5)
    create = step[0][1]
    empty = {tag for tag, value in create.items() if "Value" not in value}
    assert len(empty) >= 10
    hospital.report(step[:1], uid)
    assert {tag for tag, value in hospital.retrieve(uid).items() if "Value" not in value} == empty
    hospital.report(step[1:], uid)
    hospital.assert_everywhere(uid, step)
    set_later = {tag for _, data_set in step[1:] for tag, value in data_set.items() if "Value" in value}
    state = hospital.retrieve(uid)
    assert {tag for tag, value in state.items() if "Value" not in value} == empty - set_later


def test_12_an_update_without_the_character_set_of_its_create(hospital: Hospital) -> None:
    uid = new_uid()
    step = copied(ct(uid, seed=6, patient=PATIENTS[2]))
    for _, data_set in step[1:]:
        data_set.pop("00080005", None)
    step[-1][1]["00400254"] = element("LO", "腹部検査")
    step[-1] = ("update", ordered(step[-1][1]))
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    state = hospital.retrieve(uid)
    assert state["00400254"]["Value"] == ["腹部検査"]
    assert state["00080005"]["Value"] == [None, "ISO 2022 IR 87"]


def test_15_completed_without_an_end_and_without_any_series(hospital: Hospital) -> None:
    uid = new_uid()
    step: Step = [us(uid, seed=7)[0], ("update", {STATUS: element("CS", COMPLETED)})]
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    assert hospital.step(uid)["status"] == COMPLETED


def test_16_an_update_of_what_was_not_created(hospital: Hospital) -> None:
    uid = new_uid()
    step = copied(us(uid, seed=8))
    step[-1][1]["00101030"] = element("DS", 71.5)
    step[-1] = ("update", ordered(step[-1][1]))
    assert "00101030" not in step[0][1]
    hospital.report(step[:1], uid)
    reply = hospital.send(uid, "update", step[1][1])
    assert (reply.status, bool(reply.warnings)) == (200, True)
    hospital.assert_everywhere(uid, step)


def test_18_a_patient_without_an_id(hospital: Hospital) -> None:
    uid = new_uid()
    step = ct(uid, seed=9, patient=PATIENTS[5])
    assert "Value" not in step[0][1]["00100020"]
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)


@pytest.mark.parametrize("created", ["INPROGRESS", "in progress", "IN PROGRESS\0", " In Progress "])
@pytest.mark.parametrize("ended", ["completed", "COMPLETED\0", "Completed "])
def test_19_a_status_in_another_form_is_understood_and_passed_on_as_it_was_sent(
    hospital: Hospital, created: str, ended: str
) -> None:
    uid = new_uid()
    step = copied(us(uid, seed=10))
    step[0][1][STATUS] = element("CS", created)
    step[-1][1][STATUS] = element("CS", ended)
    hospital.report(step[:1], uid)
    assert hospital.step(uid)["status"] == "IN PROGRESS"
    assert hospital.retrieve(uid)[STATUS]["Value"] == [created]
    hospital.report(step[1:], uid)
    assert hospital.step(uid)["status"] == COMPLETED
    assert hospital.retrieve(uid)[STATUS]["Value"] == [ended]
    hospital.assert_everywhere(uid, step)
    for name in SUBSCRIBERS:  # letter by letter
        bodies = [value_of(each.body) for each in hospital.receivers[name].accepted(uid)]
        assert [body[STATUS]["Value"][0] for body in bodies] == [created, ended]
    assert hospital.send(uid, "update", step[-1][1]).status == 409


def test_20_a_repeated_create_is_told_apart_from_another(hospital: Hospital) -> None:
    uid = new_uid()
    step = us(uid, seed=11)
    hospital.report(step[:1], uid)
    again = hospital.send(uid, "create", step[0][1])
    assert (again.status, again.problem()["same_content"]) == (409, True)
    other = hospital.send(uid, "create", us(uid, seed=12)[0][1])
    assert (other.status, other.problem()["same_content"]) == (409, False)
    hospital.report(step[1:], uid)
    hospital.assert_everywhere(uid, step)


def test_21_a_final_update_is_taken_once(hospital: Hospital) -> None:
    uid = new_uid()
    step = ct(uid, seed=13)
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    more: DataSet = {SERIES: step[-1][1][SERIES]}
    for data_set in (step[-1][1], more, {STATUS: element("CS", "IN PROGRESS")}):
        reply = hospital.send(uid, "update", data_set)
        assert reply.status == 409
        assert "may no longer be updated" in reply.body.decode()
    kept = hospital.step(uid)
    assert kept["version"] == len(step)
    assert {(lane["subscription"], lane["cursor"], lane["state"]) for lane in kept["lanes"]} == {
        (name, len(step), "level") for name in SUBSCRIBERS
    }
    hospital.assert_everywhere(uid, step)


def test_23_only_the_end_arrives(hospital: Hospital) -> None:
    uid = new_uid()
    step = us(uid, seed=14)
    reply = hospital.send(uid, "update", step[-1][1])
    assert reply.status == 404
    assert hospital.manager.client.request("GET", f"/api/v1/steps/{uid}").status == 404
    # The modality may begin again from the Create; nothing of the first try is left.
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)


def test_27_dose_is_passed_on_digit_by_digit(hospital: Hospital) -> None:
    """Tube current in uA with decimals where an integer is expected, and text with CR and LF (quirk 13)."""
    uid = new_uid()
    step = copied(xa(uid, seed=15))
    final = step[-1][1]
    final["00400310"] = element("ST", "DAP=12.50\r\n  AK=0.30 \r\n")
    final["00400301"] = element("US", 3)
    final["0018115E"] = element("DS", "48.2500")
    step[-1] = ("update", ordered(final))
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    state = hospital.retrieve(uid)
    assert state["00400310"]["Value"] == ["DAP=12.50\r\n  AK=0.30 \r\n"]
    assert state["0018115E"]["Value"] == ["48.2500"]


@pytest.mark.parametrize("uid", ["100.118.116.2005.1", "1.2..840..3", "1.02.3", "1"])
def test_28_uids_that_are_none_name_steps_all_the_same(hospital: Hospital, uid: str) -> None:
    step = copied(us(f"2.25.{len(uid)}", seed=16))
    step[0][1]["00400253"] = element("SH", "1605.0 and longer than sixteen characters")
    reply = hospital.send(uid, "create", step[0][1])
    assert (reply.status, bool(reply.warnings)) == (201, True)
    hospital.report(step[1:], uid)
    hospital.assert_everywhere(uid, step)


def test_29_a_character_set_that_does_not_exist(hospital: Hospital) -> None:
    uid = new_uid()
    step = copied(us(uid, seed=17))
    step[0][1]["00080005"] = element("CS", "ISO 2022 B5")
    step[0] = ("create", ordered(step[0][1]))
    hospital.report(step, uid)
    for name in SUBSCRIBERS:
        arrived = hospital.arrivals(name, uid, len(step))
        assert value_of(arrived[0].body)["00080005"]["Value"] == ["ISO 2022 B5"]
        # pydicom would not read it.
        assert [value_of(each.body) for each in arrived] == [sent for _, sent in step]


def test_private_attributes_pass_through(hospital: Hospital) -> None:
    uid = new_uid()
    step = copied(ct(uid, seed=18))
    inside: DataSet = {"00090010": element("LO", "ACME CT 01"), "00091004": element("PN", {"Alphabetic": "X^Y"})}
    private: DataSet = {
        "00090010": element("LO", "ACME CT 01"),
        "00091001": element("DS", 1.5, None, 2),
        "00091002": {"vr": "UN", "InlineBinary": "AAECAwT/"},
        "00091003": element("SQ", inside),
        "00091005": element("UV", "18446744073709551615"),
        "00091006": {"vr": "OB", "InlineBinary": "AAECAw=="},
        "00091007": element("FD", 0.1),
        "00091008": {"vr": "UN"},
    }
    for position in (0, -1):
        kind, data_set = step[position]
        step[position] = (kind, ordered({**data_set, **private}))
    step[-1][1][SERIES]["Value"][0].update({"00190010": element("LO", "ACME"), "00191001": element("SH", "inside")})
    step[-1][1][SERIES]["Value"][0] = ordered(step[-1][1][SERIES]["Value"][0])
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    state = hospital.retrieve(uid)
    assert {tag: state[tag] for tag in private} == private
    assert_same(orjson.dumps({tag: state[tag] for tag in private}), orjson.dumps(private))
