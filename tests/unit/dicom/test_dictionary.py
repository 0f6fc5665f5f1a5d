"""UIDs, the data dictionary, places and value representations."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.config import RAISE
from pydicom.uid import UID
from pydicom.valuerep import VR, validate_value

from mpps_dicom import (
    MPPS_CLASS,
    MPPS_NOTIFICATION_CLASS,
    MPPS_RETRIEVE_CLASS,
    MWL_CLASS,
    VERIFICATION_CLASS,
    is_path_uid,
    keyword_of,
    new_uid,
    tag_of,
    vr_of,
)
from mpps_dicom.dictionary import PROVISIONAL
from mpps_dicom.paths import written
from mpps_dicom.vr import VRS


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        (MPPS_CLASS, "Modality Performed Procedure Step SOP Class"),
        (MPPS_RETRIEVE_CLASS, "Modality Performed Procedure Step Retrieve SOP Class"),
        (MPPS_NOTIFICATION_CLASS, "Modality Performed Procedure Step Notification SOP Class"),
        (MWL_CLASS, "Modality Worklist Information Model - FIND"),
        (VERIFICATION_CLASS, "Verification SOP Class"),
    ],
)
def test_class_uids_are_those_of_the_registry(uid: str, name: str) -> None:
    assert UID(uid).name.startswith(name.removesuffix(" SOP Class"))


@pytest.mark.parametrize("text", ["1", "1.2.3", "100.118..3", ".1", "1" * 64])
def test_digits_and_dots_may_be_in_a_url(text: str) -> None:
    assert is_path_uid(text)


@pytest.mark.parametrize("text", ["", "1" * 65, "1.2\n", "1/2", "a", "1 ", "-1", "²", ".", ".."])
def test_anything_else_may_not(text: str) -> None:
    assert not is_path_uid(text)


@given(st.integers(0, 2**128 - 1))
def test_new_uids_are_valid_and_stand_for_a_random_uuid(bits: int) -> None:
    text = new_uid(bits)
    assert UID(text).is_valid
    made = uuid.UUID(int=int(text.removeprefix("2.25.")))
    assert made.version == 4
    assert made.variant == uuid.RFC_4122
    assert new_uid(made.int) == text


@pytest.mark.parametrize("bits", [-1, 2**128])
def test_a_uid_takes_128_bits(bits: int) -> None:
    with pytest.raises(ValueError, match="128 bits"):
        new_uid(bits)


def test_the_dictionary_is_that_of_pydicom() -> None:
    for number, (vr, _vm, _name, _retired, keyword) in DicomDictionary.items():
        tag = f"{number:08X}"
        if number & 0xFFFF and vr != "NONE":
            assert vr_of(tag) == vr
            assert keyword_of(tag) == (keyword or None)
            assert not keyword or tag_of(keyword) == tag


@pytest.mark.parametrize(
    ("tag", "keyword", "vr"),
    [
        ("00100041", "GenderIdentitySequence", "SQ"),
        ("60020010", "OverlayRows", "US"),
        ("00280106", "SmallestImagePixelValue", "US or SS"),
        ("00100000", None, "UL"),
        ("00090010", None, "LO"),
        ("00091001", None, None),
        ("00090001", None, None),
        ("00100025", None, None),
    ],
)
def test_what_is_known_of_a_tag(tag: str, keyword: str | None, vr: str | None) -> None:
    assert (keyword_of(tag), vr_of(tag)) == (keyword, vr)


def test_unknown_keywords_have_no_tag() -> None:
    assert tag_of("NoSuchKeyword") is None
    assert tag_of("patientid") is None
    assert tag_of("") is None


def test_attributes_of_supplement_233_are_marked() -> None:
    assert "00100041" in PROVISIONAL
    assert "00100010" not in PROVISIONAL


def test_places_are_written_with_keywords_and_tags() -> None:
    item = (None, "00400270", 0)
    assert written(None) == ""
    assert written(None, "00100010") == "PatientName (0010,0010)"
    assert written(item) == "ScheduledStepAttributesSequence[0] (0040,0270)[0]"
    assert written(item, "0020000D") == "ScheduledStepAttributesSequence[0].StudyInstanceUID (0040,0270)[0](0020,000D)"
    assert written((item, "00091001", 2), "00091002") == (
        "ScheduledStepAttributesSequence[0].00091001[2].00091002 (0040,0270)[0](0009,1001)[2](0009,1002)"
    )


def test_every_vr_of_the_standard_is_in_the_table() -> None:
    assert VRS.keys() == {vr.value for vr in VR if len(vr.value) == 2}


# PS3.5 Table 6.2-1
LENGTHS = {
    "AE": 16,
    "AS": 4,
    "CS": 16,
    "DA": 8,
    "DS": 16,
    "DT": 26,
    "IS": 12,
    "LO": 64,
    "LT": 10240,
    "PN": 64,
    "SH": 16,
    "ST": 1024,
    "TM": 14,
    "UI": 64,
}


def test_lengths_are_those_of_the_standard() -> None:
    assert {code: row.max_length for code, row in VRS.items() if row.max_length} == LENGTHS


def test_specific_character_set_applies_to_eight_vrs() -> None:
    assert {code for code, row in VRS.items() if row.charset} == {"SH", "LO", "ST", "LT", "UC", "UT", "PN"}


def valid_for_pydicom(code: str, text: str) -> bool:
    try:
        validate_value(code, text, RAISE)
    except ValueError:
        return False
    return True


def valid_for_us(code: str, text: str) -> bool:
    row = VRS[code]
    assert row.form is not None
    return len(text) <= (row.max_length or len(text)) and row.form.fullmatch(text) is not None


@pytest.mark.parametrize("code", ["AS", "CS", "DS", "IS"])
@given(text=st.text(alphabet="AZaz019 _.+-eE^DWMY", min_size=1, max_size=17))
def test_forms_agree_with_pydicom(code: str, text: str) -> None:
    assert valid_for_us(code, text) is valid_for_pydicom(code, text)


@pytest.mark.parametrize("code", ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI", "UR"])
@given(data=st.data())
@settings(max_examples=50)
def test_what_we_take_for_well_formed_pydicom_does_too(code: str, data: st.DataObject) -> None:
    form = VRS[code].form
    assert form is not None
    text = data.draw(st.from_regex(form, fullmatch=True).filter(lambda value: valid_for_us(code, value)))
    # Trailing padding of other lengths than one is ours to tolerate.
    assert valid_for_pydicom(code, text.rstrip(" \0"))
