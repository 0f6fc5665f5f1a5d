"""The Native DICOM Model in XML: PS3.19 A.1, PS3.18 F.3.1."""

import random
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from pydicom.dataset import Dataset

from mpps_dicom import MAX_DEPTH, MAX_FINDINGS, DataSet, Finding, Refused, encode_json, read_json, xml_reader
from mpps_dicom.xml_reader import NAMESPACE, read_xml
from mpps_dicom.xml_writer import encode_xml
from tests.support.data_sets import data_sets, plain
from tests.support.modalities import any_step

UID = "1.2.3.4"
CANARY = "Sesam^Oeffne"
HEAD = '<NativeDicomModel xml:space="preserve">'


def document(content: str) -> bytes:
    return f"{HEAD}{content}</NativeDicomModel>".encode()


def attribute(content: str, *, tag: str = "00102160", vr: str | None = "SH", more: str = "") -> str:
    named = "" if vr is None else f' vr="{vr}"'
    return f'<DicomAttribute tag="{tag}"{named} {more}>{content}</DicomAttribute>'


def values(*texts: str) -> str:
    return "".join(f'<Value number="{number}">{text}</Value>' for number, text in enumerate(texts, start=1))


def read(content: str) -> DataSet:
    found = read_xml(document(content), uid=UID)
    assert found.findings == ()
    return found.data_set


def refused(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read_xml(body, uid=UID)
    return [(finding.rule, finding.path) for finding in caught.value.findings]


def told(body: bytes) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in read_xml(body, uid=UID).findings]


@given(data_set=data_sets())
def test_json_to_xml_and_back_loses_nothing(data_set: DataSet) -> None:
    again = read_json(encode_json(data_set), uid=UID).data_set
    back = read_xml(encode_xml(again), uid=UID).data_set
    assert plain(back) == plain(data_set)
    assert list(back) == sorted(back)
    assert encode_xml(read_xml(encode_xml(back), uid=UID).data_set) == encode_xml(back)


@pytest.mark.parametrize("seed", range(24))
def test_steps_of_real_modalities_come_back(seed: int) -> None:
    for _kind, body in any_step(UID, seed):
        data_set = read_json(orjson.dumps(body), uid=UID).data_set
        found = read_xml(encode_xml(data_set), uid=UID)
        assert found.findings == ()
        assert plain(found.data_set) == plain(data_set)


def test_the_document_is_as_the_standard_has_it() -> None:
    data_set: DataSet = {
        "00090010": {"vr": "LO", "Value": ["ACME"]},
        "00091001": {"vr": "UN", "InlineBinary": "AAE="},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^Dr.", "Ideographic": "山^田"}]},
        "00181153": {"vr": "IS", "Value": ["5", None, 7]},
        "00400340": {"vr": "SQ", "Value": [{}, {"00081030": {"vr": "LO"}}]},
    }
    assert encode_xml(data_set).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
        '<DicomAttribute tag="00090010" vr="LO"><Value number="1">ACME</Value></DicomAttribute>'
        '<DicomAttribute tag="00090001" privateCreator="ACME" vr="UN"><InlineBinary>AAE=</InlineBinary>'
        "</DicomAttribute>"
        '<DicomAttribute tag="00100010" keyword="PatientName" vr="PN"><PersonName number="1"><Alphabetic>'
        "<FamilyName>Doe</FamilyName><GivenName>Jane</GivenName><NamePrefix>Dr.</NamePrefix></Alphabetic>"
        "<Ideographic><FamilyName>山</FamilyName><GivenName>田</GivenName></Ideographic></PersonName></DicomAttribute>"
        '<DicomAttribute tag="00181153" keyword="ExposureInuAs" vr="IS"><Value number="1">5</Value>'
        '<Value number="2"/><Value number="3">7</Value></DicomAttribute>'
        '<DicomAttribute tag="00400340" keyword="PerformedSeriesSequence" vr="SQ"><Item number="1"></Item>'
        '<Item number="2"><DicomAttribute tag="00081030" keyword="StudyDescription" vr="LO"/></Item></DicomAttribute>'
        "</NativeDicomModel>"
    )


@pytest.mark.parametrize(
    "head",
    [
        "<NativeDicomModel>{}</NativeDicomModel>",
        f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">{{}}</NativeDicomModel>',
        '<?xml version="1.0"?>\n<!-- x --><?y z?><NativeDicomModel>\n  {}\n</NativeDicomModel>\n',
        '\ufeff<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel>{}</NativeDicomModel>',
    ],
)
def test_the_namespace_may_be_there_or_not(head: str) -> None:
    found = read_xml(head.format(attribute(values("x"))).encode(), uid=UID)
    assert (found.data_set, found.findings) == ({"00102160": {"vr": "SH", "Value": ["x"]}}, ())


def test_the_namespace_may_have_a_prefix() -> None:
    body = f'<d:NativeDicomModel xmlns:d="{NAMESPACE}"><d:DicomAttribute tag="00102160" vr="SH"/></d:NativeDicomModel>'
    assert read_xml(body.encode(), uid=UID).data_set == {"00102160": {"vr": "SH"}}


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "ISO-8859-15", "windows-1252"])
def test_text_is_in_the_encoding_of_the_document(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?>{HEAD}{attribute(values("Müller"))}</NativeDicomModel>'
    assert read_xml(body.encode(encoding), uid=UID).data_set["00102160"]["Value"] == ["Müller"]


@pytest.mark.parametrize(
    ("vr", "texts", "found"),
    [
        ("US", ["5", " 7 "], [5, 7]),
        ("FD", ["1", "1.0", "-1e-7", "1E3"], [1, 1.0, -1e-7, 1000.0]),
        ("SV", ["-9223372036854775808"], [-(1 << 63)]),
        ("UV", ["18446744073709551615"], [(1 << 64) - 1]),
        ("DS", ["1.50", " 7"], ["1.50", " 7"]),
        ("IS", ["007", ""], ["007", None]),
        ("AT", ["00100010"], ["00100010"]),
        ("LT", [" a&#13;\n b "], [" a\r\n b "]),
        ("LO", ["a &lt;&amp;&gt; &#x5C71;", "<![CDATA[<x>]]>"], ["a <&> 山", "<x>"]),
    ],
)
def test_values_become_what_json_has(vr: str, texts: list[str], found: list[Any]) -> None:
    member = read(attribute(values(*texts), vr=vr))["00102160"]
    assert member == {"vr": vr, "Value": found}
    assert [type(value) for value in member["Value"]] == [type(value) for value in found]


def test_values_are_put_into_the_order_of_their_numbers() -> None:
    content = '<Value number="2">b</Value><Value number="1">a</Value><Value number="3"/>'
    assert read(attribute(content))["00102160"]["Value"] == ["a", "b", None]
    items = '<Item number="2"/><Item number="1"><DicomAttribute tag="00081030" vr="LO"/></Item>'
    assert read(attribute(items, tag="00400270", vr="SQ"))["00400270"]["Value"] == [{"00081030": {"vr": "LO"}}, {}]


@pytest.mark.parametrize(
    "numbers", [["1", "3"], ["1", "1"], ["0", "1"], ["2"], [""], ["x"], ["-1"], ["1.0"], ["٢", "1"], [" 1"], ["01"]]
)
def test_values_with_other_numbers_than_1_to_n_are_refused(numbers: list[str]) -> None:
    content = "".join(f'<Value number="{number}">x</Value>' for number in numbers)
    assert refused(document(attribute(content))) == [("value-number", "EthnicGroup (0010,2160)")]
    assert refused(document(attribute("<Value>x</Value>"))) == [("value-number", "EthnicGroup (0010,2160)")]


def name(*groups: str) -> str:
    return attribute(f'<PersonName number="1">{"".join(groups)}</PersonName>', tag="00100010", vr="PN")


def test_names_are_carets_inside() -> None:
    group = "<NameSuffix/><GivenName>B</GivenName><FamilyName>A</FamilyName><NamePrefix> </NamePrefix>"
    content = name(f"<Phonetic>{group}</Phonetic>", "<Alphabetic><FamilyName>X</FamilyName></Alphabetic><Ideographic/>")
    assert read(content)["00100010"]["Value"] == [{"Alphabetic": "X", "Phonetic": "A^B^^ "}]
    assert read(name())["00100010"]["Value"] == [None]
    assert read(name("<Alphabetic><GivenName>B</GivenName></Alphabetic>"))["00100010"]["Value"] == [
        {"Alphabetic": "^B"}
    ]


def test_private_attributes_go_into_the_block_of_their_creator() -> None:
    first = attribute(values("a"), tag="00090001", vr="LO", more='privateCreator="ACME"')
    second = attribute(values("b"), tag="00090001", vr="LO", more='privateCreator="OTHER"')
    creator = attribute(values("OTHER "), tag="00090020", vr="LO")
    assert read(first + creator + second) == {
        "00090010": {"vr": "LO", "Value": ["ACME"]},
        "00090020": {"vr": "LO", "Value": ["OTHER "]},
        "00091001": {"vr": "LO", "Value": ["a"]},
        "00092001": {"vr": "LO", "Value": ["b"]},
    }
    kept = attribute(values("a"), tag="00092001", vr="LO", more='privateCreator="OTHER"')
    assert set(read(creator + kept)) == {"00090020", "00092001"}


def test_a_block_is_chosen_level_by_level() -> None:
    private = attribute("", tag="00090000", vr="UN", more='privateCreator="ACME"')
    found = read(attribute(f'<Item number="1">{private}</Item>', tag="00400270", vr="SQ") + private)
    assert set(found["00400270"]["Value"][0]) == {"00090010", "00091000"} == set(found) - {"00400270"}


def test_private_creators_that_are_missing_or_misplaced_are_told() -> None:
    orphan = attribute("", tag="00090001", vr="UN")
    assert told(document(orphan)) == [("private-creator", "00090001 (0009,0001)")]
    assert told(document(attribute("", more='privateCreator="ACME"'))) == [
        ("private-creator", "EthnicGroup (0010,2160)")
    ]


def test_there_are_240_blocks_in_a_group() -> None:
    content = "".join(
        attribute("", tag="00090001", vr="UN", more=f'privateCreator="ACME {number}"') for number in range(241)
    )
    assert refused(document(content)) == [("private-block", "00090001 (0009,0001)")]


ATTRIBUTES = [
    (attribute("", vr=None), "vr-missing"),
    (attribute("", vr="XX"), "vr-unknown"),
    (attribute(values("x"), vr="US"), "value-type"),
    (attribute(values("1e999"), vr="FD"), "value-type"),
    (attribute(values("NaN"), vr="FD"), "value-type"),
    (attribute(values("1_0"), vr="US"), "value-type"),
    (attribute(values("0010001g"), vr="AT"), "value-type"),
    (attribute(values("x"), vr="SQ"), "value-type"),
    (attribute(values("Doe^Jane"), vr="PN"), "value-type"),
    (attribute('<Item number="1"/>', vr="LO"), "value-type"),
    (attribute(values("x"), vr="OB"), "value-form"),
    (attribute("<InlineBinary>AAAA</InlineBinary>", vr="LO"), "value-form"),
    (attribute("<InlineBinary>AA*A</InlineBinary>", vr="OB"), "not-base64"),
    (attribute('<BulkData uri="http://127.0.0.1/x"/>', vr="OB"), "bulk-data-uri"),
    (attribute('<BulkData uuid="1"/>', vr="OB"), "bulk-data-uri"),
    (attribute("<InlineBinary>AAAA</InlineBinary><Value number='1'/>", vr="OB"), "two-value-forms"),
    (attribute("<InlineBinary>AAAA</InlineBinary><InlineBinary/>", vr="OB"), "given-twice"),
    (attribute("") + attribute(""), "given-twice"),
    (
        attribute('<PersonName number="1"><Alphabetic/><Alphabetic/></PersonName>', vr="PN"),
        "given-twice",
    ),
    (
        attribute('<PersonName number="1"><Phonetic><NameSuffix/><NameSuffix/></Phonetic></PersonName>', vr="PN"),
        "given-twice",
    ),
]


@pytest.mark.parametrize(("content", "rule"), ATTRIBUTES)
def test_a_malformed_attribute_is_refused_where_it_is(content: str, rule: str) -> None:
    assert refused(document(content)) == [(rule, "EthnicGroup (0010,2160)")]
    nested = attribute(f'<Item number="1"/><Item number="2">{content}</Item>', tag="00400270", vr="SQ")
    path = "ScheduledStepAttributesSequence[1].EthnicGroup (0040,0270)[1](0010,2160)"
    assert refused(document(nested)) == [(rule, path)]


WHOLE = [
    (b"", "not-xml"),
    (b"{}", "not-xml"),
    (b"<NativeDicomModel>", "not-xml"),
    (b"<NativeDicomModel></x>", "not-xml"),
    (b"<NativeDicomModel/><x/>", "not-xml"),
    (b"<NativeDicomModel>&x;</NativeDicomModel>", "not-xml"),
    (b"<NativeDicomModel>\xff</NativeDicomModel>", "not-xml"),
    (b'<?xml version="1.0" encoding="utf-7"?><NativeDicomModel/>', "not-xml"),
    (b'<?xml version="1.0" encoding="zlib"?><NativeDicomModel/>', "not-xml"),
    (b'<?xml version="1.0" encoding="idna"?><NativeDicomModel/>', "not-xml"),
    (b"<data-set/>", "not-native-model"),
    (b'<NativeDicomModel xmlns="urn:x"/>', "not-native-model"),
    (b"<NativeDicomModel/>", "empty-object"),
    (document(attribute("", tag="00080018")), "empty-object"),
    (document(attribute("", tag="00080000", vr="UL")), "empty-object"),
    (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><NativeDicomModel/>', "xml-doctype"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel>&a;</NativeDicomModel>', "xml-doctype"),
    (b'<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/">%a;]><NativeDicomModel/>', "xml-doctype"),
]


@pytest.mark.parametrize(("body", "rule"), WHOLE)
def test_a_body_that_is_no_data_set_is_refused(body: bytes, rule: str) -> None:
    assert refused(body) == [(rule, "")]


def test_a_document_has_a_size_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    body = document(attribute(""))
    monkeypatch.setattr(xml_reader, "MAX_SIZE", len(body))
    assert told(body) == []
    assert refused(body + b" ") == [("xml-size", "")]


@pytest.mark.parametrize("begin", ["<!--", "<?x ", '<DicomAttribute keyword="', '<Value number="'])
def test_a_tag_or_comment_without_end_is_given_up_early(begin: str) -> None:
    assert refused(f"{HEAD}{begin}".encode() + b"x" * (40 << 20)) == [("xml-size", "")]


@pytest.mark.parametrize(("begin", "end"), [("", ""), ("<![CDATA[", "]]>")])
def test_text_may_be_as_long_as_the_document(begin: str, end: str) -> None:
    text = "xü\n" * (6 << 20)
    assert read(attribute(values(f"{begin}{text}{end}"), vr="UT"))["00102160"]["Value"] == [text]


def test_tags_are_those_of_json() -> None:
    assert refused(document(attribute("", tag="0010002a"))) == [("name-not-a-tag", "0010002A (0010,002A)")]
    assert refused(document('<DicomAttribute keyword="PatientID" vr="LO"/>')) == [("name-not-a-tag", "")]


def test_identifiers_are_held_against_the_request() -> None:
    assert refused(document(attribute(values("1.9"), tag="00080018", vr="UI"))) == [
        ("instance-differs", "SOPInstanceUID (0008,0018)")
    ]
    same = attribute(values(UID), tag="00080018", vr="UI")
    assert read(same + attribute("")) == {"00102160": {"vr": "SH"}}
    with pytest.raises(Refused) as caught:
        read_xml(document(attribute("")), uid="..")
    assert caught.value.findings[0].rule == "path-uid"


def test_what_the_model_does_not_have_is_left_out_with_a_warning() -> None:
    path = "EthnicGroup (0010,2160)"
    assert told(document(attribute("", more='keyword="PatientID"'))) == [("keyword-differs", path)]
    assert told(document(attribute("<Value number='1'>a<b>c</b></Value>"))) == [("unknown-member", path)]
    assert told(document(attribute("stray"))) == [("unknown-member", path)]
    assert told(document(attribute("") + "stray<x><DicomAttribute/></x>")) == [("unknown-member", "")] * 2
    body = document(attribute("<Value number='1'>a<b>c</b></Value>"))
    assert read_xml(body, uid=UID).data_set == {"00102160": {"vr": "SH", "Value": ["a"]}}


def nested(levels: int) -> str:
    begin = '<DicomAttribute tag="00400270" vr="SQ"><Item number="1">'
    return begin * levels + attribute("") + "</Item></DicomAttribute>" * levels


def test_nesting_has_the_same_end_as_in_json() -> None:
    read(nested(MAX_DEPTH))
    assert refused(document(nested(MAX_DEPTH + 1))) == [("nesting", "")]
    assert refused(document(nested(10_000))) == [("nesting", "")]
    deep = "<x>" * 100_000 + "</x>" * 100_000
    assert told(document(attribute("") + deep)) == [("unknown-member", "")]


def test_what_was_sent_never_shows_in_a_finding() -> None:
    body = document(
        attribute(values(CANARY), vr="US")
        + attribute("", tag=CANARY)
        + attribute("", tag="00100020", vr=CANARY)
        + attribute(f"<{CANARY.replace('^', '')}/>{CANARY}", tag="00100021", more=f'keyword="{CANARY}"')
        + attribute(f'<Value number="{CANARY}">x</Value>', tag="00100022")
    )
    with pytest.raises(Refused) as caught:
        read_xml(body, uid=UID)
    shown = f"{caught.value} {[finding.as_dict() for finding in caught.value.findings]}"
    assert "Sesam" not in shown
    assert all(finding.detail.isascii() for finding in caught.value.findings)


def test_characters_that_xml_does_not_have_are_replaced() -> None:
    back = read_xml(encode_xml({"00102160": {"vr": "SH", "Value": ["a\x1b\x0c\x00\uffffb"]}}), uid=UID).data_set
    assert back["00102160"]["Value"] == ["a\ufffd\ufffd\ufffd\ufffdb"]


@pytest.mark.parametrize(
    "body",
    [
        document(attribute(values("x" * 20_000_000), vr="UT")),
        document(attribute("&#13;" * 1_000_000)),
        document(attribute("", more=f'keyword="{"x" * 6_000_000}"')),
        document("<!--" + "-x" * 4_000_000 + "-->"),
        document(attribute('<Value number="1"/>' * 300_000)),
        document(attribute("x<y/>" * 500_000)),
        document("".join(attribute("", more=f'a{number}="1"') for number in range(50_000))),
        document("".join(f'<x xmlns:a{number}="b">' for number in range(30_000))),
        document("<DicomAttribute " + " ".join(f'a{number}="1"' for number in range(200_000)) + "/>"),
    ],
    ids=["text", "references", "attribute", "comment", "numbers", "stray", "duplicates", "namespaces", "attributes"],
)
def test_time_is_in_proportion_to_the_size(body: bytes) -> None:
    began = time.process_time()
    findings: tuple[Finding, ...] = ()
    try:
        findings = read_xml(body, uid=UID).findings
    except Refused as refusal:
        findings = refusal.findings
    assert len(findings) <= 2 * MAX_FINDINGS
    assert time.process_time() - began < 10


SNIPPETS = (
    *(b'<Value number="1"> </Value> <Item number="1"> </Item> <InlineBinary> ]]> <!-- --> &lt; &#0; &x; <'.split()),
    *(b'vr="SQ" vr="PN" tag="00080018" number="2" privateCreator="A" <![CDATA[ <!DOCTYPE 00091001 \xff \x00'.split()),
)


def mutated(body: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 5)):
        start = rng.randrange(len(body) + 1)
        end = min(len(body), start + rng.choice((0, 0, 1, 8, 60)))
        other = rng.randrange(len(body) + 1)
        new = rng.choice((b"", rng.randbytes(2), rng.choice(SNIPPETS), body[other : other + 80]))
        body = body[:start] + new + body[end:]
    return body


@pytest.mark.parametrize("seed", range(20))
def test_damage_is_refused_or_read(seed: int) -> None:
    rng = random.Random(seed)
    steps = [encode_xml(read_json(orjson.dumps(body), uid=UID).data_set) for _kind, body in any_step(UID, seed)]
    survived = 0
    for _ in range(250):
        try:
            data_set = read_xml(mutated(rng.choice(steps), rng), uid=UID).data_set
        except Refused:
            continue
        survived += 1
        assert read_json(encode_json(data_set), uid=UID).data_set == data_set
        assert plain(read_xml(encode_xml(data_set), uid=UID).data_set) == plain(data_set)
    assert survived


def test_pydicom_has_the_same_members() -> None:
    for seed in range(10):
        for _kind, body in any_step(UID, seed):
            data_set = read_xml(encode_xml(read_json(orjson.dumps(body), uid=UID).data_set), uid=UID).data_set
            dataset = Dataset.from_json(encode_json(data_set).decode())
            assert plain(dataset.to_json_dict()) == plain(Dataset.from_json(orjson.dumps(body).decode()).to_json_dict())
