"""The cases that a Performed Procedure Step Manager passes on (IHE RAD-6 and RAD-7; PS3.17 J)."""

import itertools
import time

import pytest

from mpps_cli.modality import new_uid
from tests.scenarios.hospital import (
    REASON,
    SCHEDULED_STEPS,
    SERIES,
    STATUS,
    Hospital,
    code,
    copied,
    element,
    ordered,
)
from tests.support.modalities import (
    COMPLETED,
    DISCONTINUED,
    MODALITIES,
    PATIENTS,
    DataSet,
    Patient,
    Step,
    ct,
    mr,
    unscheduled,
    us,
    xa,
)


@pytest.mark.parametrize("modality", MODALITIES)
def test_simple(hospital: Hospital, modality: str) -> None:
    """One scheduled step, one performed step."""
    uid = new_uid()
    step = MODALITIES[modality](uid, seed=1)
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    kept = hospital.step(uid)
    assert (kept["status"], kept["version"], kept["modalities"]) == (COMPLETED, len(step), [modality])
    assert kept["scheduled"] is True
    assert kept["sources"] == ["modalities"]


def test_unscheduled(hospital: Hospital) -> None:
    """One item with a Study Instance UID of the modality's making, everything else empty (F.7.2.1.2 note 3)."""
    uid = new_uid()
    step = unscheduled(ct(uid, seed=2, patient=PATIENTS[0]))
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    kept = hospital.step(uid)
    assert (kept["scheduled"], kept["accession_numbers"]) == (False, [])
    (study,) = kept["study_uids"]
    assert uid in hospital.found(study=study)
    # Quirk 40: somebody has to find it to link it to an order.
    assert uid in hospital.found(patient_id=PATIENTS[0].patient_id)
    assert uid in hospital.found(station=kept["station_aes"][0])


def test_without_any_scheduled_step_attributes(hospital: Hospital) -> None:
    """Quirk 17."""
    for seed, empty in ((3, True), (4, False)):
        uid = new_uid()
        step = copied(us(uid, seed=seed))
        create = step[0][1]
        if empty:
            create[SCHEDULED_STEPS] = element("SQ")
        else:
            del create[SCHEDULED_STEPS]
        hospital.report(step, uid)
        hospital.assert_everywhere(uid, step)


def test_append(hospital: Hospital) -> None:
    """A further step for the same scheduled step: same study, same order, new series (PS3.3 7.3.1.9)."""
    first, second = new_uid(), new_uid()
    step, more = ct(first, seed=5, patient=PATIENTS[0]), copied(ct(second, seed=6, patient=PATIENTS[0]))
    more[0][1][SCHEDULED_STEPS] = step[0][1][SCHEDULED_STEPS]
    hospital.report(step, first)
    hospital.report(more, second)  # though the scheduled step is completed already
    hospital.assert_everywhere(first, step)
    hospital.assert_everywhere(second, more)

    kept, appended = hospital.step(first), hospital.step(second)
    for name in ("study_uids", "accession_numbers", "sps_ids"):
        assert kept[name] == appended[name] != []
    assert {first, second} <= hospital.found(accession=kept["accession_numbers"][0])
    assert {first, second} <= hospital.found(study=kept["study_uids"][0])
    assert not _series(step) & _series(more)


def _series(step: Step) -> set[str]:
    return {item["0020000E"]["Value"][0] for item in step[-1][1][SERIES]["Value"]}


def test_group(hospital: Hospital) -> None:
    """One step for several scheduled ones: each item counts (F.7.2.1.2 note 2)."""
    uid = new_uid()
    step = copied(xa(uid, seed=7))
    items = step[0][1][SCHEDULED_STEPS]["Value"]
    third = copied([("create", items[0])])[0][1]
    third["00080050"] = element("SH", "GROUP-3")
    third["0020000D"] = element("UI", "2.25.333")
    items.append(third)
    accessions = [item["00080050"]["Value"][0] for item in items]
    assert len(set(accessions)) == 3
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    kept = hospital.step(uid)
    assert kept["accession_numbers"] == accessions
    assert len(kept["sps_ids"]) == 2
    for accession in accessions:
        assert hospital.found(accession=accession) == {uid}
        assert uid in hospital.found(q=accession)
    assert hospital.found(study="2.25.333") == {uid}


def _series_without_instances(step: Step) -> Step:
    """Leave one series of which nothing was kept (Table F.7.2-1 note 2)."""
    changed = copied(step)
    for _, data_set in changed:
        for item in data_set.get(SERIES, {}).get("Value", ())[:1]:
            item["00081140"] = element("SQ")
            item["00400220"] = element("SQ")
            data_set[SERIES] = element("SQ", item)
    return changed


def _reason(step: Step, reason: dict[str, object] | None) -> Step:
    changed = copied(step)
    final = changed[-1][1]
    final.pop(REASON, None)
    if reason is not None:
        final[REASON] = reason
    changed[-1] = ("update", ordered(final))
    return changed


@pytest.mark.parametrize("instances", [True, False], ids=["with-images", "nothing-made"])
@pytest.mark.parametrize(
    "reason",
    [None, element("SQ"), element("SQ", code("110501", "Equipment failure"))],
    ids=["no-reason", "empty-reason", "reason"],
)
def test_abandoned(hospital: Hospital, instances: bool, reason: dict[str, object] | None) -> None:
    """DISCONTINUED, with or without images and reason (quirk 14)."""
    uid = new_uid()
    step = _reason(mr(uid, seed=8, outcome=DISCONTINUED), reason)
    step = step if instances else _series_without_instances(step)
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    assert hospital.step(uid)["status"] == DISCONTINUED
    assert hospital.send(uid, "update", {STATUS: element("CS", COMPLETED)}).status == 409


def test_wrong_worklist_entry(hospital: Hospital) -> None:
    """110514 is for those who read it: here it is a message like any other, neither filtered nor held back."""
    uid = new_uid()
    step = _reason(
        ct(uid, seed=9, outcome=DISCONTINUED), element("SQ", code("110514", "Incorrect worklist entry selected"))
    )
    hospital.report(step, uid)
    acknowledged = time.time()
    hospital.assert_everywhere(uid, step)
    for receiver in hospital.receivers.values():
        assert receiver.accepted(uid)[-1].at < acknowledged + 5.0
    kept = hospital.step(uid)
    assert uid in hospital.found(accession=kept["accession_numbers"][0])
    # The right one follows.
    right = new_uid()
    again = ct(right, seed=10)
    hospital.report(again, right)
    hospital.assert_everywhere(right, again)


def _charged(step: Step) -> Step:
    """Add what is charged for: procedures, films, supplies (PS3.3 C.4.17)."""
    changed = copied(step)
    films: DataSet = {
        "20000030": element("CS", "BLUE FILM"),
        "20100050": element("CS", "14INX17IN"),
        "21000170": element("IS", 3),
    }
    quantity: DataSet = {
        "00400294": element("DS", 2),
        "00400295": element("SQ", code("1", "no units", "UCUM")),
    }
    supplies: DataSet = {
        "00400293": element("SQ", quantity),
        "00400296": element("SQ", code("C-B0300", "Contrast medium", "SRT")),
    }
    charges: DataSet = {
        "00400320": element("SQ", code("CHG-4711", "CT abdomen", "99HOSP"), code("CHG-1", "Contrast", "99HOSP")),
        "00400321": element("SQ", films),
        "00400324": element("SQ", supplies),
    }
    kind, create = changed[0]
    changed[0] = (kind, ordered({**create, **{tag: element("SQ") for tag in charges}}))
    kind, final = changed[-1]
    changed[-1] = (kind, ordered({**final, **charges}))
    return changed


def test_billing(hospital: Hospital) -> None:
    """A lost or doubled COMPLETED is money: while nothing fails, each comes exactly once, and last."""
    steps: dict[str, Step] = {}
    for seed in range(20, 30):
        uid = new_uid()
        steps[uid] = _charged(list(MODALITIES.values())[seed % 4](uid, seed=seed))
    # All at the same time, operation by operation.
    for turn in itertools.count():
        due = [(uid, step[turn]) for uid, step in steps.items() if turn < len(step)]
        if not due:
            break
        for uid, operation in due:
            hospital.report([operation], uid)
    for uid, step in steps.items():
        hospital.assert_everywhere(uid, step)
    billed = [each for each in hospital.receivers["billing"].arrivals if each.uid in steps]
    completed = [each.uid for each in billed if b'"COMPLETED"' in each.body]
    assert sorted(completed) == sorted(steps)
    assert sum(map(len, steps.values())) == len(billed)
    assert not any(each.repeated for each in billed)


@pytest.mark.parametrize(
    "patient", [each for each in PATIENTS if each.charset], ids=lambda each: each.name["Alphabetic"]
)
def test_names_arrive_as_they_were_sent(hospital: Hospital, patient: Patient) -> None:
    """Whatever repertoire they came from: ISO 2022 IR 87, ISO_IR 192, 100, 144 (PS3.5 H, I, J)."""
    uid = new_uid()
    step = ct(uid, patient=patient, seed=11)
    hospital.report(step, uid)
    hospital.assert_everywhere(uid, step)
    state = hospital.retrieve(uid)
    assert state["00100010"]["Value"] == [patient.name]
    # The state keeps the Create's repertoire, which holds it (F.7.2.2.3).
    assert state["00080005"]["Value"] == list(patient.charset)
    for group in patient.name.values():
        assert uid in hospital.found(q=group)


def test_a_late_subscriber_gets_open_steps_from_their_create_on(hospital: Hospital) -> None:
    uid = new_uid()
    step = ct(uid, seed=12)
    hospital.report(step[:2], uid)
    hospital.subscribe("late", start="open")
    try:
        hospital.assert_everywhere(uid, step[:2], ["late"])
        hospital.report(step[2:], uid)
        hospital.assert_everywhere(uid, step, ["late"])
        other = us(uid, seed=13)
        hospital.assert_everywhere(hospital.report(other), other, ["late"])
    finally:
        hospital.unsubscribe("late")
    hospital.assert_everywhere(uid, step)


def test_a_late_subscriber_that_comes_with_the_final_update_still_gets_the_create_first(hospital: Hospital) -> None:
    for seed in range(5):
        uid, name = new_uid(), f"late-{seed}"
        step = ct(uid, seed=seed)
        hospital.report(step[:2], uid)
        hospital.subscribe(name, start="open")
        hospital.report(step[2:], uid)
        try:
            hospital.assert_everywhere(uid, step, [name])
        finally:
            hospital.unsubscribe(name)


def test_the_state_is_what_the_operations_make_together(hospital: Hospital) -> None:
    """What a subscriber has after them all is what Retrieve gives."""
    uid = new_uid()
    step = xa(uid, seed=14)
    hospital.report(step, uid)
    merged: DataSet = {}
    for _, data_set in step:
        merged |= data_set
    merged["00080005"] = step[0][1].get("00080005", merged.get("00080005", {}))
    state = hospital.retrieve(uid)
    state.pop("00080018", None)
    assert {tag: value for tag, value in state.items() if tag != "00080005"} == {
        tag: value for tag, value in merged.items() if tag != "00080005"
    }
