"""Text to bytes and back in the repertoires of Specific Character Set (PS3.3 C.12.1.1.2, PS3.5 6.1.2).

With code extensions (ISO 2022) escape sequences designate character sets to the lower half (G0) and the upper half
(G1) of a byte's values; the state begins anew at every delimiter. Python has codecs for the sets, not for this.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from mpps_dicom.charsets import UNICODE, is_defined

REPLACEMENT: Final = "\ufffd"
"""What stands for bytes that cannot be decoded."""

_ESCAPE: Final = b"\x1b"
_WHOLE: Final = {UNICODE: "utf_8", "GB18030": "gb18030", "GBK": "gbk"}
"""Sets without code extensions that encode everything themselves (PS3.5 6.1.2.4)."""


class _Set(NamedTuple):
    """A character set that can be designated: the half it takes, and how a run of its bytes is decoded."""

    escape: bytes
    upper: bool
    codec: str
    width: int = 1


_ASCII: Final = _Set(b"\x1b(B", upper=False, codec="ascii")
_ROMAJI: Final = _Set(b"\x1b(J", upper=False, codec="ascii")
_KATAKANA: Final = _Set(b"\x1b)I", upper=True, codec="shift_jis")
_KANJI: Final = _Set(b"\x1b$B", upper=False, codec="euc_jp", width=2)
_KANJI_1978: Final = _Set(b"\x1b$@", upper=False, codec="euc_jp", width=2)
_MORE_KANJI: Final = _Set(b"\x1b$(D", upper=False, codec="euc_jp", width=2)
_HANGUL: Final = _Set(b"\x1b$)C", upper=True, codec="euc_kr", width=2)
_HANZI: Final = _Set(b"\x1b$)A", upper=True, codec="gb2312", width=2)

_UPPER: Final = {
    "100": _Set(b"\x1b-A", upper=True, codec="latin_1"),
    "101": _Set(b"\x1b-B", upper=True, codec="iso8859_2"),
    "109": _Set(b"\x1b-C", upper=True, codec="iso8859_3"),
    "110": _Set(b"\x1b-D", upper=True, codec="iso8859_4"),
    "126": _Set(b"\x1b-F", upper=True, codec="iso8859_7"),
    "127": _Set(b"\x1b-G", upper=True, codec="iso8859_6"),
    "138": _Set(b"\x1b-H", upper=True, codec="iso8859_8"),
    "144": _Set(b"\x1b-L", upper=True, codec="iso8859_5"),
    "148": _Set(b"\x1b-M", upper=True, codec="iso8859_9"),
    "166": _Set(b"\x1b-T", upper=True, codec="tis_620"),
    "203": _Set(b"\x1b-b", upper=True, codec="iso8859_15"),
    "13": _KATAKANA,
    "149": _HANGUL,
    "58": _HANZI,
}
_LOWER: Final = {"87": _KANJI, "159": _MORE_KANJI}

_OF_ESCAPE: Final = {one.escape: one for one in (_ASCII, _ROMAJI, _KANJI, _KANJI_1978, _MORE_KANJI, *_UPPER.values())}
_TOKEN = re.compile(
    rb"(?P<escape>\x1b(?:\$[()]?[@-Z]|[()-][A-Za-z]))|(?P<reset>[\t\n\f\r\\^=])|(?P<upper>[\x80-\xff]+)"
    rb"|(?P<lower>[^\t\n\f\r\\^=\x1b\x80-\xff]+)|(?P<stray>\x1b)"
)
"""Bytes in pieces; the delimiters are those of any VR, as resetting too often does no harm when reading."""
_IN_PAIRS = re.compile(rb"(?P<pair>[\x21-\x7e]{2})|(?P<upper>[\x80-\xff]+)|(?P<other>[^\x1b])", re.DOTALL)


class Repertoire(NamedTuple):
    """What the values of (0008,0005) come to."""

    whole: str | None
    """Codec of a set that needs no others."""
    lower: _Set
    upper: _Set | None
    extended: tuple[_Set, ...]
    """Sets that may be designated; empty without code extensions."""


@cache
def _repertoire(terms: tuple[str, ...]) -> Repertoire:
    whole = next((_WHOLE[term] for term in terms if term in _WHOLE), None)
    if whole is not None:
        return Repertoire(whole, _ASCII, None, ())
    numbers = [term.rpartition(" ")[2] if is_defined(term) else "" for term in terms]
    first = numbers[0] if numbers else ""
    lower = _ROMAJI if first == "13" else _ASCII
    upper = _UPPER.get(first)
    if not terms[1:] and not (terms and terms[0].startswith("ISO 2022")):
        return Repertoire(None, lower, upper, ())
    designated = (one for number in numbers for one in (_UPPER.get(number), _LOWER.get(number)) if one)
    romaji = (_ROMAJI,) if "13" in numbers else ()
    return Repertoire(None, lower, upper, (_ASCII, *romaji, *designated))


def repertoire(terms: Sequence[str | None]) -> Repertoire:
    """Give what the values of Specific Character Set stand for; none is the default repertoire, ASCII."""
    return _repertoire(tuple((term or "").strip("\0 ") for term in terms))


def decode(raw: bytes, known: Repertoire) -> tuple[str, bool]:
    """Decode text; false with it when something was not in the repertoire and became U+FFFD.

    Values are not parted here, as a byte of a two-byte character may look like a delimiter.
    """
    if raw.isascii() and (_ESCAPE not in raw or not known.extended):
        return raw.decode("ascii"), True
    if known.whole is not None:
        return _decoded(raw, known.whole)
    if not known.extended:
        return _in_halves(raw, known)
    return _with_escapes(raw, known)


def _decoded(raw: bytes, codec: str) -> tuple[str, bool]:
    try:
        return raw.decode(codec), True
    except UnicodeDecodeError:
        return raw.decode(codec, "replace"), False


def _in_halves(raw: bytes, known: Repertoire) -> tuple[str, bool]:
    if known.upper is None:
        return _decoded(raw, "ascii")
    if known.upper is not _KATAKANA:
        return _decoded(raw, known.upper.codec)
    parts = [_upper_run(run, _KATAKANA) if run[0] & 0x80 else (run.decode("ascii"), True) for run in _RUNS.findall(raw)]
    return "".join(text for text, _ in parts), all(right for _, right in parts)


_RUNS = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]+")


def _upper_run(run: bytes, upper: _Set | None) -> tuple[str, bool]:
    if upper is None:
        return REPLACEMENT * len(run), False
    if upper is _KATAKANA:
        # One by one: the codec would take two for a character of another set.
        text = "".join(bytes((byte,)).decode(upper.codec, "replace") for byte in run)
        return text, REPLACEMENT not in text
    return _decoded(run, upper.codec)


def _with_escapes(raw: bytes, known: Repertoire) -> tuple[str, bool]:
    lower, upper = known.lower, known.upper
    parts: list[str] = []
    right = True
    position = 0
    while position < len(raw):
        token = (_IN_PAIRS if lower.width > 1 and not raw.startswith(_ESCAPE, position) else _TOKEN).match(
            raw, position
        )
        if token is None:  # pragma: no cover - the patterns cover every byte
            raise AssertionError
        position = token.end()
        kind, piece = token.lastgroup, token[0]
        if kind == "escape":
            designated = _OF_ESCAPE.get(piece)
            if designated is None or not (designated in known.extended or designated is _KANJI_1978):
                parts.append(REPLACEMENT)
                right = False
            elif designated.upper:
                upper = designated
            else:
                lower = designated
            continue
        if kind == "pair":
            text, fits = _decoded(_shifted(piece, lower), lower.codec)
        elif kind == "upper":
            text, fits = _upper_run(piece, upper)
        elif kind == "stray" or (kind == "other" and b"!" <= piece <= b"~"):
            text, fits = REPLACEMENT, False
        else:
            text, fits = piece.decode("ascii"), True
            if kind == "reset" or piece in _RESETS:
                lower, upper = known.lower, known.upper
        parts.append(text)
        right = right and fits
    return "".join(parts), right


_RESETS: Final = frozenset(bytes((byte,)) for byte in b"\t\n\f\r\\^=")


def _shifted(pair: bytes, lower: _Set) -> bytes:
    shifted = bytes(byte | 0x80 for byte in pair)
    return b"\x8f" + shifted if lower is _MORE_KANJI else shifted


def encode(text: str, known: Repertoire) -> bytes | None:
    """Encode text; None when the repertoire does not have all of it."""
    if text.isascii() and not (known.extended and "\x1b" in text):
        return text.encode("ascii")
    if known.whole is not None:
        return _encoded(text, known.whole)
    if known.extended:
        return _designating(text, known)
    if known.upper is None:
        return None
    if known.upper is _KATAKANA:
        parts = [_katakana(character) for character in text]
        return None if None in parts else b"".join(part for part in parts if part is not None)
    return _encoded(text, known.upper.codec)


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _katakana(character: str) -> bytes | None:
    return character.encode() if character.isascii() else _bytes_in(character, _KATAKANA)


@cache
def _bytes_in(character: str, one: _Set) -> bytes | None:
    """Give the bytes of a character outside ASCII in one set; None when it is not there."""
    encoded = _encoded(character, one.codec)
    if encoded is None:
        return None
    if one is _MORE_KANJI:
        return bytes(byte & 0x7F for byte in encoded[1:]) if encoded.startswith(b"\x8f") else None
    # In JIS X 0201 the yen sign and the overline have the places of backslash and tilde, and come back as those.
    if len(encoded) != one.width or encoded.isascii() or (encoded.startswith(b"\x8e") and not one.upper):
        return None
    return encoded if one.upper else bytes(byte & 0x7F for byte in encoded)


def _designating(text: str, known: Repertoire) -> bytes | None:
    lower, upper = known.lower, known.upper
    parts: list[bytes] = []
    for character in text:
        if character.isascii():
            if character == "\x1b":
                return None
            if lower.width > 1:
                parts.append(known.lower.escape)
                lower = known.lower
            piece = character.encode("ascii")
            if piece in _RESETS and upper is not known.upper:
                if known.upper is not None:
                    parts.append(known.upper.escape)
                upper = known.upper
            parts.append(piece)
            continue
        found = _found(character, (upper, lower, *known.extended))
        if found is None:
            return None
        one, piece = found
        if one.upper and lower.width > 1:
            # It need not be: the halves are independent. But receivers read one set at a time.
            parts.append(known.lower.escape)
            lower = known.lower
        if one.upper and one is not upper:
            parts.append(one.escape)
            upper = one
        elif not one.upper and one is not lower:
            parts.append(one.escape)
            lower = one
        parts.append(piece)
    if lower.width > 1:
        parts.append(known.lower.escape)
    return b"".join(parts)


def _found(character: str, sets: tuple[_Set | None, ...]) -> tuple[_Set, bytes] | None:
    for one in sets:
        if one is not None and one.codec != "ascii":
            piece = _bytes_in(character, one)
            if piece is not None:
                return one, piece
    return None
