"""``Via`` and the loop guard (rule 26, RFC 9110 7.6.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.via import has_passed, parse_via, via_entry


def test_our_entry() -> None:
    assert via_entry("north-wing") == "1.1 mpps-north-wing"


@pytest.mark.parametrize(
    ("values", "entries"),
    [
        ([], ()),
        ([""], ()),
        ([" , ,"], ()),
        (["1.1 mpps-a"], ("1.1 mpps-a",)),
        (["1.0 fred, 1.1 p.example.net"], ("1.0 fred", "1.1 p.example.net")),
        (["1.0 fred", "1.1 p.example.net , HTTP/2 x:80"], ("1.0 fred", "1.1 p.example.net", "HTTP/2 x:80")),
        # Comments may hold anything, commas and parentheses included, and say nothing to us.
        (["1.1 a (Apache/1.1), 1.1 b"], ("1.1 a", "1.1 b")),
        (["1.1 a (one, two), 1.1 b"], ("1.1 a", "1.1 b")),
        (["1.1 a (one (two, 1.1 mpps-x)), 1.1 b"], ("1.1 a", "1.1 b")),
        ([r"1.1 a (one \), 1.1 mpps-x), 1.1 b"], ("1.1 a", "1.1 b")),
        # One that is never closed hides nobody.
        (["1.1 a (never closed, 1.1 b"], ("1.1 a (never closed", "1.1 b")),
        (["1.1 a (x) (y (z, 1.1 b"], ("1.1 a  (y (z", "1.1 b")),
        (["1.1 a) , 1.1 b"], ("1.1 a)", "1.1 b")),
    ],
)
def test_entries_are_read_in_order_without_comments(values: list[str], entries: tuple[str, ...]) -> None:
    assert parse_via(values) == entries


@pytest.mark.parametrize(
    ("header", "passed"),
    [
        ("1.1 mpps-north", True),
        ("1.0 proxy, 1.1 mpps-north, 1.1 mpps-south", True),
        ("HTTP/1.1 mpps-north", True),
        ("1.1   mpps-north (us)", True),
        ("1.1 mpps-north-wing", False),
        ("1.1 mpps-nort", False),
        ("1.1 north", False),
        ("mpps-north", False),  # where the protocol should be
        ("1.1 proxy (mpps-north)", False),
        ("1.1 proxy (x, 1.1 mpps-north)", False),
        ("", False),
    ],
)
def test_an_operation_has_passed_if_our_name_stands_where_names_stand(header: str, passed: bool) -> None:
    assert has_passed(parse_via([header]), "north") is passed


@given(st.lists(st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,20}\Z"), max_size=5), st.integers(0, 4))
def test_each_manager_on_the_way_is_recognised_by_itself(ids: list[str], asked: int) -> None:
    header = ", ".join(via_entry(each) for each in ids)
    name = f"manager-{asked}"
    assert has_passed(parse_via([header]), name) is (name in ids)
    assert all(has_passed(parse_via([header]), each) for each in ids)


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_header_is_read(values: list[str]) -> None:
    for entry in parse_via(values):
        assert entry == entry.strip()
        assert entry
