"""Data sets in their binary form, in files and messages: PS3.5 6 and 7, PS3.10 7."""

import io
import random
import struct
import time
import warnings
import zlib
from typing import Any

import orjson
import pydicom
import pytest
from hypothesis import given
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset as read_with_pydicom
from pydicom.filewriter import write_dataset

from mpps_dicom import MAX_DEPTH, DataSet, Refused, encode_json, read_json
from mpps_dicom.binary_parser import implied_vr
from mpps_dicom.binary_reader import ReadDataset, Undecodable, read_encoded
from mpps_dicom.binary_writer import encode_encoded
from mpps_dicom.datasets import read_dataset, to_dataset
from mpps_dicom.part10 import encode_part10, read_part10
from tests.support.data_sets import data_sets, plain
from tests.support.modalities import any_step

UID = "1.2.3.4"


def element(tag: int, vr: str, content: bytes) -> bytes:
    """Write one element in explicit VR little endian."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in {"OB", "OW", "OF", "OL", "OD", "OV", "SQ", "UN", "UT", "UC", "UR", "SV", "UV"}:
        return head + struct.pack("<HL", 0, len(content)) + content
    return head + struct.pack("<H", len(content)) + content


def read(*elements: bytes) -> ReadDataset:
    return read_encoded(b"".join(elements), implicit=False)


def refused(data: bytes, *, implicit: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read_encoded(data, implicit=implicit)
    return [(finding.rule, finding.path) for finding in caught.value.findings]


@given(data_set=data_sets())
def test_json_to_a_file_and_back_loses_nothing(data_set: DataSet) -> None:
    canonical = read_json(encode_json(data_set), uid=UID).data_set
    found = read_part10(encode_part10(canonical, uid=UID))
    assert plain(found.data_set, binary=True) == plain(data_set, binary=True)
    assert found.instance_uid == UID
    again = encode_part10(found.data_set, uid=UID, undecodable=found.undecodable)
    assert read_part10(again) == found


def in_dictionary(level: DataSet) -> DataSet:
    """Leave out what the dictionary has with another VR, as implicit VR would read it with that."""
    return {
        tag: {"vr": "SQ", "Value": [in_dictionary(item) for item in member.get("Value", ())]}
        if member["vr"] == "SQ"
        else member
        for tag, member in level.items()
        if implied_vr(tag) in {"UN", member["vr"]}
    }


@given(data_set=data_sets())
def test_implicit_vr_loses_the_vr_of_what_it_does_not_know_and_no_byte(data_set: DataSet) -> None:
    data_set = in_dictionary(data_set)
    explicit = encode_encoded(data_set, implicit=False)
    implicit = encode_encoded(data_set, implicit=True)
    if not data_set:
        return
    found = read_encoded(implicit, implicit=True)
    assert encode_encoded(found.data_set, implicit=True, undecodable=found.undecodable) == implicit
    again = read_encoded(explicit, implicit=False)
    assert encode_encoded(again.data_set, implicit=False, undecodable=again.undecodable) == explicit


@given(data_set=data_sets())
def test_data_sets_of_pydicom_are_the_same_bytes(data_set: DataSet) -> None:
    for implicit in (False, True):
        expected = encode_encoded(data_set, implicit=implicit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of character sets that do not exist
            dataset = to_dataset(data_set, implicit=implicit)
            buffer = DicomBytesIO()
            buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
            write_dataset(buffer, dataset)
            decoded = read_with_pydicom(io.BytesIO(expected), implicit, is_little_endian=True)
        assert buffer.getvalue() == expected
        found = read_encoded(expected, implicit=implicit)
        assert read_dataset(decoded) == found
        if not implicit:
            assert read_dataset(dataset) == found


@pytest.mark.parametrize("seed", range(24))
def test_steps_of_real_modalities_come_back(seed: int) -> None:
    for _kind, body in any_step(UID, seed):
        data_set = read_json(orjson.dumps(body), uid=UID).data_set
        for implicit in (False, True):
            data = encode_part10(data_set, uid=UID, implicit=implicit)
            found = read_part10(data)
            assert (found.findings, found.undecodable) == ((), ())
            assert plain(found.data_set) == plain(data_set)
            judged = pydicom.dcmread(io.BytesIO(data))
            assert judged.SOPInstanceUID == judged.file_meta.MediaStorageSOPInstanceUID == UID
            del judged.SOPInstanceUID, judged.SOPClassUID
            assert plain(judged.to_json_dict(), binary=True) == plain(
                Dataset.from_json(orjson.dumps(body).decode()).to_json_dict(), binary=True
            )


def test_a_data_set_pydicom_has_decoded_is_read_too() -> None:
    for seed in range(8):
        for _kind, body in any_step(UID, seed):
            dataset = Dataset.from_json(orjson.dumps(body).decode())
            expected = read_json(orjson.dumps(dataset.to_json_dict()), uid=UID).data_set
            assert plain(read_dataset(dataset, uid=UID).data_set, binary=True) == plain(expected, binary=True)


@pytest.mark.parametrize(
    ("vr", "content", "values"),
    [
        ("LO", b"a ", ["a"]),
        ("LO", b" a  ", [" a "]),
        ("LO", b"a\0", ["a"]),
        ("LO", b"a\\\\b", ["a", None, "b"]),
        ("LO", b"a\\", ["a", None]),
        ("LT", b" a\\b\r\nc\r\n", [" a\\b\r\nc\r\n"]),
        ("UI", b"1.2\0", ["1.2"]),
        ("DS", b"1.50\\ 7 ", ["1.50", " 7"]),
        ("IS", b"421.5 ", ["421.5"]),
        ("US", b"\1\0\2\0", [1, 2]),
        ("SS", b"\xff\xff", [-1]),
        ("SV", b"\xff" * 8, [-1]),
        ("UV", b"\xff" * 8, [(1 << 64) - 1]),
        ("FD", struct.pack("<d", -0.0), [-0.0]),
        ("AT", b"\x10\0\x20\0", ["00100020"]),
        ("PN", b"A^B^^^\\=I", [{"Alphabetic": "A^B^^^"}, {"Ideographic": "I"}]),
        (
            "PN",
            b"A\\\\B=I=P=X",
            [{"Alphabetic": "A"}, None, {"Alphabetic": "B", "Ideographic": "I", "Phonetic": "P=X"}],
        ),
    ],
)
def test_values_become_what_json_has(vr: str, content: bytes, values: list[Any]) -> None:
    data = element(0x00091001, vr, content)
    found = read(data)
    assert found.data_set == {"00091001": {"vr": vr, "Value": values}}
    assert (found.findings, found.undecodable) == ((), ())
    again = encode_encoded(found.data_set, implicit=False)
    assert read_encoded(again, implicit=False) == found
    if content[-1:] not in {b"\0", b"="} and len(content) % 2 == 0:
        assert again == data


@pytest.mark.parametrize(
    ("vr", "content", "member"),
    [
        ("FD", struct.pack("<dd", 1, float("nan")), {"vr": "FD", "Value": [1.0, None]}),
        ("FL", struct.pack("<f", float("inf")), {"vr": "FL", "Value": [None]}),
        ("US", b"\1\0\2", {"vr": "US"}),
        ("AT", b"\1\0\2\0\3\0", {"vr": "AT"}),
        ("LO", b"M\xfcller", {"vr": "LO", "Value": ["M\ufffdller"]}),
        ("PN", b"\x80^a ", {"vr": "PN", "Value": [{"Alphabetic": "\ufffd^a"}]}),
    ],
)
def test_bytes_that_json_has_no_word_for_are_kept_and_sent_again(
    vr: str, content: bytes, member: dict[str, Any]
) -> None:
    item = element(0x00081030, "LO", b"ok") + element(0x00091001, vr, content)
    data = element(0x00400270, "SQ", struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item)
    found = read(data)
    assert found.data_set["00400270"]["Value"][0]["00091001"] == member
    assert found.undecodable == (Undecodable("00400270/0/00091001", content),)
    again = encode_encoded(found.data_set, implicit=False, undecodable=found.undecodable)
    assert content in again
    assert read_encoded(again, implicit=False).data_set == found.data_set


def test_kept_bytes_are_not_used_for_an_attribute_that_has_changed() -> None:
    found = read(element(0x00080005, "CS", b"ISO 2022 B5 "), element(0x00100020, "LO", b"\xa4\xa4"))
    assert found.data_set["00100020"] == {"vr": "LO", "Value": ["\ufffd\ufffd"]}
    assert b"\xa4\xa4" in encode_encoded(found.data_set, implicit=False, undecodable=found.undecodable)
    changed: DataSet = {**found.data_set, "00100020": {"vr": "LO", "Value": ["4711"]}}
    assert b"4711" in encode_encoded(changed, implicit=False, undecodable=found.undecodable)
    beside: DataSet = {**found.data_set, "00100021": {"vr": "LO", "Value": ["中"]}}
    again = encode_encoded(beside, implicit=False, undecodable=found.undecodable)
    assert read_encoded(again, implicit=False).data_set == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00100020": {"vr": "LO", "Value": ["\ufffd\ufffd"]},
        "00100021": {"vr": "LO", "Value": ["中"]},
    }


def charset_and_name(terms: list[str | None] | None, text: str) -> DataSet:
    named: DataSet = {} if terms is None else {"00080005": {"vr": "CS", "Value": terms}}
    return named | {"00100010": {"vr": "PN", "Value": [{"Alphabetic": text}]}}


@pytest.mark.parametrize(
    ("terms", "wanted", "text", "sent"),
    [
        (None, None, "Doe", None),
        (None, None, "Müller", ["ISO_IR 192"]),
        (["ISO_IR 100"], None, "Müller", ["ISO_IR 100"]),
        (["ISO_IR 100"], None, "山田", ["ISO_IR 192"]),
        ([None, "ISO 2022 IR 87"], None, "山田", [None, "ISO 2022 IR 87"]),
        (["ISO_IR 192"], ["ISO_IR 100"], "Müller", ["ISO_IR 100"]),
        (["ISO_IR 100"], [], "Doe", []),
        (["ISO_IR 192"], ["ISO_IR 100"], "山田", ["ISO_IR 192"]),
        (["ISO 2022 B5"], None, "Doe", ["ISO 2022 B5"]),
    ],
)
def test_text_goes_out_in_the_set_it_came_in_where_that_holds_it(
    terms: list[str | None] | None, wanted: list[str] | None, text: str, sent: list[str | None] | None
) -> None:
    data = encode_encoded(charset_and_name(terms, text), implicit=False, character_set=wanted)
    found = read_encoded(data, implicit=False)
    expected = charset_and_name(sent, text)
    if sent == []:
        expected["00080005"] = {"vr": "CS"}
    assert (found.data_set, found.undecodable) == (expected, ())


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    item = charset_and_name(["ISO_IR 144"], "Лев")
    data_set: DataSet = {**charset_and_name(["ISO_IR 100"], "Müller"), "00400270": {"vr": "SQ", "Value": [item, {}]}}
    assert read_encoded(encode_encoded(data_set, implicit=False), implicit=False).data_set == data_set
    item["00100020"] = {"vr": "LO", "Value": ["山"]}
    found = read_encoded(encode_encoded(data_set, implicit=False), implicit=False).data_set
    assert found["00080005"]["Value"] == ["ISO_IR 100"]
    assert found["00400270"]["Value"][0]["00080005"]["Value"] == ["ISO_IR 192"]


def test_an_update_without_character_set_is_read_with_that_of_the_create() -> None:
    data = element(0x00100010, "PN", b"M\xfcller")
    found = read_encoded(data, implicit=False, character_set=["ISO_IR 100"])
    assert found.data_set == charset_and_name(None, "Müller")
    assert encode_encoded(found.data_set, implicit=False, character_set=["ISO_IR 100"]).endswith(b"M\xfcller")


@pytest.mark.parametrize(
    "member",
    [
        {"vr": "US", "Value": [70000]},
        {"vr": "US", "Value": [1.5]},
        {"vr": "US", "Value": [1, None]},
        {"vr": "FL", "Value": [1e300]},
        {"vr": "FD", "Value": [1.0, None]},
        {"vr": "AT", "Value": ["00100010", None]},
        {"vr": "SV", "Value": ["x"]},
    ],
)
def test_a_value_the_binary_form_cannot_hold_is_refused_where_it_is(member: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        encode_encoded({"00400270": {"vr": "SQ", "Value": [{"00102160": member}]}}, implicit=False)
    path = "ScheduledStepAttributesSequence[0].EthnicGroup (0040,0270)[0](0010,2160)"
    assert [(finding.rule, finding.path) for finding in caught.value.findings] == [("not-encodable", path)]


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("DS", 1050.0, b"1050.0"),
        ("DS", 5, b"5 "),
        ("DS", 0.1234567890123456789, b"0.12345678901235"),
        ("DS", -1.2345678901234567e-105, b"-1.23456789e-105"),
        ("IS", 12.0, b"12"),
        ("DS", "1.50", b"1.50"),
        ("DS", "0.1234567890123456789", b"0.1234567890123456789 "),
        ("SV", "-5", struct.pack("<q", -5)),
        ("US", 5.0, b"\5\0"),
    ],
)
def test_numbers_of_json_are_written_with_as_many_digits_as_there_is_room_for(vr: str, value: Any, text: bytes) -> None:
    data = encode_encoded({"00091001": {"vr": vr, "Value": [value]}}, implicit=True)
    assert data[8:] == text


def test_values_too_long_for_their_length_are_un_and_come_back() -> None:
    data_set: DataSet = {
        "00081030": {"vr": "LO", "Value": ["x" * 70_001]},
        "00091001": {"vr": "LO", "Value": ["y" * 70_000]},
    }
    data = encode_encoded(data_set, implicit=False)
    assert data[4:6] == b"UN"
    found = read_encoded(data, implicit=False).data_set
    assert found["00081030"] == data_set["00081030"]
    assert found["00091001"]["vr"] == "UN"


def test_what_is_no_data_set_has_no_place_in_one() -> None:
    data_set: DataSet = {tag: {"vr": "LO", "Value": ["x"]} for tag in ("00000002", "00020010", "00100020", "FFFEE00D")}
    assert read_part10(encode_part10(data_set, uid=UID)).data_set == {"00100020": {"vr": "LO", "Value": ["x"]}}


def item_of(body: bytes, *, length: int | None = None) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(body) if length is None else length) + body


UNDEFINED = 0xFFFFFFFF
END_ITEM = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
END_SEQUENCE = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
SEQUENCE = struct.pack("<HH2sHL", 0x0040, 0x0270, b"SQ", 0, UNDEFINED)


def test_group_lengths_go_at_every_level() -> None:
    length = element(0x00080000, "UL", b"\0\0\0\0")
    inner = length + element(0x00081030, "LO", b"ok")
    found = read(length, element(0x00100000, "UL", b"\1\0\0\0"), element(0x00400270, "SQ", item_of(inner)))
    assert found.data_set == {"00400270": {"vr": "SQ", "Value": [{"00081030": {"vr": "LO", "Value": ["ok"]}}]}}


def test_lengths_may_be_undefined() -> None:
    inner = element(0x00081030, "LO", b"ok")
    expected = {"vr": "SQ", "Value": [{"00081030": {"vr": "LO", "Value": ["ok"]}}, {}]}
    data = SEQUENCE + item_of(inner + END_ITEM, length=UNDEFINED) + item_of(b"") + END_SEQUENCE
    assert read(data).data_set == {"00400270": expected}
    implicit = struct.pack("<HHL", 0x0008, 0x1030, 2) + b"ok"
    unknown = struct.pack("<HH2sHL", 0x0009, 0x1001, b"UN", 0, UNDEFINED)
    assert read(unknown + item_of(implicit) + item_of(b"") + END_SEQUENCE).data_set == {"00091001": expected}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty-object"),
        (b"\x08", "not-dicom"),
        (element(0x00080020, "DA", b"20260101")[:-1], "not-dicom"),
        (element(0x00080020, "DA", b"20260101") + b"\x10\0", "not-dicom"),
        (SEQUENCE, "not-dicom"),
        (SEQUENCE + item_of(b""), "not-dicom"),
        (SEQUENCE + item_of(b"", length=5) + END_SEQUENCE, "not-dicom"),
        (SEQUENCE + item_of(b"", length=UNDEFINED) + END_SEQUENCE, "not-dicom"),
        (SEQUENCE + element(0x00081030, "LO", b"ok") + END_SEQUENCE, "not-dicom"),
        (END_ITEM, "not-dicom"),
        (END_SEQUENCE, "not-dicom"),
        (element(0x00400270, "SQ", item_of(b"")[:-1]), "not-dicom"),
    ],
)
def test_what_is_no_data_set_is_refused(data: bytes, rule: str) -> None:
    assert refused(data) == [(rule, "")]


def test_faults_are_told_where_they_are() -> None:
    twice = element(0x00081030, "LO", b"ok") * 2
    path = "ScheduledStepAttributesSequence[0].StudyDescription (0040,0270)[0](0008,1030)"
    assert refused(element(0x00400270, "SQ", item_of(twice))) == [("given-twice", path)]
    strange = struct.pack("<HH2sHL", 0x0008, 0x1030, b"XX", 0, 2) + b"ok"
    assert refused(strange) == [("vr-unknown", "StudyDescription (0008,1030)")]
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + END_SEQUENCE
    assert refused(pixels) == [("transfer-syntax", "PixelData (7FE0,0010)")]


def nested(levels: int) -> bytes:
    begin = SEQUENCE + item_of(b"", length=UNDEFINED)
    return begin * levels + element(0x00081030, "LO", b"ok") + (END_ITEM + END_SEQUENCE) * levels


def test_nesting_has_the_same_end_as_in_json() -> None:
    data_set = read(nested(MAX_DEPTH)).data_set
    assert read_encoded(encode_encoded(data_set, implicit=True), implicit=True).data_set == data_set
    assert refused(nested(MAX_DEPTH + 1)) == [("nesting", "")]
    assert refused(nested(50_000)) == [("nesting", "")]


def file_of(body: bytes, syntax: str, *, preamble: bool = True) -> bytes:
    meta = element(0x00020010, "UI", (syntax + "\0" * (len(syntax) % 2)).encode())
    length = element(0x00020000, "UL", struct.pack("<L", 999))
    return (bytes(128) + b"DICM" if preamble else b"") + length + meta + body


def test_files_may_lack_preamble_and_meta_information() -> None:
    explicit = element(0x00081030, "LO", b"ok") + element(0x00280010, "US", b"\1\0")
    implicit = struct.pack("<HHL", 0x0008, 0x1030, 2) + b"ok" + struct.pack("<HHL", 0x0028, 0x0010, 2) + b"\1\0"
    big = struct.pack(">HH2sH", 0x0008, 0x1030, b"LO", 2) + b"ok" + struct.pack(">HH2sHH", 0x0028, 0x0010, b"US", 2, 1)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = packer.compress(explicit) + packer.flush()
    expected = {"00081030": {"vr": "LO", "Value": ["ok"]}, "00280010": {"vr": "US", "Value": [1]}}
    files = [explicit, implicit, big, file_of(explicit, "1.2.840.10008.1.2.1", preamble=False)]
    files += [file_of(implicit, "1.2.840.10008.1.2"), file_of(explicit, "1.2.840.10008.1.2.1")]
    files += [file_of(big, "1.2.840.10008.1.2.2"), file_of(deflated, "1.2.840.10008.1.2.1.99")]
    for data in files:
        assert read_part10(data).data_set == expected


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "empty-object"),
        (b"not dicom at all", "not-dicom"),
        (file_of(b"", "1.2.840.10008.1.2.4.50"), "transfer-syntax"),
        (file_of(b"xx", "1.2.840.10008.1.2.1.99"), "not-dicom"),
        (file_of(zlib.compress(bytes(300 << 20))[2:], "1.2.840.10008.1.2.1.99"), "not-dicom"),
    ],
    ids=["empty", "text", "jpeg", "not deflated", "bomb"],
)
def test_what_is_no_file_of_ours_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(Refused) as caught:
        read_part10(data)
    assert [finding.rule for finding in caught.value.findings] == [rule]


def test_bytes_change_places_between_byte_orders() -> None:
    data = b"".join(
        (
            struct.pack(">HH2sHL", 0x0009, 0x1001, b"OW", 0, 4) + b"\1\2\3\4",
            struct.pack(">HH2sHL", 0x0009, 0x1002, b"OD", 0, 8) + bytes(range(8)),
            struct.pack(">HH2sHd", 0x0009, 0x1003, b"FD", 8, float("nan")),
            struct.pack(">HH2sHHH", 0x0009, 0x1004, b"AT", 4, 0x0010, 0x0020),
        )
    )
    found = read_encoded(data, implicit=False, little=False)
    little = read_encoded(encode_encoded(found.data_set, implicit=False, undecodable=found.undecodable), implicit=False)
    assert (little.data_set, little.undecodable) == (found.data_set, found.undecodable)
    assert found.data_set["00091001"]["InlineBinary"] == "AgEEAw=="


def test_the_instance_is_held_against_the_request() -> None:
    data = element(0x00080018, "UI", b"1.2.3\0") + element(0x00081030, "LO", b"ok")
    assert read_encoded(data, implicit=False, uid="1.2.3").instance_uid == "1.2.3"
    with pytest.raises(Refused) as caught:
        read_encoded(data, implicit=False, uid="1.2.4")
    assert caught.value.findings[0].rule == "instance-differs"


def test_very_long_sequences_take_time_in_proportion() -> None:
    reference = element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.2\0") + element(0x00081155, "UI", b"1.2.3.44")
    data = element(0x00081140, "SQ", item_of(reference) * 50_000)
    began = time.process_time()
    found = read(data)
    assert encode_encoded(found.data_set, implicit=False) == data
    assert time.process_time() - began < 10


def mutated(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 5)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice((0, 0, 1, 2, 8, 40)))
        other = rng.randrange(len(data) + 1)
        odd = (b"\xff" * 4, b"\0", END_ITEM, END_SEQUENCE, b"SQ", b"UN", b"\x1b$B", rng.randbytes(3))
        data = data[:start] + rng.choice((b"", *odd, data[other : other + 60])) + data[end:]
    return data


@pytest.mark.parametrize("seed", range(20))
def test_damage_is_refused_or_read(seed: int) -> None:
    rng = random.Random(seed)
    steps = [
        encode_part10(read_json(orjson.dumps(body), uid=UID).data_set, uid=UID, implicit=bool(seed % 2))
        for _kind, body in any_step(UID, seed)
    ]
    for _ in range(250):
        try:
            found = read_part10(mutated(rng.choice(steps)[rng.choice((0, 132, 280)) :], rng))
        except Refused:
            continue
        assert read_json(encode_json(found.data_set), uid=UID).data_set == found.data_set
        data = encode_part10(found.data_set, uid=UID, undecodable=found.undecodable)
        assert plain(read_part10(data).data_set, binary=True) == plain(found.data_set, binary=True)
