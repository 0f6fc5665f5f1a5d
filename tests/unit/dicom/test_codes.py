"""Items of code sequences: the macros of Tables F.7.2-1a to F.7.2-1f and PS3.3 8.8."""

from typing import Any

import pytest

from mpps_dicom import DataSet, check_create, check_update
from mpps_dicom.context_groups import CID_9300, CID_9301
from mpps_dicom.findings import Profile, Severity
from tests.unit.dicom.judging import as_update, create, found, rules_found

VRS = {
    "00080100": "SH",
    "00080102": "SH",
    "00080103": "SH",
    "00080104": "LO",
    "00080105": "CS",
    "00080107": "DT",
    "0008010B": "CS",
    "0008010D": "UI",
    "00080119": "UC",
    "00080120": "UR",
}
PLACE = "PerformedProtocolCodeSequence[0]"


def coded(**values: Any) -> DataSet:
    item: DataSet = {"00080104": {"vr": "LO", "Value": ["meaning"]}}
    for name, value in values.items():
        tag = name.removeprefix("T")
        item[tag] = {"vr": VRS[tag]} if value is None else {"vr": VRS[tag], "Value": [value]}
    return dict(sorted(item.items()))


def created(item: DataSet) -> DataSet:
    return create() | {"00400260": {"vr": "SQ", "Value": [item]}}


CODES: list[tuple[dict[str, Any], list[str]]] = [
    ({"T00080100": "1", "T00080102": "DCM"}, []),
    ({"T00080100": "1", "T00080102": "DCM", "T00080103": "01"}, []),
    ({"T00080100": "NEURO:HEAD", "T00080102": "99X"}, []),
    ({"T00080119": "12345678901234567", "T00080102": "99X"}, []),
    ({"T00080120": "urn:oid:1.2.3"}, []),
    ({"T00080120": "https://example.org/codes/1"}, []),
    ({"T00080120": "urn:oid:1.2.3", "T00080102": "99X"}, []),
    ({"T00080100": "1"}, ["missing-conditional"]),
    ({"T00080100": "1", "T00080102": None}, ["empty-type-1"]),
    ({"T00080119": "12345678901234567"}, ["missing-conditional"]),
    ({"T00080102": "DCM"}, ["missing-conditional"]),
    ({"T00080100": None, "T00080102": "DCM"}, ["missing-conditional"]),
    ({"T00080100": " ", "T00080102": "DCM"}, ["missing-conditional"]),
    ({"T00080100": "1", "T00080119": "12345678901234567", "T00080102": "DCM"}, ["code-values"]),
    ({"T00080100": "1", "T00080120": "urn:oid:1.2", "T00080102": "DCM"}, ["code-values"]),
    ({"T00080119": "short", "T00080102": "99X"}, ["code-form"]),
    ({"T00080119": "urn:oid:1.2.840.10008.1", "T00080102": "99X"}, ["code-form"]),
    ({"T00080100": "urn:oid:1.2", "T00080102": "99X"}, ["code-form"]),
    ({"T00080120": "110513"}, ["code-form"]),
    ({"T00080120": "urn:oid:1.2", "T00080103": "01"}, ["code-scheme-version"]),
    ({"T00080100": "1", "T00080102": "DCM", "T0008010B": "N"}, []),
    ({"T00080100": "1", "T00080102": "DCM", "T0008010B": "Y"}, ["code-extension", "code-extension"]),
    (
        {"T00080100": "1", "T00080102": "DCM", "T0008010B": "Y", "T00080107": "2026", "T0008010D": "1.2.3"},
        [],
    ),
    ({"T00080100": "1", "T00080102": "DCM", "T0008010B": "YES"}, ["enumerated-value"]),
]


@pytest.mark.parametrize(("values", "rules"), CODES)
def test_a_code_has_one_value_in_the_right_place_and_its_scheme(values: dict[str, Any], rules: list[str]) -> None:
    findings = found(check_create, created(coded(**values)))
    assert [rule for rule, *_ in findings] == rules
    assert all(path.startswith(PLACE) for _rule, path, *_ in findings)


def test_the_meaning_of_a_code_is_mandatory_where_the_table_says_so() -> None:
    item = coded(T00080100="1", T00080102="DCM")
    del item["00080104"]
    assert rules_found(check_create, created(item)) == []
    for tag in ("00401012", "00400281"):
        data_set = create() | {tag: {"vr": "SQ", "Value": [item]}}
        assert "missing-type-1" in rules_found(check_create, data_set)


def test_codes_inside_codes_are_looked_at() -> None:
    item = coded(T00080100="1", T00080102="DCM")
    item["00080121"] = {"vr": "SQ", "Value": [coded(T00080100="2")]}
    ((rule, path, *_),) = found(check_create, created(item))
    assert rule == "missing-conditional"
    assert path == (f"{PLACE}.EquivalentCodeSequence[0].CodingSchemeDesignator (0040,0260)[0](0008,0121)[0](0008,0102)")


def test_an_update_owes_the_scheme_but_not_the_value() -> None:
    """The N-SET column has 3/1C for the three values and 1C/1C for the scheme."""
    data_set: DataSet = {"00400260": {"vr": "SQ", "Value": [coded(T00080100="1")]}}
    assert [(rule, dimse) for rule, _path, dimse, _http in found(as_update, data_set)] == [
        ("missing-in-update", 0x0121)
    ]
    bare: DataSet = {"00400260": {"vr": "SQ", "Value": [coded()]}}
    (finding,) = check_update(bare, None, Profile.STRICT)
    assert (finding.rule, finding.severity) == ("missing-in-update", Severity.WARN)


@pytest.mark.parametrize("code", ["110513", "110514", "110526", "110533"])
def test_a_reason_of_the_baseline_group_is_fine(code: str) -> None:
    reason: DataSet = {"00400281": {"vr": "SQ", "Value": [coded(T00080100=code, T00080102="DCM")]}}
    assert found(as_update, reason) == []
    assert found(check_create, create() | reason) == []


@pytest.mark.parametrize(("code", "scheme"), [("110520", "DCM"), ("110513", "99X"), ("abort", "99X")])
def test_another_reason_is_told_and_never_refused(code: str, scheme: str) -> None:
    reason: DataSet = {"00400281": {"vr": "SQ", "Value": [coded(T00080100=code, T00080102=scheme)]}}
    for profile in (Profile.STRICT, Profile.LENIENT):
        (finding,) = check_update(reason, None, profile)
        assert (finding.rule, finding.severity) == ("discontinuation-reason", Severity.WARN)
        assert code not in finding.detail


def test_the_context_groups_are_those_of_the_standard() -> None:
    """PS3.16: 17 codes of DCM in CID 9301, which is part of CID 9300."""
    assert {code for scheme, code in CID_9301 if scheme == "DCM"} == {str(110500 + n) for n in range(17)}
    assert CID_9301 < CID_9300
    assert {("DCM", str(code)) for code in (110526, 110527, 110528, 110529, 110530)} <= CID_9300


def test_the_context_groups_agree_with_pydicom() -> None:
    from pydicom.sr import _concepts_dict
    from pydicom.sr._cid_dict import cid_concepts

    concepts: dict[str, Any] = _concepts_dict.concepts
    for number, group in ((9300, CID_9300), (9301, CID_9301)):
        theirs = {
            (scheme, code)
            for scheme, names in cid_concepts[number].items()
            for name in names
            for code in concepts[scheme][name]
        }
        assert group == theirs
