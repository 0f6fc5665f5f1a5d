"""The value representations of PS3.5 6.2, in one table: how JSON writes them and what a value may look like."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The JSON data type of a value (PS3.18 Table F.2.3-1)."""

    TEXT = "string"
    TAG = "string of eight upper-case hexadecimal digits"
    NUMBER = "number"
    DECIMAL = "number or string"
    PERSON_NAME = "object of person name groups"
    SEQUENCE = "object"
    BINARY = "base64 string in InlineBinary"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRepresentation:
    """One VR. Lengths count characters, of one value; for PN, of one component group."""

    code: str
    kind: Kind
    max_length: int | None = None
    form: re.Pattern[str] | None = None
    """What one value looks like, whatever its length; None where anything goes."""
    bounds: tuple[int, int] | None = None
    """Smallest and largest integer, for the VRs that are integers."""
    charset: bool = False
    """Whether Specific Character Set (0008,0005) applies."""
    single: bool = False
    """Whether there is never more than one value, so that a backslash is text."""


# Control characters allowed in one-line text are ESC only, in paragraphs also TAB, LF, FF and CR (PS3.5 6.1.3).
_LINE = r"[^\x00-\x1a\x1c-\x1f\x7f\\]"
_PARAGRAPH = r"[^\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]"
_DATE = r"\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_SECONDS = r"(?:[0-5]\d|60)(?:\.\d{1,6})?"
_TIME = rf"(?:[01]\d|2[0-3])(?:[0-5]\d(?:{_SECONDS})?)?"
_ZONE = r"[+-](?:0\d|1[0-4])[0-5]\d"
_DATE_TIME = rf"\d{{4}}(?:(?:0[1-9]|1[0-2])(?:(?:0[1-9]|[12]\d|3[01])(?:{_TIME})?)?)?(?:{_ZONE})?"
# The first arc of a UID is 0, 1 or 2 (ISO 8824); no component has a leading zero (PS3.5 9.1).
_UID = r"[0-2](?:\.(?:0|[1-9][0-9]*+))++"
_DECIMAL = r" *[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? *"
_INTEGER = r" *[+-]?\d+ *"


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _text(code: str, max_length: int | None, pattern: str, *, charset: bool = False) -> ValueRepresentation:
    form = _form(pattern)
    return ValueRepresentation(code=code, kind=Kind.TEXT, max_length=max_length, form=form, charset=charset)


def _paragraph(code: str, max_length: int | None) -> ValueRepresentation:
    form = _form(f"{_PARAGRAPH}*")
    return ValueRepresentation(code=code, kind=Kind.TEXT, max_length=max_length, form=form, charset=True, single=True)


def _integer(code: str, bits: int, *, signed: bool, kind: Kind = Kind.NUMBER) -> ValueRepresentation:
    bounds = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    form = _form(_INTEGER) if kind is Kind.DECIMAL else None
    return ValueRepresentation(code=code, kind=kind, form=form, bounds=bounds)


_TABLE = (
    _text("AE", 16, r"(?! +\Z)[ -\[\]-~]*"),
    _text("AS", 4, r"\d{3}[DWMY]"),
    ValueRepresentation(code="AT", kind=Kind.TAG),
    _text("CS", 16, r"[A-Z0-9 _]*"),
    _text("DA", 8, _DATE),
    ValueRepresentation(code="DS", kind=Kind.DECIMAL, max_length=16, form=_form(_DECIMAL)),
    _text("DT", 26, rf"{_DATE_TIME} *"),
    ValueRepresentation(code="FD", kind=Kind.NUMBER),
    ValueRepresentation(code="FL", kind=Kind.NUMBER),
    ValueRepresentation(
        code="IS", kind=Kind.DECIMAL, max_length=12, form=_form(_INTEGER), bounds=(-(1 << 31), (1 << 31) - 1)
    ),
    _text("LO", 64, f"{_LINE}*", charset=True),
    _paragraph("LT", 10240),
    ValueRepresentation(code="OB", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="OD", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="OF", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="OL", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="OV", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="OW", kind=Kind.BINARY, single=True),
    ValueRepresentation(
        # "=" parts the groups in the binary form, "^" the at most five components.
        code="PN",
        kind=Kind.PERSON_NAME,
        max_length=64,
        form=_form(r"[^\x00-\x1a\x1c-\x1f\x7f\\=^]*(?:\^[^\x00-\x1a\x1c-\x1f\x7f\\=^]*){0,4}"),
        charset=True,
    ),
    _text("SH", 16, f"{_LINE}*", charset=True),
    _integer("SL", 32, signed=True),
    ValueRepresentation(code="SQ", kind=Kind.SEQUENCE),
    _integer("SS", 16, signed=True),
    _paragraph("ST", 1024),
    _integer("SV", 64, signed=True, kind=Kind.DECIMAL),
    _text("TM", 14, rf"{_TIME} *"),
    _text("UC", None, f"{_LINE}*", charset=True),
    _text("UI", 64, rf"{_UID}\x00?"),
    _integer("UL", 32, signed=False),
    ValueRepresentation(code="UN", kind=Kind.BINARY, single=True),
    ValueRepresentation(code="UR", kind=Kind.TEXT, form=_form(r"[!#-;=?-\[\]_a-z~%]* *"), single=True),
    _integer("US", 16, signed=False),
    _paragraph("UT", None),
    _integer("UV", 64, signed=False, kind=Kind.DECIMAL),
)

VRS: Final = {representation.code: representation for representation in _TABLE}
"""Every VR of PS3.5 Table 6.2-1 by its two letters."""
