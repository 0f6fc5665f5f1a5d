"""Table F.7.2-1 as it is kept."""

from collections import Counter

from mpps_dicom.dictionary import ATTRIBUTES, PROVISIONAL
from mpps_dicom.requirements import NOT_UPDATABLE, RESIDUAL, ROWS, TABLE, Column


def test_the_table_is_whole() -> None:
    assert len(ROWS) == 289
    assert Counter(row.check for row in ROWS) == {"T": 243, "X": 16, "I": 21, "D": 2, "U": 7}
    assert len({row.path for row in ROWS if row.tag != RESIDUAL}) == len([r for r in ROWS if r.tag != RESIDUAL])


def test_types_are_those_of_the_standard() -> None:
    types = {"1", "1C", "2", "2C", "3"}
    for row in ROWS:
        assert {row.n_create_scu, row.n_create_scp, row.final_state_effective} <= types
        assert (row.n_set_scu is None) is (row.n_set_scp is None)
        assert {row.n_set_scu, row.n_set_scp} <= types | {None}


def test_every_conditional_row_says_when() -> None:
    for row in ROWS:
        if row.n_create_scu.endswith("C"):
            assert row.when_create
        if row.n_set_scp and row.n_set_scp.endswith("C"):
            assert row.when_set


def test_only_rows_that_were_read_are_verified() -> None:
    assert {row.check for row in ROWS if row.verified} == {"T", "D"}
    assert not any(row.verified for row in ROWS if row.check in "IUX")


def test_keywords_and_vrs_agree_with_the_dictionary() -> None:
    for row in ROWS:
        if row.tag != RESIDUAL:
            attribute = ATTRIBUTES[row.tag]
            assert (attribute.keyword, attribute.vr) == (row.keyword, row.vr)
    assert all(row.check == "I" for row in ROWS if row.tag in PROVISIONAL)


def test_the_final_state_asks_for_an_end_and_a_series() -> None:
    top = {duty.tag: duty.filled for duty in TABLE.duties[Column.FINAL]}
    assert top == {"00400250": True, "00400251": True, "00400340": True}
    series = {duty.tag: duty.filled for duty in TABLE.items["00400340"].duties[Column.FINAL]}
    assert series == {
        "00081050": False,
        "00181030": True,
        "00081070": False,
        "0020000E": True,
        "0008103E": False,
        "00080054": False,
        "00081140": False,
        "00400220": False,
    }


def test_what_no_update_may_name() -> None:
    assert {"00400270", "00100010", "00400253", "00080060", "00200010"} <= NOT_UPDATABLE.keys()
    assert not {"00080005", "00400252", "00400250", "00400340", "00400281"} & NOT_UPDATABLE.keys()
    assert NOT_UPDATABLE["00100010"]
    assert not NOT_UPDATABLE["00100041"]
