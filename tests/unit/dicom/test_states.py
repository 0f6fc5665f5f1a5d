"""The state machine: PS3.4 F.1.5, F.7.2.1.3, F.7.2.2.3."""

import itertools
from typing import Any

import pytest

from mpps_dicom import RULES, TRANSITIONS, Refused, StepOperation, StepStatus, status_of, transition

CURRENT = (None, *StepStatus)
CELLS = list(itertools.product(CURRENT, StepOperation, CURRENT))


def test_every_cell_is_there() -> None:
    assert set(TRANSITIONS) == set(CELLS)


def as_the_standard_says(
    current: StepStatus | None, operation: StepOperation, requested: StepStatus | None
) -> StepStatus | int:
    """Give the status that follows, or the DIMSE status of the refusal."""
    if operation is StepOperation.CREATE:
        if requested is not StepStatus.IN_PROGRESS:
            return 0x0106  # F.7.2.1.3
        return StepStatus.IN_PROGRESS if current is None else 0x0111  # PS3.7 10.1.5.1.6
    if current is None:
        return 0x0112  # PS3.7 10.1.3.1.9
    if current.is_final:
        return 0x0110  # F.7.2.2.3
    return requested or current


@pytest.mark.parametrize(("current", "operation", "requested"), CELLS)
def test_each_cell_is_as_the_standard_says(
    current: StepStatus | None, operation: StepOperation, requested: StepStatus | None
) -> None:
    cell = transition(current, operation, requested)
    expected = as_the_standard_says(current, operation, requested)
    assert cell.section.startswith("PS3.")
    if isinstance(expected, StepStatus):
        assert cell.allowed
        assert cell.result is expected
        assert cell.refusal is None
    else:
        assert not cell.allowed
        assert cell.rule in RULES
        finding = cell.refusal
        assert finding is not None
        assert finding.dimse_status == expected
        assert finding.section == cell.section
        assert finding.severity == "refuse"
        assert finding.detail.isascii()


def test_only_in_progress_is_not_final() -> None:
    assert [status for status in StepStatus if status.is_final] == [StepStatus.COMPLETED, StepStatus.DISCONTINUED]


def step(*values: Any, vr: str = "CS") -> dict[str, dict[str, Any]]:
    return {"00400252": {"vr": vr, "Value": list(values)}}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("IN PROGRESS", StepStatus.IN_PROGRESS),
        ("COMPLETED", StepStatus.COMPLETED),
        ("DISCONTINUED", StepStatus.DISCONTINUED),
        ("in progress", StepStatus.IN_PROGRESS),
        ("InProgress", StepStatus.IN_PROGRESS),
        ("COMPLETED ", StepStatus.COMPLETED),
        ("COMPLETED\0", StepStatus.COMPLETED),
        (" discontinued \0", StepStatus.DISCONTINUED),
    ],
)
def test_spellings_of_real_devices_are_understood_and_kept(value: str, status: StepStatus) -> None:
    data_set = step(value)
    assert status_of(data_set) is status
    assert data_set == step(value)


def test_no_attribute_is_no_status() -> None:
    assert status_of({}) is None


@pytest.mark.parametrize(
    "data_set",
    [{"00400252": {"vr": "CS"}}, step(), step(None), step(""), step(" \0"), step(None, "")],
)
def test_an_empty_status_is_refused(data_set: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(Refused) as caught:
        status_of(data_set)
    assert [(f.rule, f.dimse_status, f.http_status) for f in caught.value.findings] == [("status-empty", 0x0121, 400)]


@pytest.mark.parametrize(
    "data_set",
    [
        step("SCHEDULED"),
        step("IN  PROGRESS"),
        step("IN_PROGRESS"),
        step("Doe^Jane"),
        step("COMPLETED", "COMPLETED"),
        step("COMPLETED", None),
        step(1, vr="US"),
        step({}, vr="SQ"),
        step({"Alphabetic": "COMPLETED"}, vr="PN"),
        {"00400252": {"vr": "OB", "InlineBinary": "AAAA"}},
    ],
)
def test_any_other_status_is_refused_and_not_repeated_unless_known(data_set: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(Refused) as caught:
        status_of(data_set)
    (finding,) = caught.value.findings
    assert finding.rule in {"status-unknown", "status-empty"}
    assert finding.path == "PerformedProcedureStepStatus (0040,0252)"
    assert "Doe" not in finding.detail


def test_a_status_of_another_state_machine_is_told() -> None:
    with pytest.raises(Refused) as caught:
        status_of(step("scheduled"))
    assert "SCHEDULED" in caught.value.findings[0].detail
