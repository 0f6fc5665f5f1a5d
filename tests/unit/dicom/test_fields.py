"""The includefield parameter: PS3.18 15.6.1.2."""

from collections.abc import Sequence

import pytest

from mpps_dicom import Fields, Refused, parse_includefield, select
from tests.support.modalities import xa

STUDY = ("00400270", "0020000D")


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ([], None),
        (["all"], None),
        (["PatientID"], (("00100020",),)),
        (["00100020"], (("00100020",),)),
        (["0040a30a"], (("0040A30A",),)),
        (["00091001"], (("00091001",),)),
        (["PatientID,00100010", "Modality"], (("00100020",), ("00100010",), ("00080060",))),
        (["PatientID", "00100020"], (("00100020",),)),
        (["ScheduledStepAttributesSequence.StudyInstanceUID"], (STUDY,)),
        (["00400270.0020000D"], (STUDY,)),
        (["00400270"], (("00400270",),)),
        (["00091001.PatientID"], (("00091001", "00100020"),)),
    ],
)
def test_keywords_and_tags_are_read(values: Sequence[str], fields: Fields) -> None:
    assert parse_includefield(values) == fields


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ["PatientID,"],
        ["patientid"],
        ["NoSuchKeyword"],
        ["0010002"],
        ["001000200"],
        ["0010002G"],
        ["(0010,0020)"],
        ["0x00100020"],
        ["all", "PatientID"],
        ["all,PatientID"],
        ["all", "all"],
        ["All"],
        ["PatientID.Modality"],
        ["00400270."],
        [".00400270"],
        ["ScheduledStepAttributesSequence.x"],
        ["Doe^Jane"],
    ],
)
def test_anything_else_is_refused_and_not_repeated(values: Sequence[str]) -> None:
    with pytest.raises(Refused) as caught:
        parse_includefield(values)
    (finding,) = caught.value.findings
    assert (finding.rule, finding.section, finding.http_status) == ("includefield", "PS3.18 15.6.1.2", 400)
    assert "Doe" not in finding.detail


def test_only_what_is_wanted_and_there_is_given() -> None:
    create = xa("1.2")[0][1]
    everything = parse_includefield(["all"])
    assert select(create, everything) is create
    assert select(create, parse_includefield(["Modality,PatientID,PatientComments"])) == {
        "00080060": create["00080060"],
        "00100020": create["00100020"],
    }


def test_a_bare_sequence_is_whole_and_wins_over_a_part() -> None:
    create = xa("1.2")[0][1]
    for values in (["00400270"], ["00400270", "00400270.0020000D"], ["00400270.0020000D", "00400270"]):
        assert select(create, parse_includefield(values)) == {"00400270": create["00400270"]}


def test_a_part_of_a_sequence_is_kept_in_every_item() -> None:
    create = xa("1.2")[0][1]
    before = repr(create)
    picked = select(
        create,
        parse_includefield(
            [
                "ScheduledStepAttributesSequence.StudyInstanceUID",
                "ScheduledStepAttributesSequence.ScheduledProtocolCodeSequence.CodeValue",
                "PerformedSeriesSequence.SeriesInstanceUID",
            ]
        ),
    )
    assert picked["00400340"] == create["00400340"]
    assert list(picked) == ["00400270", "00400340"]
    for item, original in zip(picked["00400270"]["Value"], create["00400270"]["Value"], strict=True):
        assert item["0020000D"] == original["0020000D"]
        assert item.keys() == {"0020000D", "00400008"}
        assert [code.keys() for code in item["00400008"]["Value"]] == [{"00080100"}] * 3
    assert repr(create) == before


def test_items_without_the_part_stay_in_their_place() -> None:
    data_set = {"00400270": {"vr": "SQ", "Value": [{"00080050": {"vr": "SH"}}, {"0020000D": {"vr": "UI"}}]}}
    assert select(data_set, (STUDY,)) == {"00400270": {"vr": "SQ", "Value": [{}, {"0020000D": {"vr": "UI"}}]}}


def test_a_part_of_what_is_no_sequence_is_not_there() -> None:
    assert select({"00400270": {"vr": "UN", "InlineBinary": "AAAA"}}, (STUDY,)) == {}
