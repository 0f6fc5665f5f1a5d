"""Times as the API writes them: RFC 3339 in UTC; and the device's own local times, which have no zone."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_RFC_3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DEVICE_TIME: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(\.\d{1,6})?)?)?)?", re.ASCII)
HALF_A_MICROSECOND: Final = 5e-7
"""How far a time may be from what is written of it; filters by time allow for it, so that a time copied from an answer
finds what it was copied from."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def utc(seconds: float) -> str:
    """Write seconds since 1970 UTC as RFC 3339 with ``Z``, to the microsecond."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def utc_or_none(seconds: float | None) -> str | None:
    """Write a time that may be absent."""
    return None if seconds is None else utc(seconds)


def seconds_of(text: str) -> float:
    """Read an RFC 3339 time with its zone. Raises ValueError whose text is fit for an answer."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time of RFC 3339 with its zone, as in 2026-11-01T00:00:00Z")
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH) / _MICROSECOND / 1e6
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists") from None


def device_time(text: str | None) -> str | None:
    """Write a device's local time, ``YYYYMMDDHHMMSS.f``, as ISO 8601 without zone; what is none, as it was sent."""
    match = _DEVICE_TIME.fullmatch(text) if text else None
    if match is None:
        return text or None
    year, month, day, hour, minute, second, fraction = match.groups()
    date = f"{year}-{month}-{day}"
    return date if hour is None else f"{date}T{hour}:{minute or '00'}:{second or '00'}{fraction or ''}"
