"""Specific Character Set of a data set (PS3.3 C.12.1.1.2)."""

from typing import Any

import pytest

from mpps_dicom import DataSet, Profile, changed_charset, check_create, encode_json
from tests.unit.dicom.judging import as_update, create, found


def named(name: dict[str, str], *terms: Any) -> DataSet:
    data_set = create() | {"00100010": {"vr": "PN", "Value": [name]}}
    if terms:
        data_set["00080005"] = {"vr": "CS", "Value": list(terms)}
    return data_set


JAPANESE = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}
GERMAN = {"Alphabetic": "Müller^Jörg"}


@pytest.mark.parametrize(
    ("name", "terms", "rules"),
    [
        ({"Alphabetic": "Doe"}, (), []),
        ({"Alphabetic": "Doe"}, ("ISO_IR 100",), []),
        (GERMAN, ("ISO_IR 100",), []),
        (GERMAN, ("ISO_IR 192",), []),
        (GERMAN, (), ["character-set-missing"]),
        (GERMAN, ("",), ["character-set-missing"]),
        (GERMAN, ("ISO_IR 144",), ["character-set-text"]),
        (JAPANESE, ("", "ISO 2022 IR 87"), []),
        (JAPANESE, (None, "ISO 2022 IR 87"), []),
        (JAPANESE, ("ISO 2022 IR 6", "ISO 2022 IR 87"), []),
        (JAPANESE, ("ISO_IR 100",), ["character-set-text"]),
        (JAPANESE, ("GB18030",), []),
        ({"Alphabetic": "Doe"}, ("ISO 2022 B5",), ["character-set-term"]),
        (GERMAN, ("ISO 2022 B5",), ["character-set-term"]),
        (GERMAN, ("ISO_IR 192", "ISO 2022 IR 87"), ["character-set-term"]),
        (GERMAN, ("ISO_IR 100", "ISO 2022 IR 87"), ["character-set-term"]),
        (GERMAN, ("ISO 2022 IR 100", ""), ["character-set-term"]),
    ],
)
def test_terms_exist_fit_each_other_and_hold_the_text(
    name: dict[str, str], terms: tuple[Any, ...], rules: list[str]
) -> None:
    assert [rule for rule, *_ in found(check_create, named(name, *terms))] == rules


def test_text_in_items_counts_and_an_item_may_have_its_own_set() -> None:
    item: DataSet = {"0008103E": {"vr": "LO", "Value": ["Schädel"]}}
    data_set: DataSet = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 144"]},
        "00400555": {"vr": "SQ", "Value": [{}, item]},
    }
    ((rule, path, *_),) = found(as_update, data_set)
    assert (rule, path) == (
        "character-set-text",
        "AcquisitionContextSequence[1].SeriesDescription (0040,0555)[1](0008,103E)",
    )
    item["00080005"] = {"vr": "CS", "Value": ["ISO_IR 100"]}
    assert found(as_update, data_set) == []


def test_a_missing_set_is_told_once_and_never_refused() -> None:
    """DICOM JSON is UTF-8 without it (PS3.18 F.2.2)."""
    data_set = named(GERMAN) | {"00400254": {"vr": "LO", "Value": ["Schädel"]}}
    findings = check_create(data_set, Profile.STRICT)
    assert [(f.rule, f.severity.value) for f in findings] == [("character-set-missing", "warn")]


def test_what_has_a_repertoire_of_its_own_is_no_text() -> None:
    data_set: DataSet = {"00400555": {"vr": "SQ", "Value": [{"00400241": {"vr": "AE", "Value": ["É"]}}]}}
    assert [rule for rule, *_ in found(as_update, data_set)] == ["value-repertoire"]


@pytest.mark.parametrize(
    ("created", "updated", "rules"),
    [
        (["ISO_IR 100"], ["ISO_IR 100"], []),
        (["ISO_IR 100"], None, []),
        (None, ["ISO_IR 100"], []),
        (["ISO_IR 100"], ["ISO_IR 192"], ["character-set-differs"]),
        (["ISO_IR 100"], [], ["character-set-differs"]),
    ],
)
def test_an_update_keeps_the_set_of_the_create(
    created: list[str] | None, updated: list[str] | None, rules: list[str]
) -> None:
    """PS3.4 F.7.2.2.1 obliges the modality; F.7.2.2.3 lets the manager convert, so it never refuses."""
    first, second = (
        {} if terms is None else {"00080005": {"vr": "CS", "Value": terms}} for terms in (created, updated)
    )
    for profile in (Profile.STRICT, Profile.LENIENT):
        assert [f.rule for f in changed_charset(encode_json(first), second, profile)] == rules
    assert changed_charset(encode_json(first), second, Profile.OFF) == ()
