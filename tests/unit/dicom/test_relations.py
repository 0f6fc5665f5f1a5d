"""What attributes have to do with each other; nearly all of it warns and never refuses."""

import copy
from typing import Any

import pytest

from mpps_dicom import RULES, DataSet, Profile, Severity, check_create, check_final
from tests.support.modalities import COMPLETED, DISCONTINUED, PATIENTS, xa
from tests.unit.dicom.judging import create, final, found


def ended(status: str = COMPLETED, **values: str) -> DataSet:
    state = create() | final()
    state["00400252"]["Value"] = [status]
    for name, value in values.items():
        tag = name.removeprefix("T")
        state[tag] = {"vr": state[tag]["vr"], "Value": [value]}
    return state


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (("20260101", "080000"), ("20260101", "083000"), False),
        (("20260101", "080000"), ("20260101", "080000"), False),
        (("20260101", "080000.5"), ("20260101", "0800"), False),
        (("20260101", "235900"), ("20260102", "000100"), False),
        (("20260101", "080000"), ("20260101", "075959"), True),
        (("20260102", "080000"), ("20260101", "235959"), True),
        (("20260102", "nonsense"), ("20260101", "080000"), False),
    ],
)
def test_a_step_does_not_end_before_it_starts(start: tuple[str, str], end: tuple[str, str], told: bool) -> None:
    state = ended(T00400244=start[0], T00400245=start[1], T00400250=end[0], T00400251=end[1])
    assert ("end-before-start" in [rule for rule, *_ in found(check_final, state)]) is told
    assert ("end-before-start" in [rule for rule, *_ in found(check_create, state)]) is told


@pytest.mark.parametrize(("status", "told"), [(COMPLETED, True), (DISCONTINUED, False)])
def test_a_completed_step_without_any_reference_is_told(status: str, told: bool) -> None:
    """F.7.2.2.2: both lists may be empty only when nothing was made, which a discontinued step often has not."""
    state = ended(status)
    for item in state["00400340"]["Value"]:
        item["00081140"] = item["00400220"] = {"vr": "SQ"}
    assert [rule for rule, *_ in found(check_final, state)] == (["final-references"] if told else [])
    state["00400340"]["Value"][-1]["00400220"] = {"vr": "SQ", "Value": [{}]}
    assert found(check_final, state) == []


def test_a_series_is_listed_once() -> None:
    state = ended()
    state["00400340"]["Value"].append(copy.deepcopy(state["00400340"]["Value"][0]))
    ((rule, path, *_),) = found(check_final, state)
    assert (rule, path) == ("series-twice", "PerformedSeriesSequence[3].SeriesInstanceUID (0040,0340)[3](0020,000E)")


@pytest.mark.parametrize(("status", "told"), [(COMPLETED, True), (DISCONTINUED, False)])
def test_a_reason_goes_with_a_discontinued_step(status: str, told: bool) -> None:
    reason: dict[str, Any] = {
        "00080100": {"vr": "SH", "Value": ["110514"]},
        "00080102": {"vr": "SH", "Value": ["DCM"]},
        "00080104": {"vr": "LO", "Value": ["Incorrect worklist entry selected"]},
    }
    state = ended(status) | {"00400281": {"vr": "SQ", "Value": [reason]}}
    assert [rule for rule, *_ in found(check_final, state)] == (["reason-not-discontinued"] if told else [])


def group() -> DataSet:
    return copy.deepcopy(xa("1.2.3", patient=PATIENTS[0])[0][1])


def test_a_group_has_one_item_for_each_scheduled_step() -> None:
    """F.7.2.1.2 notes 2 and 3."""
    data_set = group()
    first, second = data_set["00400270"]["Value"]
    assert found(check_create, data_set) == []
    for tag in ("00401001", "00400009"):
        second[tag] = first[tag]
    assert found(check_create, data_set) == [
        ("scheduled-steps", "ScheduledStepAttributesSequence[1] (0040,0270)[1]", 0x0106, 400)
    ]
    for tag in ("00401001", "00400009", "00080050"):
        second[tag] = {"vr": "SH"}
    assert [rule for rule, *_ in found(check_create, data_set)] == ["scheduled-steps"]


def test_sequences_that_take_one_item_have_one() -> None:
    data_set = create()
    issuer = {"00400031": {"vr": "UT", "Value": ["A"]}}
    data_set["00400270"]["Value"][0]["00080051"]["Value"] = [issuer, issuer]
    (finding,) = check_create(data_set, Profile.STRICT)
    assert (finding.rule, finding.severity) == ("single-item", Severity.WARN)
    qualifiers: DataSet = {"00100024": {"vr": "SQ", "Value": [{}, {}]}}
    assert [rule for rule, *_ in found(check_create, create() | qualifiers)] == ["single-item"]


@pytest.mark.parametrize("sex", ["M", "F", "O", "M ", ""])
def test_sex_is_one_of_three(sex: str) -> None:
    data_set = create() | {"00100040": {"vr": "CS", "Value": [sex]}}
    assert found(check_create, data_set) == []


@pytest.mark.parametrize(("sex", "rule"), [("X", "enumerated-value"), ("m", "value-repertoire")])
def test_another_sex_is_told_once(sex: str, rule: str) -> None:
    data_set = create() | {"00100040": {"vr": "CS", "Value": [sex]}}
    assert [found_rule for found_rule, *_ in found(check_create, data_set)] == [rule]


def test_rules_for_people_never_refuse() -> None:
    for rule in (
        "end-before-start",
        "final-references",
        "series-twice",
        "reason-not-discontinued",
        "scheduled-steps",
        "discontinuation-reason",
        "character-set-missing",
    ):
        assert Severity.REFUSE not in RULES[rule].severities.values()
