"""What is made of a body before it is written: pure functions over bytes."""

from typing import Any

import orjson
import pytest

from mpps_core.accepting.content import (
    Current,
    Packed,
    Prepared,
    canonical,
    prepare_create,
    prepare_update,
    select_fields,
)
from mpps_core.payload import decompress
from mpps_dicom import Profile, Refused, StepStatus

UID = "2.25.1"
OPEN, COMPLETED, DISCONTINUED = StepStatus


def body(status: str | None = None, **attributes: Any) -> bytes:
    given = {tag.removeprefix("x"): element for tag, element in attributes.items()}
    if status is not None:
        given["00400252"] = {"vr": "CS", "Value": [status]}
    return orjson.dumps(given)


def unpacked(packed: Packed) -> Any:
    data = decompress(packed.data)
    assert len(data) == packed.size
    return orjson.loads(data)


def created(**attributes: Any) -> Prepared:
    return prepare_create(body("IN PROGRESS", **attributes), UID, Profile.OFF)


def updated(before: Prepared, data: bytes, profile: Profile = Profile.OFF) -> Prepared:
    current = Current(data=before.state.data, size=before.state.size, status=before.status)
    return prepare_update(data, UID, profile, current)


def test_the_state_after_a_create_is_the_create() -> None:
    prepared = created(x00100020={"vr": "LO", "Value": ["4711"]})
    assert prepared.state == prepared.operation
    assert (prepared.status, prepared.requested) == (OPEN, OPEN)
    assert prepared.summary.patient_ids == ("4711",)
    assert list(unpacked(prepared.operation)) == ["00100020", "00400252"]


def test_an_update_is_kept_as_received_and_merged_into_the_state() -> None:
    """PS3.4 F.7.2.2.2: attributes that are sent replace, sequences as a whole; all others stay."""
    before = created(
        x00100020={"vr": "LO", "Value": ["4711"]},
        x00400340={"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": ["1.2"]}}, {}]},
        x00400280={"vr": "ST"},
    )
    change = body(None, x00400340={"vr": "SQ", "Value": [{}]}, x00400280={"vr": "ST", "Value": ["done"]})
    after = updated(before, change)
    assert (after.requested, after.status) == (None, OPEN)
    assert unpacked(after.operation) == orjson.loads(change)
    state = unpacked(after.state)
    assert state["00100020"]["Value"] == ["4711"]
    assert state["00400340"]["Value"] == [{}]
    assert state["00400280"]["Value"] == ["done"]
    assert [finding.rule for finding in after.findings] == ["sequence-shrunk"]
    assert after.summary.patient_ids == ()  # of the body alone


@pytest.mark.parametrize(
    ("sent", "requested", "status"),
    [
        (None, None, OPEN),
        ("IN PROGRESS", OPEN, OPEN),
        ("COMPLETED", COMPLETED, COMPLETED),
        ("DISCONTINUED", DISCONTINUED, DISCONTINUED),
        ("completed", COMPLETED, COMPLETED),
        ("INPROGRESS", OPEN, OPEN),
    ],
)
def test_the_status_that_follows(sent: str | None, requested: StepStatus | None, status: StepStatus) -> None:
    after = updated(created(), body(sent, x00100020={"vr": "LO"}))
    assert (after.requested, after.status) == (requested, status)


@pytest.mark.parametrize("status", [COMPLETED, DISCONTINUED])
def test_nothing_follows_a_final_state(status: StepStatus) -> None:
    final = updated(created(), body(status))
    with pytest.raises(Refused) as raised:
        updated(final, body("IN PROGRESS"))
    assert raised.value.findings[0].rule == "step-final"
    assert (raised.value.http_status, raised.value.dimse_status) == (409, 0x0110)


@pytest.mark.parametrize("sent", [None, "COMPLETED", "DISCONTINUED"])
def test_a_create_is_in_progress(sent: str | None) -> None:
    with pytest.raises(Refused) as raised:
        prepare_create(body(sent, x00100020={"vr": "LO"}), UID, Profile.OFF)
    assert raised.value.findings[0].rule == "status-not-in-progress"
    assert (raised.value.http_status, raised.value.dimse_status) == (400, 0x0106)


def test_final_gaps_are_noticed_when_the_step_ends() -> None:
    for sent, noticed in (("IN PROGRESS", False), ("COMPLETED", True)):
        rules = {finding.rule for finding in updated(created(), body(sent), Profile.LENIENT).findings}
        assert any(rule.startswith("final-") for rule in rules) is noticed, rules


def test_the_canonical_form_is_the_same_for_the_same_content() -> None:
    data = {"00400252": {"Value": ["COMPLETED"], "vr": "CS"}, "00100020": {"vr": "LO", "Value": ["4711"]}}
    spaced = orjson.dumps([data], option=orjson.OPT_INDENT_2)
    expected = b'{"00100020":{"vr":"LO","Value":["4711"]},"00400252":{"vr":"CS","Value":["COMPLETED"]}}'
    assert canonical(spaced, UID) == canonical(expected, UID) == expected


def test_fields_are_selected_from_canonical_bytes() -> None:
    data = b'{"00100020":{"vr":"LO","Value":["4711"]},"00400252":{"vr":"CS","Value":["COMPLETED"]}}'
    assert select_fields(data, (("00400252",),)) == b'{"00400252":{"vr":"CS","Value":["COMPLETED"]}}'
    assert select_fields(data, (("00080060",),)) == b"{}"
