"""Positions as opaque text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_console.api.cursors import read_cursor, write_cursor
from mpps_web.problems import Problem


@given(st.floats(allow_nan=False, allow_infinity=False), st.text("0123456789.", max_size=64), st.integers(0, 2**31))
def test_positions_survive_the_way_out_and_back(born: Any, uid: Any, number: Any) -> None:
    assert read_cursor(write_cursor((born, uid, number)) or "", float, str, int) == (born, uid, number)


def test_no_position_is_no_cursor() -> None:
    assert write_cursor(None) is None
    assert read_cursor("", float) is None


@pytest.mark.parametrize(
    "cursor", ["x", "????", "W10", write_cursor((1, "a")), write_cursor((True, "a")), "é", "bnVsbA"]
)
def test_what_is_no_cursor_of_this_list_is_a_fault(cursor: Any) -> None:
    with pytest.raises(Problem) as raised:
        read_cursor(cursor, float, str)
    assert raised.value.status == 422
    assert raised.value.extra["errors"][0]["path"] == "query.cursor"
