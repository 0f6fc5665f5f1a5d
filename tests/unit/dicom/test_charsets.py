"""Which characters the defined terms of Specific Character Set hold: PS3.3 C.12.1.1.2, examples of PS3.5."""

import pytest
from pydicom.charset import encode_string, python_encoding

from mpps_dicom.charsets import holds


@pytest.mark.parametrize(
    ("terms", "text", "held"),
    [
        ([], "Doe^Jane", True),
        ([], "Müller", False),
        (["ISO_IR 6"], "Müller", False),
        (["ISO_IR 100"], "Müller^Jörg", True),
        (["ISO_IR 100"], "Wałęsa", False),
        (["ISO_IR 101"], "Wałęsa", True),
        (["ISO_IR 100"], "10 €", False),
        (["ISO_IR 203"], "10 €", True),
        (["ISO_IR 109"], "Ħaż-Żebbuġ", True),
        (["ISO_IR 110"], "Bērziņš", True),
        (["ISO_IR 144"], "Толстой^Лев", True),
        (["ISO_IR 126"], "Διονυσιος", True),
        (["ISO_IR 127"], "قباني^لنزار", True),
        (["ISO_IR 138"], "שרון^דבורה", True),
        (["ISO_IR 148"], "Çavuşoğlu", True),
        (["ISO_IR 166"], "นามสกุล", True),
        (["ISO_IR 144"], "Müller", False),
        # PS3.5 H.3.1 and H.3.2
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", True),
        (["", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ", False),
        (["", "ISO 2022 IR 87"], "Müller", False),
        (["ISO_IR 13"], "ﾔﾏﾀﾞ^ﾀﾛｳ", True),
        (["ISO_IR 13"], "山田", False),
        (["", "ISO 2022 IR 87"], "丂", False),
        (["", "ISO 2022 IR 87", "ISO 2022 IR 159"], "丂", True),
        # PS3.5 I.2
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", True),
        (["", "ISO 2022 IR 149"], "Müller", False),
        # PS3.5 K.2
        (["", "ISO 2022 IR 58"], "Zhang^XiaoDong=张^小东", True),
        (["", "ISO 2022 IR 58"], "王^小東", False),
        (["ISO_IR 192"], "Wang^XiaoDong=王^小東 😀", True),
        (["GB18030"], "王^小東 ü 😀", True),
        (["GBK"], "王^小東", True),
        (["GBK"], "홍^길동", False),
        (["ISO 2022 IR 6", "ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller Толстой", True),
        (["ISO 2022 IR 100 "], "Müller", True),
        (["ISO 2022 B5"], "Müller", False),
        (["ISO 2022 B5"], "Doe", True),
    ],
)
def test_what_a_character_set_holds(terms: list[str], text: str, held: bool) -> None:
    assert holds(terms, text) is held


SINGLE = sorted(
    term
    for term in python_encoding
    if term.startswith("ISO_IR ") and term not in {"ISO_IR 6", "ISO_IR 13", "ISO_IR 192"}
)


@pytest.mark.parametrize("term", SINGLE)
def test_single_byte_sets_agree_with_pydicom(term: str) -> None:
    sample = [chr(code) for code in (*range(0xA0, 0x460), *range(0x590, 0x660), *range(0xE00, 0xE60))]
    for character in sample:
        try:
            encoded = encode_string(character, [python_encoding[term]])
        except (UnicodeError, UserWarning):
            encoded = b"?"
        assert holds([term], character) is (encoded != b"?"), character
