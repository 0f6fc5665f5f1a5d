"""Whole data sets for property tests: every VR, private blocks, items in items, text of many repertoires."""

import base64
from typing import Any, Final

from hypothesis import strategies as st

from mpps_dicom import DataSet
from mpps_dicom.dictionary import is_group_length
from mpps_dicom.vr import VRS

Member = dict[str, Any]

LETTERS: Final = "abcXYZ019 .-_~äöüßñŁžΩЛевשרוןقباني山田太郎やまだ洪吉洞홍길동王小東ﾔﾏﾀﾞ丂😀"
_PARAGRAPH: Final = LETTERS + "\r\n\t\\"
_NUMBERS: Final = {"SS": (-(1 << 15), (1 << 15) - 1), "US": (0, (1 << 16) - 1), "SL": (-(1 << 31), (1 << 31) - 1)}
_NUMBERS_LONG: Final = {"UL": (0, (1 << 32) - 1), "SV": (-(1 << 63), (1 << 63) - 1), "UV": (0, (1 << 64) - 1)}
_TEXTS: Final = ("AE", "AS", "CS", "DA", "DT", "TM", "LO", "SH", "UC")
_WORDS: Final = {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}


def _several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=4)


def _values(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Member]:
    return _several(values).map(lambda found: {"Value": found})


def _text(characters: str, size: int) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(characters), max_size=size)


def _binary(width: int) -> st.SearchStrategy[Member]:
    whole = st.binary(max_size=4).map(lambda raw: raw * width * 2)
    return whole.map(lambda raw: {"InlineBinary": base64.b64encode(raw).decode()})


_group = st.lists(_text(LETTERS, 6), min_size=1, max_size=5).map("^".join).filter(bool)
_name = st.fixed_dictionaries({}, optional={"Alphabetic": _group, "Ideographic": _group, "Phonetic": _group})
_decimals = st.sampled_from(["1.50", " 7", "-0", "1e-07", "+5", "0012", "1.0E+3", "421.5", ""]) | st.floats(
    allow_nan=False, allow_infinity=False, width=16
).filter(lambda number: len(repr(number)) <= 16)

_CONTENT: Final[dict[str, st.SearchStrategy[Member]]] = {
    **{vr: _values(_text("ABC 019_", 8) | st.none()) for vr in _TEXTS if vr not in {"LO", "SH", "UC"}},
    **{vr: _values(_text(LETTERS, 12) | st.none()) for vr in ("LO", "SH", "UC")},
    **{vr: _text(_PARAGRAPH, 20).map(lambda text: {"Value": [text]}) for vr in ("LT", "ST", "UT")},
    "UR": _text("abc:/%?=", 12).map(lambda text: {"Value": [text]}),
    "UI": _values(st.sampled_from(["1.2.3", "1.2", "", "2.25.1234567890"])),
    "DS": _values(_decimals | st.none()),
    "IS": _values(st.sampled_from(["5", "", "-12", "007"]) | st.integers(-(1 << 31), (1 << 31) - 1) | st.none()),
    "AT": _values(st.sampled_from(["00100010", "FFFEE000", "7FE00010"])),
    "PN": _values(_name | st.none()),
    "FD": _values(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000)),
    "FL": _values(st.floats(allow_nan=False, allow_infinity=False, width=32)),
    **{vr: _values(st.integers(*bounds)) for vr, bounds in (_NUMBERS | _NUMBERS_LONG).items()},
    **{vr: _binary(width) for vr, width in _WORDS.items()},
}
assert {"SQ", *_CONTENT} == set(VRS)

_members = st.sampled_from(sorted(_CONTENT)).flatmap(
    lambda vr: _CONTENT[vr].map(lambda content: {"vr": vr, **content}) | st.just({"vr": vr})
)
_tags = (
    st.integers(0x00080010, 0x7FDFFFFF)
    .filter(lambda tag: tag >> 16 & 1 == 0)
    .map(lambda tag: f"{tag:08X}")
    .filter(lambda tag: not is_group_length(tag) and tag not in {"00080016", "00080018"})
)
_creators = st.sampled_from(["ACME", "ACME 2", 'Ä "& <Co>'])


@st.composite
def _private(draw: st.DrawFn) -> DataSet:
    """One block with its creator, or elements that nobody reserved a block for."""
    group, block = draw(st.sampled_from(["0009", "0019", "7FDF"])), draw(st.integers(0x10, 0x13))
    numbers = draw(st.lists(st.integers(0, 0xFF), max_size=3, unique=True))
    found = {f"{group}{block:02X}{number:02X}": draw(_members) for number in numbers}
    if draw(st.integers(0, 4)):
        found[f"{group}00{block:02X}"] = {"vr": "LO", "Value": [draw(_creators)]}
    return found


def _level(items: st.SearchStrategy[DataSet] | None) -> st.SearchStrategy[DataSet]:
    members = _members
    if items is not None:
        members |= st.lists(items, max_size=3).map(lambda found: {"vr": "SQ", "Value": found})
    return st.builds(
        lambda standard, private: dict(sorted({**standard, **(private or {})}.items())),
        st.dictionaries(_tags, members, max_size=5),
        st.none() | _private(),
    )


_TERMS: Final[tuple[list[str | None], ...]] = (
    [],
    ["ISO_IR 100"],
    ["ISO_IR 192"],
    [None, "ISO 2022 IR 87"],
    ["ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159"],
    [None, "ISO 2022 IR 149"],
    ["GB18030"],
    ["ISO 2022 B5"],
)


def data_sets() -> st.SearchStrategy[DataSet]:
    """Give canonical data sets with at least one attribute, three levels deep at most."""
    whole = _level(_level(_level(None)))
    named = st.builds(
        lambda level, terms: dict(sorted({**level, "00080005": {"vr": "CS", "Value": terms}}.items())),
        whole,
        st.sampled_from(_TERMS),
    )
    return (whole | named).filter(bool)


def plain(level: DataSet, *, binary: bool = False) -> DataSet:
    """Take away what two encodings may write differently without saying anything different.

    An empty value is null, no values are no Value, DS and IS are text, and delimiters at the end of a name go.
    With ``binary`` padding goes too, and Specific Character Set, which may have become ISO_IR 192.
    """
    found = {tag: _plain(member, binary=binary) for tag, member in level.items()}
    if binary:
        found.pop("00080005", None)
    return found


def _plain(member: Member, *, binary: bool) -> Member:
    vr = member["vr"]
    values = member.get("Value") or []
    if vr == "SQ":
        return {"vr": vr, "Value": [plain(item, binary=binary) for item in values]}
    if "InlineBinary" in member:
        return {"vr": vr, "InlineBinary": base64.b64decode(member["InlineBinary"])}
    values = [_value(value, vr, binary=binary) for value in values]
    if values == [None]:
        values = []
    return {"vr": vr, "Value": values} if vr not in _WORDS else {"vr": vr, "InlineBinary": b""}


def _value(value: Any, vr: str, *, binary: bool) -> Any:
    if vr == "PN":
        groups = {group: text.rstrip(" ^") if binary else text.rstrip("^") for group, text in (value or {}).items()}
        return {group: text for group, text in groups.items() if text} or None
    if vr in {"DS", "IS"} and isinstance(value, int | float):
        value = repr(value)
    if isinstance(value, str):
        return (value.rstrip("\0 ") if binary else value) or None
    return value
