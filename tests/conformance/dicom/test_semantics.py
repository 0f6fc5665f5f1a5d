"""Statements of PS3.4 Annex F that no other test has for its own."""

import pytest

from mpps_dicom import (
    DataSet,
    Profile,
    Refused,
    check_create,
    check_final,
    check_update,
    decode_json,
    encode_json,
    merge,
    tags_of,
)
from tests.support.modalities import COMPLETED, DISCONTINUED, PATIENTS, ct, unscheduled
from tests.unit.dicom.judging import UID, create, final, found


def status(value: str) -> DataSet:
    return {"00400252": {"vr": "CS", "Value": [value]}}


@pytest.mark.parametrize("value", [COMPLETED, DISCONTINUED])
def test_the_status_alone_ends_a_step_when_the_rest_was_set_before(value: str) -> None:
    """Table F.7.2-1 note 1: "before or when"."""
    earlier = {tag: element for tag, element in final().items() if tag != "00400252"}
    state = merge(encode_json(create()), encode_json(earlier))
    assert check_update(status(value), tags_of(state), Profile.STRICT) == ()
    ended = merge(state, encode_json(status(value)))
    assert check_final(decode_json(ended), Profile.STRICT) == ()


def test_a_discontinued_step_owes_what_a_completed_one_owes() -> None:
    """F.7.2.2.2: the final state is either."""
    for value in (COMPLETED, DISCONTINUED):
        gaps = found(check_final, create() | status(value))
        assert [path.partition(" ")[0] for _rule, path, *_ in gaps] == [
            "PerformedProcedureStepEndDate",
            "PerformedProcedureStepEndTime",
            "PerformedSeriesSequence",
        ]


def test_an_abandoned_step_has_a_series_with_empty_lists() -> None:
    """Table F.7.2-1 note 2."""
    state = create() | final() | status(DISCONTINUED)
    series = state["00400340"]["Value"][0]
    series["00081140"] = series["00400220"] = {"vr": "SQ"}
    state["00400340"] = {"vr": "SQ", "Value": [series]}
    assert check_final(state, Profile.STRICT) == ()


def test_the_item_of_an_unscheduled_step_has_a_study() -> None:
    """F.7.2.1.2 note 3: the modality makes the UID, everything else of type 2 is empty."""
    (_, data_set), *_ = unscheduled(ct(UID, patient=PATIENTS[0]))
    assert check_create(data_set, Profile.STRICT) == ()
    data_set["00400270"]["Value"][0]["0020000D"] = {"vr": "UI"}
    with pytest.raises(Refused) as caught:
        check_create(data_set, Profile.STRICT)
    assert [finding.rule for finding in caught.value.findings] == ["empty-type-1"]


@pytest.mark.parametrize("tag", ["00400281", "00400280", "00401012", "00380010", "00101002"])
def test_what_is_optional_may_be_created_empty(tag: str) -> None:
    """Table F.7.2-1 note 5 asks for it where 5.4.2.1 forbids it; note 5 wins."""
    vr = {"00400280": "ST", "00380010": "LO"}.get(tag, "SQ")
    assert check_create(create() | {tag: {"vr": vr}}, Profile.STRICT) == ()


def test_no_series_item_is_incomplete_in_an_update_either() -> None:
    """The nested rows are 1/1 and 2/2 in the N-SET column, whatever the status."""
    item = final()["00400340"]["Value"][0]
    for tag in ("00181030", "0020000E"):
        partial: DataSet = {"00400340": {"vr": "SQ", "Value": [{**item, tag: {"vr": item[tag]["vr"]}}]}}
        with pytest.raises(Refused) as caught:
            check_update(partial, None, Profile.STRICT)
        assert caught.value.dimse_status == 0x0121


def test_what_a_mandatory_attribute_lacks_has_its_own_status() -> None:
    """5.4.2.1: 0120H when it is missing, 0121H when it is empty and may not be."""
    data_set = create()
    del data_set["00400253"]
    assert [dimse for _rule, _path, dimse, _http in found(check_create, data_set)] == [0x0120]
    data_set["00400253"] = {"vr": "SH"}
    assert [dimse for _rule, _path, dimse, _http in found(check_create, data_set)] == [0x0121]
