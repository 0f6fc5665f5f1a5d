"""Accept and Content-Type (PS3.18 8.7, RFC 9110 8.3.1 and 12.5.1)."""

from typing import Final

import pytest

from mpps_web.media import ContentType, parse_accept, parse_content_type, quality_of, select

SUPPORTED: Final = ("application/dicom+json", "application/json")


@pytest.mark.parametrize(
    ("accept", "name", "quality", "in_full"),
    [
        ("application/dicom+json", "application/dicom+json", 1.0, True),
        ("application/*;q=0.5", "application/dicom+json", 0.5, False),
        ("*/*;q=0.1, application/*;q=0.5", "application/json", 0.5, False),
        ("*/*, application/json;q=0", "application/json", 0.0, True),
        ("text/*", "application/json", 0.0, False),
        ("application/json;q=0.3;ext=1", "application/json", 0.3, True),
        ("application/json; Q=0.3", "application/json", 0.3, True),
    ],
)
def test_most_specific_range_decides(accept: str, name: str, quality: float, in_full: bool) -> None:
    assert quality_of(parse_accept(accept), name) == (quality, in_full)


@pytest.mark.parametrize(
    "accept", ["json", "/", "a/", "*/json", "a b/c", "application/json;q=x", "a/b;q=2", "a/b;q=-1"]
)
def test_what_is_no_media_range_is_left_out(accept: str) -> None:
    """8.7.7: unknown or invalid values are ignored."""
    assert parse_accept(accept) == ()
    assert [entry.subtype for entry in parse_accept(f"{accept}, text/plain")] == ["plain"]


def test_commas_and_semicolons_in_quotes_part_nothing() -> None:
    ranges = parse_accept('multipart/related; type="a/b, c;q=0"; x="\\""; q=0.5, text/html')
    assert [(entry.subtype, entry.quality) for entry in ranges] == [("related", 0.5), ("html", 1.0)]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("application/json, application/dicom+json", "application/dicom+json"),
        ("application/json, */*", "application/json"),
        ("*/*", "application/dicom+json"),
        ("application/dicom+json;q=0, application/*", "application/json"),
        ("application/json;q=0.9, application/dicom+json;q=0.8", "application/json"),
        ("text/plain", None),
        ("*/*;q=0", None),
    ],
)
def test_choice_among_supported_types(accept: str, chosen: str | None) -> None:
    """8.7.8.1: named types by quality, then the default if a wildcard takes it."""
    assert select(parse_accept(accept), SUPPORTED) == chosen


def test_long_headers_are_read_but_not_remembered() -> None:
    accept = ", ".join(["text/plain"] * 100 + ["application/json"])
    assert select(parse_accept(accept), SUPPORTED) == "application/json"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/dicom+json", ContentType("application/dicom+json", None)),
        ("Application/JSON ; Charset=UTF-8", ContentType("application/json", "utf-8")),
        ('application/json;charset="utf-8"', ContentType("application/json", "utf-8")),
        ("application/json,application/json", None),
        ("application", None),
        ("", None),
    ],
)
def test_content_type(header: str, expected: ContentType | None) -> None:
    assert parse_content_type(header) == expected
