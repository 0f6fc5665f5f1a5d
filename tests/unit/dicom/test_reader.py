"""Reading DICOM JSON: PS3.18 Annex F."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from mpps_dicom import MAX_DEPTH, MAX_FINDINGS, RULES, DataSet, Finding, Refused, encode_json, read_json
from tests.support.modalities import MODALITIES, PATIENTS, any_step

UID = "1.2.3.4"
CANARY = "Sesam^Oeffne"


def body_of(**attributes: Any) -> bytes:
    """Write a body with attributes t00100010={...} beside a status."""
    return orjson.dumps({name[1:]: element for name, element in attributes.items()})


def refused(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read_json(body, uid=UID)
    assert all(finding.severity == "refuse" for finding in caught.value.refusals)
    return [(finding.rule, finding.path) for finding in caught.value.findings]


STATUS = b'"00400252":{"vr":"CS","Value":["IN PROGRESS"]}'

WHOLE_BODY = [
    (b"", "not-json"),
    (b" ", "not-json"),
    (b"{" + STATUS, "not-json"),
    (b"{" + STATUS + b"} x", "not-json"),
    (b'{"00400252":{"vr":"CS","Value":["IN PROGR', "not-json"),
    (b'{"00189073":{"vr":"FD","Value":[NaN]}}', "not-json"),
    (b'{"00189073":{"vr":"FD","Value":[Infinity]}}', "not-json"),
    (b'{"00189073":{"vr":"FD","Value":[-Infinity]}}', "not-json"),
    (b'{"00189073":{"vr":"FD","Value":[1e999]}}', "not-json"),
    (b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":"M\xfcller"}]}}', "not-json"),
    (rb'{"00100020":{"vr":"LO","Value":["\ud83d"]}}', "not-json"),
    (b'{"00100020":{"vr":"LO","Value":["\xed\xa0\xbd"]}}', "not-json"),
    (b'{"00100020":{"vr":"LO","Value":["a\x01"]}}', "not-json"),
    (b"not json", "not-json"),
    (b"<NativeDicomModel/>", "not-json"),
    (b"null", "not-one-object"),
    (b"5", "not-one-object"),
    (b'"text"', "not-one-object"),
    (b"[]", "not-one-object"),
    (b"[[{}]]", "not-one-object"),
    (b"[{" + STATUS + b"},{" + STATUS + b"}]", "not-one-object"),
    (b"{}", "empty-object"),
    (b"[{}]", "empty-object"),
    (b'{"00080000":{"vr":"UL","Value":[4]}}', "empty-object"),
    (b'{"00080018":{"vr":"UI","Value":["1.2.3.4"]}}', "empty-object"),
    (b"[" * 10_000 + b"]" * 10_000, "nesting"),
    (b"[" * 10_000, "nesting"),
    (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nesting"),
]


@pytest.mark.parametrize(("body", "rule"), WHOLE_BODY)
def test_a_body_that_is_no_data_set_is_refused(body: bytes, rule: str) -> None:
    assert refused(body) == [(rule, "")]


ATTRIBUTES = [
    ({"vr": "PN", "Value": ["Doe^Jane"]}, "value-type"),
    ({"vr": "PN", "Value": [{"Alphabetic": 5}]}, "value-type"),
    ({"vr": "PN", "Value": [{"Alphabetic": None}]}, "value-type"),
    ({"vr": "PN", "Value": [{"Latin": "Doe"}]}, "value-type"),
    ({"vr": "PN", "Value": [["Doe"]]}, "value-type"),
    ({"vr": "PN", "Value": {"Alphabetic": "Doe"}}, "value-not-an-array"),
    ({"vr": "LO", "Value": "x"}, "value-not-an-array"),
    ({"vr": "LO", "Value": None}, "value-not-an-array"),
    ({"vr": "LO", "Value": {}}, "value-not-an-array"),
    ({"vr": "LO", "Value": [1]}, "value-type"),
    ({"vr": "LO", "Value": ["a", True]}, "value-type"),
    ({"vr": "LO", "Value": [["a"]]}, "value-type"),
    ({"vr": "UI", "Value": [{"a": 1}]}, "value-type"),
    ({"vr": "US", "Value": ["1"]}, "value-type"),
    ({"vr": "US", "Value": [True]}, "value-type"),
    ({"vr": "FD", "Value": ["NaN"]}, "value-type"),
    ({"vr": "FD", "Value": "1"}, "value-not-an-array"),
    ({"vr": "DS", "Value": [False]}, "value-type"),
    ({"vr": "IS", "Value": [{}]}, "value-type"),
    ({"vr": "UV", "Value": [[]]}, "value-type"),
    ({"vr": "AT", "Value": ["0010000g"]}, "value-type"),
    ({"vr": "AT", "Value": ["0010000a"]}, "value-type"),
    ({"vr": "AT", "Value": ["(0010,0010)"]}, "value-type"),
    ({"vr": "AT", "Value": [1048592]}, "value-type"),
    ({"vr": "SQ", "Value": ["x"]}, "value-type"),
    ({"vr": "SQ", "Value": [None]}, "value-type"),
    ({"vr": "SQ", "Value": [[]]}, "value-type"),
    ({"vr": "SQ", "Value": {}}, "value-not-an-array"),
    ({"vr": "SQ", "InlineBinary": "AAAA"}, "value-form"),
    ({"vr": "LO", "InlineBinary": "AAAA"}, "value-form"),
    ({"vr": "OB", "Value": ["AAAA"]}, "value-form"),
    ({"vr": "UN", "Value": [1]}, "value-form"),
    ({"vr": "OW", "InlineBinary": ["AAAA"]}, "value-type"),
    ({"vr": "OW", "InlineBinary": None}, "value-type"),
    ({"vr": "OB", "InlineBinary": "AAA"}, "not-base64"),
    ({"vr": "OB", "InlineBinary": "AA*A"}, "not-base64"),
    ({"vr": "OB", "InlineBinary": "AAAA\nAAAA"}, "not-base64"),
    ({"vr": "OB", "InlineBinary": "Grüße"}, "not-base64"),
    ({"vr": "OB", "BulkDataURI": "http://127.0.0.1/x"}, "bulk-data-uri"),
    ({"vr": "LT", "BulkDataURI": ""}, "bulk-data-uri"),
    ({"vr": "OB", "InlineBinary": "AAAA", "BulkDataURI": "x"}, "bulk-data-uri"),
    ({"vr": "LT", "Value": ["a"], "InlineBinary": "AAAA"}, "two-value-forms"),
    ({"Value": ["a"]}, "vr-missing"),
    ({"vr": None, "Value": ["a"]}, "vr-missing"),
    ({}, "vr-missing"),
    ({"vr": "XX"}, "vr-unknown"),
    ({"vr": "lo"}, "vr-unknown"),
    ({"vr": "US or SS"}, "vr-unknown"),
    ({"vr": ""}, "vr-unknown"),
    ({"vr": 5}, "vr-unknown"),
    ({"vr": ["LO"]}, "vr-unknown"),
    ({"vr": {"LO": 1}}, "vr-unknown"),
    ("vr", "attribute-not-an-object"),
    (None, "attribute-not-an-object"),
    (["vr"], "attribute-not-an-object"),
    (1, "attribute-not-an-object"),
    (True, "attribute-not-an-object"),
]


@pytest.mark.parametrize(("element", "rule"), ATTRIBUTES)
def test_a_malformed_attribute_is_refused_where_it_is(element: Any, rule: str) -> None:
    assert refused(body_of(t00102160=element)) == [(rule, "EthnicGroup (0010,2160)")]
    nested = {"vr": "SQ", "Value": [{}, {"0020000D": element}]}
    assert refused(body_of(t00400270=nested)) == [
        (rule, "ScheduledStepAttributesSequence[1].StudyInstanceUID (0040,0270)[1](0020,000D)")
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("0010002a", "0010002A (0010,002A)"),
        ("PatientID", "PatientID (0010,0020)"),
        ("(0010,0020)", "PatientID (0010,0020)"),
        ("0010,0020", "PatientID (0010,0020)"),
        ("001000200", ""),
        ("0010020", ""),
        ("", ""),
        (CANARY, ""),
        ("٠٠١٠٠٠٢٠", ""),
        ("00100020\n", ""),
    ],
)
def test_a_name_that_is_no_tag_is_refused_and_shown_only_if_harmless(name: str, path: str) -> None:
    body = orjson.dumps({name: {"vr": "LO"}})
    assert refused(body) == [("name-not-a-tag", path)]


def test_every_fault_is_told_at_once() -> None:
    body = body_of(
        t00080005={"vr": "CS", "Value": "ISO_IR 192"},
        t00100010={"vr": "PN", "Value": ["x"]},
        t00100020={"Value": ["1"]},
        t00400270={"vr": "SQ", "Value": [{"0020000D": {"vr": "UI", "Value": [1]}}, 7]},
    )
    assert [rule for rule, _path in refused(body)] == [
        "value-not-an-array",
        "value-type",
        "vr-missing",
        "value-type",
        "value-type",
    ]


def test_no_more_faults_than_a_person_reads() -> None:
    body = body_of(t00400270={"vr": "SQ", "Value": [5] * 1000})
    assert len(refused(body)) == MAX_FINDINGS


def test_what_was_sent_never_shows_in_a_finding() -> None:
    body = body_of(
        t00100010={"vr": "PN", "Value": [CANARY]},
        t00100020={"vr": CANARY},
        t00100021={"vr": "LO", "Value": CANARY},
        t00100022={"vr": "OB", "InlineBinary": CANARY},
        t00080018={"vr": "UI", "Value": [CANARY]},
    )
    body = body[:-1] + b',"' + CANARY.encode() + b'":{"vr":"LO"}}'
    with pytest.raises(Refused) as caught:
        read_json(body, uid=UID)
    assert len(caught.value.findings) == 6
    told = f"{caught.value} {[finding.as_dict() for finding in caught.value.findings]}"
    assert "Sesam" not in told
    assert all(finding.detail.isascii() for finding in caught.value.findings)


def nested(levels: int) -> bytes:
    """Write a data set with sequences within sequences."""
    return b'{"00400270":{"vr":"SQ","Value":[' * levels + b"{}" + b"]}}" * levels


def test_sequences_nest_up_to_the_limit_and_no_deeper() -> None:
    assert read_json(nested(MAX_DEPTH), uid=UID).findings == ()
    assert refused(nested(MAX_DEPTH + 1)) == [("nesting", "")]
    assert refused(nested(300)) == [("nesting", "")]
    assert refused(nested(10_000)) == [("nesting", "")]


@pytest.mark.parametrize(
    "element",
    [
        {"vr": "LO"},
        {"vr": "LO", "Value": []},
        {"vr": "LO", "Value": [None]},
        {"vr": "LO", "Value": ["a", None, "b"]},
        {"vr": "LO", "Value": [""]},
        {"vr": "SQ", "Value": []},
        {"vr": "SQ", "Value": [{}]},
        {"vr": "DS", "Value": ["1.50", 1.5, 2, None]},
        {"vr": "IS", "Value": [1, "1", 421.5]},
        {"vr": "SV", "Value": [-(2**63), "-9223372036854775808"]},
        {"vr": "UV", "Value": [2**64 - 1, "18446744073709551615"]},
        {"vr": "FD", "Value": [1, 2.5, 1e30]},
        {"vr": "US", "Value": [70000, 1.5, -1]},
        {"vr": "AT", "Value": ["0010000A", None]},
        {"vr": "PN", "Value": [{}, None, {"Phonetic": ""}]},
        {"vr": "OB", "InlineBinary": ""},
        {"vr": "OB", "InlineBinary": "AAECAw=="},
        {"vr": "OB", "Value": []},
        {"vr": "UN", "InlineBinary": "AAEC"},
        {"vr": "UR", "Value": ["http://example.org"]},
    ],
)
def test_what_the_json_model_allows_is_kept_as_it_is(element: dict[str, Any]) -> None:
    read = read_json(body_of(t00102160=element), uid=UID)
    assert read.data_set == {"00102160": element}
    assert read.findings == ()


def test_an_integer_beyond_64_bits_does_no_harm() -> None:
    read = read_json(b'{"00102160":{"vr":"DS","Value":[123456789012345678901234567890]}}', uid=UID)
    assert read.data_set["00102160"]["Value"] == [pytest.approx(123456789012345678901234567890)]


def test_an_array_of_one_and_a_byte_order_mark_are_read() -> None:
    assert read_json(b"\xef\xbb\xbf[{" + STATUS + b"}]", uid=UID).data_set.keys() == {"00400252"}


def test_private_and_unknown_attributes_are_kept() -> None:
    private = {"00091010": {"vr": "LO", "Value": ["a"]}, "00090010": {"vr": "LO", "Value": ["ACME"]}}
    assert list(read_json(orjson.dumps(private), uid=UID).data_set) == ["00090010", "00091010"]


def test_the_result_is_canonical_at_every_level() -> None:
    body = b"""{
        "00400252": {"Value": ["IN PROGRESS"], "vr": "CS"},
        "00400000": {"vr": "UL", "Value": [12]},
        "00400270": {"vr": "SQ", "Value": [{
            "00400009": {"vr": "SH"},
            "00080050": {"vr": "SH", "Value": ["1"]},
            "00080000": 5
        }]},
        "00080018": {"vr": "UI", "Value": ["1.2.3.4"]},
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.3.1.2.3.3"]},
        "00100010": {"Value": [{"Phonetic": "c", "Alphabetic": "a"}], "vr": "PN"}
    }"""
    read = read_json(body, uid=UID)
    assert read.findings == ()
    assert encode_json(read.data_set) == (
        b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":"a","Phonetic":"c"}]},'
        b'"00400252":{"vr":"CS","Value":["IN PROGRESS"]},'
        b'"00400270":{"vr":"SQ","Value":[{"00080050":{"vr":"SH","Value":["1"]},"00400009":{"vr":"SH"}}]}}'
    )


@pytest.mark.parametrize(
    ("instance", "rules"),
    [
        ({"vr": "UI", "Value": ["1.2.3.4"]}, []),
        ({"vr": "UI", "Value": ["1.2.3.4\0"]}, []),
        ({"vr": "UI"}, []),
        ({"vr": "UI", "Value": [None]}, []),
        ({"vr": "UI", "Value": ["1.2.3.5"]}, ["instance-differs"]),
        ({"vr": "UI", "Value": ["1.2.3.4", "1.2.3.4"]}, ["instance-differs"]),
        ({"vr": "UI", "Value": [["1.2.3.4"]]}, ["value-type", "instance-differs"]),
        (5, ["attribute-not-an-object"]),
    ],
)
def test_the_instance_uid_has_to_be_that_of_the_url(instance: Any, rules: list[str]) -> None:
    body = body_of(t00080018=instance, t00080060={"vr": "CS", "Value": ["CT"]})
    if rules:
        assert [rule for rule, _path in refused(body)] == rules
    else:
        assert read_json(body, uid=UID).data_set.keys() == {"00080060"}


def test_another_class_uid_is_left_out_with_a_warning() -> None:
    body = body_of(
        t00080016={"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}, t00080060={"vr": "CS", "Value": ["CT"]}
    )
    read = read_json(body, uid=UID)
    assert read.data_set.keys() == {"00080060"}
    assert [(finding.rule, finding.severity) for finding in read.findings] == [("class-differs", "warn")]


def test_identifiers_inside_items_are_kept() -> None:
    item = {"00080016": {"vr": "UI", "Value": ["1.2"]}, "00080018": {"vr": "UI", "Value": ["9.9"]}}
    body = body_of(t00400270={"vr": "SQ", "Value": [item]})
    assert read_json(body, uid=UID).data_set["00400270"]["Value"] == [item]


def test_members_the_model_does_not_have_are_left_out_with_a_warning() -> None:
    body = body_of(t00100020={"keyword": "PatientID", "vr": "LO", "Value": ["1"], "privateCreator": [[[]]]})
    read = read_json(body, uid=UID)
    assert read.data_set == {"00100020": {"vr": "LO", "Value": ["1"]}}
    assert [(finding.rule, finding.path) for finding in read.findings] == [("unknown-member", "PatientID (0010,0020)")]


@pytest.mark.parametrize("uid", ["", "1.2/3", "1" * 65, "a", "1.2\n", "\u0661"])
def test_a_path_uid_has_digits_and_dots(uid: str) -> None:
    with pytest.raises(Refused) as caught:
        read_json(b"{" + STATUS + b"}", uid=uid)
    assert [finding.rule for finding in caught.value.findings] == ["path-uid"]


@pytest.mark.parametrize("modality", MODALITIES)
def test_real_steps_are_read_without_a_finding(modality: str) -> None:
    for patient in PATIENTS:
        for _kind, data_set in MODALITIES[modality](UID, patient=patient):
            read = read_json(orjson.dumps(data_set), uid=UID)
            assert read.findings == ()
            assert read.data_set == data_set


def test_pydicom_reads_back_what_we_read() -> None:
    for seed in range(20):
        for _kind, data_set in any_step(UID, seed):
            ours = encode_json(read_json(orjson.dumps(data_set), uid=UID).data_set)
            assert Dataset.from_json(orjson.loads(ours)) == Dataset.from_json(data_set)


def shuffled(value: Any, rng: random.Random) -> Any:
    """Put the members of every object into another order."""
    if isinstance(value, dict):
        members = list(value.items())
        rng.shuffle(members)
        return {name: shuffled(member, rng) for name, member in members}
    return [shuffled(item, rng) for item in value] if isinstance(value, list) else value


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_order_of_members_never_matters(seed: int) -> None:
    rng = random.Random(seed)
    for _kind, data_set in any_step(UID, seed):
        read = read_json(orjson.dumps(shuffled(data_set, rng)), uid=UID)
        assert encode_json(read.data_set) == orjson.dumps(data_set)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI", "00080018", "00400270", "00100000", "x"]),
            inner | st.sampled_from(["SQ", "LO", "PN", "OB", "US", "AT"]),
            max_size=4,
        )
    ),
    max_leaves=25,
)


def outcome_of(body: bytes) -> tuple[DataSet | None, tuple[Finding, ...]]:
    try:
        read = read_json(body, uid=UID)
    except Refused as refusal:
        return None, refusal.findings
    return read.data_set, read.findings


@given(json_values)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        body = orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits
        return
    read, findings = outcome_of(body)
    if read is None:
        assert any(finding.severity == "refuse" for finding in findings)
    else:
        again = read_json(encode_json(read), uid=UID)
        assert again.data_set == read
        assert again.findings == ()
    assert all(finding.rule in RULES for finding in findings)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_json(body, uid=UID)


@given(st.integers(0, 1000), st.data())
@settings(max_examples=50, deadline=None)
def test_a_truncated_body_is_refused(seed: int, data: st.DataObject) -> None:
    body = orjson.dumps(any_step(UID, seed)[0][1])
    cut = data.draw(st.integers(0, len(body) - 1))
    assert refused(body[:cut]) == [("not-json", "")]
