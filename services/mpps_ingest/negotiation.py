"""Which media types the services read and write: one table, the same for every service (PS3.18 8.7)."""

from typing import Final, NamedTuple

from mpps_web.media import parse_accept, parse_content_type, select
from mpps_web.problems import Problem

JSON: Final = "application/dicom+json"


class Supported(NamedTuple):
    """A media type of Table 15.1.3-1, or an alias of one."""

    name: str
    codec: str
    """The type of the table that it stands for."""
    charsets: frozenset[str]
    """The values that its charset parameter may have."""


_UTF_8: Final = frozenset({"utf-8"})

SUPPORTED: Final = (
    Supported(JSON, JSON, _UTF_8),
    # Not in the Standard; modalities send it all the same. Documented as an alias.
    Supported("application/json", JSON, _UTF_8),
)
"""What can be read and written now; the default type first."""

_NAMES: Final = tuple(row.name for row in SUPPORTED)
_ROWS: Final = {row.name: row for row in SUPPORTED}
_LISTED: Final = ", ".join(_NAMES)
_DEFAULT: Final = _NAMES[0]


def answer_type(accept: str | None, *, require_accept: bool) -> str:
    """Choose the media type of the answer (PS3.18 8.7.8.1). ``Accept-Charset`` plays no part: JSON is UTF-8.

    Raises Problem 406 when none is acceptable, and with ``require_accept`` when there is no Accept (8.7.5).
    """
    if accept is None or not accept.strip():
        if require_accept:
            raise _not_acceptable("The request has no Accept header (PS3.18 8.7.5).")
        return _DEFAULT
    chosen = select(parse_accept(accept), _NAMES)
    if chosen is None:
        raise _not_acceptable("None of the media types in Accept can be given (PS3.18 8.7.8.1).")
    return chosen


def check_content(content_type: str | None, content_encoding: str | None) -> Supported:
    """Return the row of a payload's media type. Raises Problem 415 that lists the types."""
    if content_encoding is not None and content_encoding.strip().lower() != "identity":
        raise _unsupported(
            "Content codings are not supported; send the payload as it is.", {"Accept-Encoding": "identity"}
        )
    if content_type is None:
        raise _unsupported("The request has no Content-Type.")
    parsed = parse_content_type(content_type)
    row = None if parsed is None else _ROWS.get(parsed.name)
    if parsed is None or row is None:
        raise _unsupported("The Content-Type is not one that can be read.")
    if parsed.charset is not None and parsed.charset not in row.charsets:
        raise _unsupported(f"{row.name} is always UTF-8 (PS3.18 F.2.2).")
    return row


def _not_acceptable(detail: str) -> Problem:
    return Problem(
        status=406,
        slug="not-acceptable",
        title="No acceptable media type",
        detail=f"{detail} Available: {_LISTED}.",
        extra={"available": list(_NAMES)},
    )


def _unsupported(detail: str, headers: dict[str, str] | None = None) -> Problem:
    return Problem(
        status=415,
        slug="unsupported-media-type",
        title="The payload has an unsupported media type",
        detail=f"{detail} Supported: {_LISTED}.",
        headers={"Accept": _LISTED, **(headers or {})},
        extra={"supported": list(_NAMES)},
    )
