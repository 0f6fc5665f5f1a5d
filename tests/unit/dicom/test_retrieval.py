"""Table F.8.2-1 as it is kept."""

from collections import Counter

from mpps_dicom.dictionary import ATTRIBUTES
from mpps_dicom.requirements import RESIDUAL, ROWS
from mpps_dicom.retrieval import RETRIEVE_ROWS, RETRIEVE_TABLE, UNDEFINED
from mpps_dicom.tables import Column


def test_the_table_is_whole() -> None:
    assert len(RETRIEVE_ROWS) == 217
    assert Counter(row.check for row in RETRIEVE_ROWS) == {"T": 211, "I": 6}
    paths = [row.path for row in RETRIEVE_ROWS]
    assert len(set(paths)) == len(paths)


def test_types_are_those_of_the_standard() -> None:
    """PS3.4 5.4.2.2."""
    assert {row.scu for row in RETRIEVE_ROWS} <= {"1C", "3", UNDEFINED}
    assert {row.scp for row in RETRIEVE_ROWS} <= {"1", "1C", "2", "3"}
    assert all(row.when for row in RETRIEVE_ROWS if row.scp == "1C")


def test_only_the_top_level_can_be_asked_for() -> None:
    """F.8.2.1.2."""
    requestable = [row for row in RETRIEVE_ROWS if row.requestable]
    assert all(row.scu == "3" and len(row.path) == 1 for row in requestable)
    assert {row.tag for row in requestable} == RETRIEVE_TABLE.rows.keys()


def test_keywords_and_vrs_agree_with_the_dictionary() -> None:
    for row in RETRIEVE_ROWS:
        if row.tag != RESIDUAL:
            attribute = ATTRIBUTES[row.tag]
            assert (attribute.keyword, attribute.vr) == (row.keyword, row.vr)


def test_what_has_to_be_answered_has_to_be_created() -> None:
    """What N-GET has of type 1 or 2 at the top, a Create had to send (Table F.7.2-1); the reason alone is 3/3 there."""
    created = {row.tag for row in ROWS if len(row.path) == 1 and row.n_create_scp in {"1", "2"}}
    owed = {duty.tag for duty in RETRIEVE_TABLE.duties[Column.RETRIEVE]}
    assert owed - created == {"00400281"}
    assert created <= owed


def test_items_are_walked_like_those_of_the_other_table() -> None:
    series = RETRIEVE_TABLE.items["00400340"]
    assert {duty.tag for duty in series.duties[Column.RETRIEVE] if duty.filled} == {"00181030", "0020000E"}
    assert {"00081140", "00400220"} <= series.items.keys()


def test_what_the_table_does_not_have() -> None:
    assert not {"00401012", "0040A494"} & {row.tag for row in RETRIEVE_ROWS}
    assert RETRIEVE_TABLE.rows["00100030"].keyword == "PatientBirthDate"
