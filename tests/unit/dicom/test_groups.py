"""Tags that are in no dictionary: reserved groups (PS3.5 7.1) and private blocks (PS3.5 7.8.1)."""

import pytest

from mpps_dicom import DataSet
from tests.unit.dicom.judging import as_update, found


@pytest.mark.parametrize("tag", ["00000002", "00020010", "00041500", "00060001", "FFFEE000", "00010010", "FFFF0010"])
def test_groups_of_other_things_than_data_sets_are_told(tag: str) -> None:
    findings = found(as_update, {tag: {"vr": "LO"}})
    assert [(rule, dimse, http) for rule, _path, dimse, http in findings] == [("group-reserved", 0x0106, 400)]


@pytest.mark.parametrize("tag", ["60003000", "FFFCFFFC", "00189999", "00080001"])
def test_other_groups_are_those_of_data_sets(tag: str) -> None:
    assert "group-reserved" not in [rule for rule, *_ in found(as_update, {tag: {"vr": "OW"}})]


CREATOR: DataSet = {"00090010": {"vr": "LO", "Value": ["ACME 1.0"]}}


@pytest.mark.parametrize(
    ("data_set", "faulty"),
    [
        (CREATOR, []),
        (CREATOR | {"00091001": {"vr": "LO"}, "000910FF": {"vr": "LO"}}, []),
        (CREATOR | {"00091101": {"vr": "LO"}}, ["00091101"]),
        (CREATOR | {"000B1001": {"vr": "LO"}}, ["000B1001"]),
        ({"00090010": {"vr": "LO"}, "00091001": {"vr": "LO"}}, ["00090010", "00091001"]),
        ({"00091001": {"vr": "LO"}}, ["00091001"]),
        (CREATOR | {"00090001": {"vr": "LO"}}, ["00090001"]),
        (CREATOR | {"00090200": {"vr": "LO"}}, ["00090200"]),
    ],
)
def test_private_blocks_have_their_creator(data_set: DataSet, faulty: list[str]) -> None:
    findings = found(as_update, data_set)
    assert all(rule == "private-creator" for rule, *_ in findings)
    assert [path[:8] for _rule, path, *_ in findings] == faulty


def test_the_creator_is_of_the_same_level() -> None:
    item: DataSet = {"00091001": {"vr": "LO"}}
    data_set: DataSet = CREATOR | {"00400555": {"vr": "SQ", "Value": [item, CREATOR | item]}}
    ((rule, path, *_),) = found(as_update, data_set)
    assert (rule, path) == (
        "private-creator",
        "AcquisitionContextSequence[0].00091001 (0040,0555)[0](0009,1001)",
    )
