"""Media types in headers: what ``Accept`` and ``Content-Type`` say (RFC 9110 8.3, 12.5.1)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

WILDCARD: Final = "*"

_MOST_QUALITY: Final = 1.0
_CACHED_LENGTH: Final = 256
"""Headers up to this many characters are worth remembering; longer ones would let a client fill the memory."""

_QUOTED_PAIR: Final = "\\"


class MediaRange(NamedTuple):
    """One entry of ``Accept``: names in lower case, ``*`` for any; parameters other than ``q`` do not count."""

    type: str
    subtype: str
    quality: float

    @property
    def suffix(self) -> str:
        """The structured syntax: ``json`` for ``application/json`` and ``application/dicom+json`` (RFC 6838 4.2.8)."""
        return self.subtype.rpartition("+")[2]


class ContentType(NamedTuple):
    """A ``Content-Type``: name in lower case, and the charset parameter in lower case if there is one."""

    name: str
    charset: str | None


def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """Read an ``Accept`` header; several lines are joined with commas before.

    Entries that are not media ranges, or whose ``q`` is no number from 0 to 1, are left out (PS3.18 8.7.7).
    """
    return _remembered_accept(header) if len(header) <= _CACHED_LENGTH else _parse_accept(header)


def quality_of(ranges: Sequence[MediaRange], name: str) -> tuple[float, bool]:
    """Give the quality of a media type in lower case, and whether a range names it in full.

    The most specific range decides (PS3.18 8.7.8.1, RFC 9110 12.5.1); no range at all is quality 0.
    """
    main, _, sub = name.partition("/")
    best = (-1, 0.0)
    for entry in ranges:
        if entry.type == main and entry.subtype == sub:
            rank = 2
        elif entry.type == main and entry.subtype == WILDCARD:
            rank = 1
        elif entry.type == WILDCARD:
            rank = 0
        else:
            continue
        best = max(best, (rank, entry.quality))
    return best[1], best[0] == len((main, sub))


def select(ranges: Sequence[MediaRange], supported: Sequence[str]) -> str | None:
    """Choose among supported media types, the default first (PS3.18 8.7.8.1); ``None`` when none is acceptable.

    What is named in full comes before what only a wildcard allows; among equals the order of ``supported`` decides.
    """
    named: tuple[float, str] | None = None
    by_wildcard: str | None = None
    for name in supported:
        quality, in_full = quality_of(ranges, name)
        if quality <= 0:
            continue
        if in_full and (named is None or quality > named[0]):
            named = quality, name
        elif not in_full and by_wildcard is None:
            by_wildcard = name
    return named[1] if named is not None else by_wildcard


def parse_content_type(header: str) -> ContentType | None:
    """Read a ``Content-Type`` header; ``None`` when it is not one."""
    return _remembered_content_type(header) if len(header) <= _CACHED_LENGTH else _parse_content_type(header)


def _parse_content_type(header: str) -> ContentType | None:
    name, *parameters = _split(header, ";")
    main, slash, sub = name.strip().lower().partition("/")
    if not slash or not _is_token(main) or not _is_token(sub):
        return None
    charset = _parameters(parameters).get("charset")
    return ContentType(f"{main}/{sub}", None if charset is None else charset.lower())


def _parse_accept(header: str) -> tuple[MediaRange, ...]:
    return tuple(found for entry in _split(header, ",") if (found := _media_range(entry)) is not None)


_remembered_accept = lru_cache(maxsize=128)(_parse_accept)
_remembered_content_type = lru_cache(maxsize=128)(_parse_content_type)


def _media_range(entry: str) -> MediaRange | None:
    name, *parameters = _split(entry, ";")
    main, slash, sub = name.strip().lower().partition("/")
    if not slash or not _is_token(main) or not _is_token(sub) or (main == WILDCARD and sub != WILDCARD):
        return None
    try:
        quality = float(_parameters(parameters).get("q", _MOST_QUALITY))
    except ValueError:
        return None
    return MediaRange(main, sub, quality) if 0 <= quality <= _MOST_QUALITY else None


def _parameters(parts: Sequence[str]) -> dict[str, str]:
    pairs = (part.partition("=") for part in parts)
    return {name.strip().lower(): _unquoted(value.strip()) for name, _, value in pairs}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1].replace(_QUOTED_PAIR, "") if quoted else value


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that are not inside a quoted string."""
    if '"' not in text:
        return text.split(separator)
    parts, start, quoted, escaped = [], 0, False, False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == _QUOTED_PAIR:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _is_token(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and not any(c in ' "(),/:;<=>?@[\\]{}' for c in text)
