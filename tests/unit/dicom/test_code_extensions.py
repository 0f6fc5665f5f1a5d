"""Text in the repertoires of Specific Character Set: PS3.5 6.1.2 and its examples in Annexes H to K."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes

from mpps_dicom.charsets import holds
from mpps_dicom.code_extensions import REPLACEMENT, decode, encode, repertoire

EXAMPLES = [
    # PS3.5 H.3.1
    (
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    ),
    # PS3.5 H.3.2
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
    ),
    # PS3.5 I.2
    (
        ["", "ISO 2022 IR 149"],
        "Hong^Gildong=洪^吉洞=홍^길동",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
    ),
    # PS3.5 J.1 and J.2
    (["ISO_IR 192"], "Wang^XiaoDong=王^小東", "Wang^XiaoDong=王^小東".encode()),
    (["GB18030"], "Wang^XiaoDong=王^小东", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab"),
    # PS3.5 K.2
    (["", "ISO 2022 IR 58"], "Zhang^XiaoDong=张^小东", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"),
    # A backslash within characters of two bytes is no delimiter.
    (["GBK"], "誠\\構", b"\xd5\\\\\x98\x8b"),
    (["", "ISO 2022 IR 87"], "構\\a", b"\x1b$B9=\x1b(B\\a"),
    (["", "ISO 2022 IR 87"], "申", b"\x1b$B?=\x1b(B"),
    (["", "ISO 2022 IR 87", "ISO 2022 IR 159"], "丂a山", b"\x1b$(D0!\x1b(Ba\x1b$B;3\x1b(B"),
    (["ISO_IR 100"], "Müller", b"M\xfcller"),
    (["ISO_IR 144"], "Лев", b"\xbb\xd5\xd2"),
    (["ISO_IR 13"], "ﾔﾏﾀﾞ", b"\xd4\xcf\xc0\xde"),
    (["ISO 2022 IR 100", "ISO 2022 IR 144"], "üЛ\\ü", b"\xfc\x1b-L\xbb\x1b-A\\\xfc"),
]


@pytest.mark.parametrize(("terms", "text", "raw"), EXAMPLES)
def test_examples_of_the_standard_both_ways(terms: list[str], text: str, raw: bytes) -> None:
    if terms == ["GBK"]:
        raw = text.encode("gbk")
    known = repertoire(terms)
    assert decode(raw, known) == (text, True)
    assert encode(text, known) == raw


def test_trail_bytes_that_look_like_delimiters_part_nothing() -> None:
    text = "乗" * 3
    raw = text.encode("gbk")
    assert b"\\" in raw
    assert decode(raw, repertoire(["GBK"])) == (text, True)


@pytest.mark.parametrize(
    ("terms", "raw", "text"),
    [
        ([], b"M\xfcller", f"M{REPLACEMENT}ller"),
        (["ISO 2022 B5"], b"\xa4\xa4a", f"{REPLACEMENT * 2}a"),
        (["", "ISO 2022 B5"], b"\x1b$)0\xa4", f"{REPLACEMENT}$)0{REPLACEMENT}"),
        (["", "ISO 2022 IR 87"], b"\x1b-L\xbb", REPLACEMENT * 2),
        (["", "ISO 2022 IR 87"], b"\x1b$B;3E", f"山{REPLACEMENT}"),
        (["ISO_IR 192"], b"M\xfcller", f"M{REPLACEMENT}ller"),
        (["ISO_IR 13"], b"\x80\xb1", f"{REPLACEMENT}ｱ"),
        (["ISO_IR 166"], b"\xff", REPLACEMENT),
        (["GB18030"], b"\xff", REPLACEMENT),
    ],
)
def test_what_is_not_in_the_repertoire_is_replaced_and_told(terms: list[str], raw: bytes, text: str) -> None:
    assert decode(raw, repertoire(terms)) == (text, False)


def test_escape_is_a_character_where_there_are_no_code_extensions() -> None:
    assert decode(b"\x1b$B;3", repertoire([])) == ("\x1b$B;3", True)
    assert encode("\x1b$B;3", repertoire(["ISO_IR 100"])) == b"\x1b$B;3"
    assert encode("\x1b$B;3", repertoire(["", "ISO 2022 IR 87"])) is None


SINGLE = [f"ISO_IR {n}" for n in (6, 13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203)]
EXTENDED = [
    f"ISO 2022 IR {n}" for n in (6, 13, 87, 159, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 203, 149, 58)
]
WHOLE = ["ISO_IR 192", "GB18030", "GBK"]

terms_of: st.SearchStrategy[list[str]] = (
    st.sampled_from([*SINGLE, *WHOLE]).map(lambda term: [term])
    | st.lists(st.sampled_from(["", *EXTENDED]), min_size=1, max_size=4)
    | st.just([])
)
CHARACTERS = "".join(
    chr(code)
    for first, last in (
        (0x20, 0x7F),
        (0xA0, 0x180),
        (0x384, 0x460),
        (0x5D0, 0x653),
        (0xE01, 0xE5C),
        (0x3041, 0x3100),
        (0x4E00, 0x4F00),
        (0xAC00, 0xAC80),
        (0xFF61, 0xFFA0),
    )
    for code in range(first, last)
)
texts = st.text(st.sampled_from(CHARACTERS + "\t\r\n\f") | st.characters(exclude_categories=["Cs"]), max_size=12)


@given(terms=terms_of, text=texts)
def test_what_a_set_holds_is_encoded_and_comes_back(terms: list[str], text: str) -> None:
    known = repertoire(terms)
    text = text.replace("\x1b", "")
    fitting = "".join(character for character in text if holds(terms, character))
    raw = encode(fitting, known)
    assert raw is not None
    assert decode(raw, known) == (fitting, True)
    assert (encode(text, known) is not None) == holds(terms, text)


@given(
    terms=terms_of,
    raw=st.binary(max_size=40)
    | st.lists(
        st.sampled_from(
            [
                b"\x1b",
                b"\x1b$B",
                b"\x1b$)C",
                b"\x1b-L",
                b"\x1b(J",
                b"\x1b)I",
                b"ab",
                b"\xa4\xb3",
                b"\xb1",
                b"^",
                b"!",
                b"\\",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)
def test_any_bytes_give_text(terms: list[str], raw: bytes) -> None:
    text, right = decode(raw, repertoire(terms))
    assert right or REPLACEMENT in text
    text.encode()


def test_pydicom_reads_what_we_write() -> None:
    rng = random.Random(1)
    sets = [["", "ISO 2022 IR 87"], ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]]
    sets += [["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"], ["", "ISO 2022 IR 87", "ISO 2022 IR 159"]]
    for _ in range(300):
        terms = rng.choice(sets)
        text = "".join(c for c in rng.choices(CHARACTERS, k=40) if holds(terms, c))
        raw = encode(text, repertoire(terms))
        assert raw is not None
        assert decode_bytes(raw, convert_encodings(list(terms)), set(b"\\^=")) == text


def test_it_takes_time_in_proportion() -> None:
    known = repertoire(["", "ISO 2022 IR 87"])
    text = "山a" * 100_000
    raw = encode(text, known)
    assert raw is not None
    assert decode(raw, known) == (text, True)
    assert decode(b"\x1b" * 300_000, known)[1] is False
