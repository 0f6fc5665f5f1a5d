"""Times as the API writes and reads them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_console.times import device_time, seconds_of, utc, utc_or_none


def test_times_are_written_in_utc_with_z() -> None:
    assert utc(0) == "1970-01-01T00:00:00.000000Z"
    assert utc(1_795_243_758.992511) == "2026-11-21T06:49:18.992511Z"
    assert utc_or_none(None) is None


@given(st.integers(0, 4_000_000_000 * 10**6))
def test_what_is_written_reads_back(microseconds: Any) -> None:
    text = utc(microseconds / 1e6)
    assert utc(seconds_of(text)) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00.5-00:30", 0.5),
    ],
)
def test_times_with_any_zone_are_read(text: Any, seconds: Any) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-01",
        "2026-11-01T00:00:00",
        "2026-11-01 00:00:00Z",
        "2026-11-01T00:00:00 01:00",
        "2026-13-01T00:00:00Z",
        "2026-11-01T00:00:00+99:99",
        "0000-01-01T00:00:00Z",
        "1700000000",
    ],
)
def test_times_without_zone_or_sense_are_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="must be a time"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("20261121", "2026-11-21"),
        ("20261121081530", "2026-11-21T08:15:30"),
        ("20261121081530.25", "2026-11-21T08:15:30.25"),
        ("202611210815", "2026-11-21T08:15:00"),
        ("yesterday", "yesterday"),
        ("", None),
        (None, None),
    ],
)
def test_device_times_stay_local(sent: Any, shown: Any) -> None:
    assert device_time(sent) == shown
