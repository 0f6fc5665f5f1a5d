"""What we write dcmtk reads, and what dcmtk writes we read: PS3.5, PS3.10, PS3.18 Annex F, PS3.19 A.1."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings

from mpps_dicom import DataSet, encode_json, read_json
from mpps_dicom.part10 import encode_part10, read_part10
from mpps_dicom.xml_reader import read_xml
from tests.integration.dcmtk.conftest import Run
from tests.support.data_sets import data_sets, plain
from tests.support.modalities import MODALITIES, PATIENTS, Patient

UID = "1.2.3.4"

NOT_CONVERTIBLE = {"ISO 2022 IR 87"}
"""Sets that dcmtk hands on but turns into no other text: dcm2xml breaks its own document, dcm2json gives up."""


def steps(*, convertible: bool) -> list[Any]:
    return [
        pytest.param(
            modality, patient, id=f"{modality}-{patient.name['Alphabetic'].encode('ascii', 'replace').decode()}"
        )
        for modality in MODALITIES
        for patient in PATIENTS
        if not (convertible and NOT_CONVERTIBLE & set(patient.charset))
    ]


def bodies(modality: str, patient: Patient) -> list[DataSet]:
    step = MODALITIES[modality](UID, patient=patient, seed=5)
    return [read_json(orjson.dumps(body), uid=UID).data_set for _kind, body in step]


def same(found: DataSet, expected: DataSet) -> None:
    assert plain(found, binary=True) == plain(expected, binary=True)


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize(("modality", "patient"), steps(convertible=True))
def test_dcm2xml_has_what_we_wrote(
    dcmtk: Run, tmp_path: Path, modality: str, patient: Patient, *, implicit: bool
) -> None:
    for number, data_set in enumerate(bodies(modality, patient)):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(encode_part10(data_set, uid=UID, implicit=implicit))
        dcmtk("dcmdump", "--quiet", path)
        for options in ((), ("--use-xml-namespace",)):
            xml = dcmtk("dcm2xml", "--native-format", "--encode-base64", "--convert-to-utf8", *options, path)
            found = read_xml(xml, uid=UID)
            assert found.findings == ()
            same(found.data_set, data_set)


@pytest.mark.parametrize(("modality", "patient"), steps(convertible=True))
def test_dcm2json_has_what_we_wrote(dcmtk: Run, tmp_path: Path, modality: str, patient: Patient) -> None:
    for number, data_set in enumerate(bodies(modality, patient)):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(encode_part10(data_set, uid=UID))
        found = read_json(dcmtk("dcm2json", path), uid=UID)
        assert found.findings == ()
        same(found.data_set, data_set)


@pytest.mark.parametrize(("modality", "patient"), steps(convertible=True))
def test_xml2dcm_writes_what_we_read(dcmtk: Run, tmp_path: Path, modality: str, patient: Patient) -> None:
    for number, data_set in enumerate(bodies(modality, patient)):
        source, xml, target = (tmp_path / f"{number}.{kind}" for kind in ("dcm", "xml", "again"))
        source.write_bytes(encode_part10(data_set, uid=UID))
        dcmtk("dcm2xml", source, xml)
        dcmtk("xml2dcm", xml, target)
        found = read_part10(target.read_bytes())
        assert found.findings == ()
        same(found.data_set, data_set)


@pytest.mark.parametrize("syntax", ["little", "big", "implicit", "deflated"])
@pytest.mark.parametrize(("modality", "patient"), steps(convertible=False))
def test_dcmconv_writes_what_we_read_in_every_transfer_syntax(
    dcmtk: Run, tmp_path: Path, modality: str, patient: Patient, syntax: str
) -> None:
    for number, data_set in enumerate(bodies(modality, patient)):
        source, target = tmp_path / f"{number}.dcm", tmp_path / f"{number}.again"
        source.write_bytes(encode_part10(data_set, uid=UID))
        dcmtk("dcmconv", f"--write-xfer-{syntax}", "--group-length-create", source, target)
        found = read_part10(target.read_bytes())
        assert (found.findings, found.undecodable) == ((), ())
        same(found.data_set, data_set)
        assert found.data_set.get("00080005") == data_set.get("00080005")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data_set=data_sets())
def test_dcmtk_reads_whatever_we_write(dcmtk: Run, tmp_path: Path, data_set: DataSet) -> None:
    canonical = read_json(encode_json(data_set), uid=UID).data_set
    path, again = tmp_path / "a.dcm", tmp_path / "b.dcm"
    path.write_bytes(encode_part10(canonical, uid=UID))
    dcmtk("dcmdump", "--quiet", path)
    dcmtk("dcmconv", "--quiet", "--length-undefined", path, again)
    same(read_part10(again.read_bytes()).data_set, canonical)


DUMP = """
(0008,0000) UL 20
(0008,0005) CS [{charset}]
(0008,0016) UI [1.2.840.10008.3.1.2.3.3]
(0008,0018) UI [1.2.3.4]
(0009,0010) LO [ACME]
(0009,1001) LO [x]
(0009,1002) OB 01\\02\\03
(0009,1003) UN 41\\42
(0010,0010) PN [{name}]
(0018,1153) IS [5\\\\7]
(0018,9073) FD 1.5
(0028,0010) US 5
(0040,0340) SQ
(fffe,e000) na
(0008,0000) UL 20
(0009,0010) LO [ACME]
(0009,1001) AT (0010,0020)
(fffe,e00d) na
(fffe,e000) na
(fffe,e00d) na
(fffe,e0dd) na
"""

DUMPED: DataSet = {
    "00090010": {"vr": "LO", "Value": ["ACME"]},
    "00091001": {"vr": "LO", "Value": ["x"]},
    "00091002": {"vr": "OB", "InlineBinary": "AQIDAA=="},
    "00091003": {"vr": "UN", "InlineBinary": "QUI="},
    "00181153": {"vr": "IS", "Value": ["5", None, "7"]},
    "00189073": {"vr": "FD", "Value": [1.5]},
    "00280010": {"vr": "US", "Value": [5]},
    "00400340": {
        "vr": "SQ",
        "Value": [{"00090010": {"vr": "LO", "Value": ["ACME"]}, "00091001": {"vr": "AT", "Value": ["00100020"]}}, {}],
    },
}


@pytest.mark.parametrize(
    ("charset", "name", "codec"),
    [
        ("ISO_IR 100", "Müller^Jörg^^^", "latin_1"),
        ("ISO_IR 144", "Толстой^Лев", "iso8859_5"),
        ("\\ISO 2022 IR 149", "Hong^Gildong", "ascii"),
        ("GB18030", "Wang=王^小东", "gb18030"),
        ("ISO_IR 192", "Wang=王^小東=や", "utf_8"),
    ],
)
def test_dump2dcm_writes_what_we_read(dcmtk: Run, tmp_path: Path, charset: str, name: str, codec: str) -> None:
    dump, path = tmp_path / "a.dump", tmp_path / "a.dcm"
    dump.write_bytes(DUMP.format(charset=charset, name=name).encode(codec))
    dcmtk("dump2dcm", "--quiet", "--write-xfer-little", "--group-length-create", dump, path)
    found = read_part10(path.read_bytes())
    assert (found.findings, found.undecodable, found.instance_uid) == ((), (), UID)
    groups = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), name.split("="), strict=False))
    expected = {
        **DUMPED,
        "00080005": {"vr": "CS", "Value": [term or None for term in charset.split("\\")]},
        "00100010": {"vr": "PN", "Value": [groups]},
    }
    assert found.data_set == expected
    path.write_bytes(encode_part10(found.data_set, uid=UID))
    dcmtk("dcmdump", "--quiet", path)
    assert read_part10(path.read_bytes()).data_set == expected
