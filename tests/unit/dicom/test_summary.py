"""Header fields of a step."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mpps_dicom import DataSet, Summary, summarise
from tests.support.modalities import PATIENTS, any_step, ct, unscheduled, xa


def test_the_header_of_a_real_step() -> None:
    (_, create), *_, (_, final) = xa("1.2", patient=PATIENTS[2], seed=3)
    summary = summarise(create)
    number = create["00400253"]["Value"][0].removeprefix("PPS")
    items = create["00400270"]["Value"]
    assert summary == Summary(
        patient_ids=("4713",),
        patient_names=("Yamada^Tarou=山田^太郎=やまだ^たろう",),
        accession_numbers=tuple(item["00080050"]["Value"][0] for item in items),
        study_uids=(items[0]["0020000D"]["Value"][0],),
        sps_ids=(f"SPS{int(number)}", f"SPS{int(number) + 1}"),
        modalities=("XA",),
        station_aes=tuple(create["00400241"]["Value"]),
        station_names=tuple(create["00400242"]["Value"]),
        procedure_codes=("CORANGIO^99HOSP", "LCA^99HOSP", "RCA^99HOSP", "LV^99HOSP"),
        issuers=("RIS-NORTH",),
        start=create["00400244"]["Value"][0] + create["00400245"]["Value"][0],
        scheduled=True,
    )
    assert summarise(final).end == final["00400250"]["Value"][0] + final["00400251"]["Value"][0]
    assert summarise(final).scheduled is None


def test_an_unscheduled_step_is_known_as_one() -> None:
    (_, create), *_ = unscheduled(ct("1.2"))
    summary = summarise(create)
    assert summary.scheduled is False
    assert summary.accession_numbers == ()
    assert len(summary.study_uids) == 1
    assert summarise({"00400270": {"vr": "SQ"}}).scheduled is False
    assert summarise({}).scheduled is None


def test_each_of_three_identifiers_makes_a_step_scheduled() -> None:
    for tag in ("00400009", "00080050", "00401001"):
        item = {tag: {"vr": "SH", "Value": ["1"]}}
        assert summarise({"00400270": {"vr": "SQ", "Value": [{}, item]}}).scheduled is True


def sequence(*items: Any) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def text(*values: Any) -> dict[str, Any]:
    return {"vr": "LO", "Value": list(values)}


def test_values_come_once_without_padding_in_order() -> None:
    data_set: DataSet = {
        "00100020": text(" 2 ", None, "", "1\0", "2"),
        "00400244": text("20260102"),
        "00080201": text("+0100"),
        "00400270": sequence(
            {"00080050": text("B"), "00080051": sequence({"00400031": text("N"), "00400032": text("1.2")})},
            {"00080050": text("A"), "00080051": sequence({"00400032": text("1.2")}, {})},
            {"00080050": text("B")},
        ),
    }
    summary = summarise(data_set)
    assert summary.patient_ids == ("2", "1")
    assert summary.accession_numbers == ("B", "A")
    assert summary.issuers == ("N", "1.2")
    assert summary.start == "20260102"
    assert summary.timezone_offset == "+0100"


def test_a_time_without_a_date_is_no_start() -> None:
    assert summarise({"00400245": text("101500")}).start is None


def test_codes_have_one_of_three_values() -> None:
    items = (
        {"00080100": text("A"), "00080102": text("S")},
        {"00080119": text("L"), "00080102": text("S")},
        {"00080120": text("urn:x")},
        {"00080102": text("S")},
    )
    assert summarise({"00081032": sequence(*items)}).procedure_codes == ("A^S", "L^S", "urn:x^")


def test_summaries_add_up() -> None:
    older = Summary(patient_ids=("1",), modalities=("CT",), start="20260101", scheduled=False)
    newer = Summary(patient_ids=("2", "1"), end="20260102", timezone_offset="+0100", scheduled=True)
    assert older.joined(newer) == Summary(
        patient_ids=("1", "2"),
        modalities=("CT",),
        start="20260101",
        end="20260102",
        timezone_offset="+0100",
        scheduled=True,
    )
    assert older.joined(Summary()) == older
    assert Summary().joined(older) == older
    assert newer.joined(older).scheduled is True
    assert older.joined(Summary(start="20260103")).start == "20260103"
    assert older.joined(Summary(scheduled=None)).scheduled is False


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_odd_makes_it_raise(seed: int, data: st.DataObject) -> None:
    step = any_step("1.2", seed)[0][1]
    odd: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
        [
            {"vr": "SQ", "Value": [{}]},
            {"vr": "LO"},
            {"vr": "LO", "Value": [None, ""]},
            {"vr": "US", "Value": [5]},
            {"vr": "PN", "Value": [{}, None, {"Phonetic": "x"}]},
            {"vr": "OB", "InlineBinary": "AAAA"},
            {"vr": "FD", "Value": [1.5]},
        ]
    )
    for level in (step, step["00400270"]["Value"][0]):
        for tag in data.draw(st.lists(st.sampled_from(sorted(level)), max_size=4)):
            level[tag] = data.draw(odd)
    summary = summarise(step)
    assert all(value == value.strip("\0 ") != "" for value in (*summary.patient_ids, *summary.sps_ids))
    assert summary.joined(summary) == summary
