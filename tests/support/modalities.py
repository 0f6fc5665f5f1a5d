"""Modalities that report performed procedure steps as real ones do: CT, MR, US and XA.

Data sets are built with pydicom, so their JSON is not our own. Building is slow, so each kind of step is built once,
kept as bytes and varied: new UIDs below one root per step, new identifiers, dates, station and patient.

    for kind, body in ct("2.25.1", seed=7):
        ...
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedSRStorage,
    MRImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiationDoseSRStorage,
)

DataSet = dict[str, dict[str, Any]]
Step = list[tuple[str, DataSet]]
"""What a modality sends for one step, in order: ("create" or "update", DICOM JSON object)."""

COMPLETED: Final = "COMPLETED"
DISCONTINUED: Final = "DISCONTINUED"

_ROOT: Final = "1.2.276.0.7230010.3.9.9"
"""Root of every UID in the kept bodies, replaced for each step."""
_STUDY_CLASS: Final = "1.2.840.10008.3.1.2.3.1"
_PATIENT_CLASS: Final = "1.2.840.10008.3.1.2.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Who is examined. ``charset`` is the Specific Character Set a modality would use for that name."""

    patient_id: str
    name: dict[str, str]
    birth_date: str = "19570312"
    sex: str = "O"
    charset: tuple[str | None, ...] = ()


PATIENTS: Final = (
    Patient(patient_id="4711", name={"Alphabetic": "Doe^Jane^^Dr."}, sex="F"),
    Patient(patient_id="4712", name={"Alphabetic": "Müller^Jörg"}, sex="M", charset=("ISO_IR 100",)),
    Patient(
        # PS3.5 H.3.1
        patient_id="4713",
        name={"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"},
        sex="M",
        charset=(None, "ISO 2022 IR 87"),
    ),
    Patient(
        # PS3.5 I.2
        patient_id="4714",
        name={"Alphabetic": "Hong^Gildong", "Ideographic": "洪^吉洞", "Phonetic": "홍^길동"},
        sex="M",
        charset=("ISO_IR 192",),
    ),
    Patient(
        # PS3.5 J.3
        patient_id="4715",
        name={"Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東"},
        sex="F",
        charset=("ISO_IR 192",),
    ),
    Patient(patient_id="", name={"Alphabetic": "Толстой^Лев"}, birth_date="", sex="", charset=("ISO_IR 144",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is particular to one kind of device."""

    modality: str
    station: str
    procedure: tuple[str, str]
    protocols: tuple[tuple[str, str], ...]
    image_class: str
    images: tuple[int, ...]
    """Number of images of each series."""
    report_class: str | None
    scheduled_steps: int = 1
    interim_updates: int = 1
    charset_in_updates: bool = True


_PLANS: Final = {
    "CT": _Plan(
        modality="CT",
        station="CT",
        procedure=("CTABD", "CT abdomen with contrast"),
        protocols=(("CTABD-TOPO", "Topogram"), ("CTABD-ART", "Arterial phase")),
        image_class=CTImageStorage,
        images=(1, 6),
        report_class=XRayRadiationDoseSRStorage,
    ),
    "MR": _Plan(
        modality="MR",
        station="MR",
        procedure=("MRBRAIN", "MR brain"),
        protocols=(("MRB-LOC", "Localizer"), ("MRB-T1", "T1 axial"), ("MRB-T2", "T2 FLAIR")),
        image_class=MRImageStorage,
        images=(3, 4, 4),
        report_class=None,
        interim_updates=2,
        charset_in_updates=False,
    ),
    "US": _Plan(
        modality="US",
        station="US",
        procedure=("USABD", "Ultrasound abdomen"),
        protocols=(("USABD", "Abdomen general"),),
        image_class=UltrasoundImageStorage,
        images=(5,),
        report_class=ComprehensiveSRStorage,
        interim_updates=0,
    ),
    "XA": _Plan(
        modality="XA",
        station="XA",
        procedure=("CORANGIO", "Coronary angiography"),
        protocols=(("LCA", "Left coronary"), ("RCA", "Right coronary"), ("LV", "Left ventricle")),
        image_class=XRayAngiographicImageStorage,
        images=(4, 3, 1),
        report_class=XRayRadiationDoseSRStorage,
        scheduled_steps=2,
        interim_updates=3,
    ),
}


def ct(uid: str, *, patient: Patient | None = None, seed: int = 0, outcome: str = COMPLETED) -> Step:
    """Make a CT step: topogram and one series, dose in the step and as a dose report."""
    return _step("CT", uid, patient, seed, outcome)


def mr(uid: str, *, patient: Patient | None = None, seed: int = 0, outcome: str = COMPLETED) -> Step:
    """Make an MR step: three series, and updates that leave Specific Character Set out."""
    return _step("MR", uid, patient, seed, outcome)


def us(uid: str, *, patient: Patient | None = None, seed: int = 0, outcome: str = COMPLETED) -> Step:
    """Make an ultrasound step: one series, a structured report, no interim update."""
    return _step("US", uid, patient, seed, outcome)


def xa(uid: str, *, patient: Patient | None = None, seed: int = 0, outcome: str = COMPLETED) -> Step:
    """Make an angiography step: two scheduled steps in one (group case), an update after every run."""
    return _step("XA", uid, patient, seed, outcome)


MODALITIES: Final[dict[str, Callable[..., Step]]] = {"CT": ct, "MR": mr, "US": us, "XA": xa}


def any_step(uid: str, seed: int) -> Step:
    """Pick the modality, patient and outcome by the seed as well; one step in eight is discontinued."""
    rng = random.Random(f"any/{seed}")
    make = rng.choice(list(MODALITIES.values()))
    return make(uid, seed=seed, outcome=DISCONTINUED if rng.randrange(8) == 0 else COMPLETED)


def unscheduled(step: Step) -> Step:
    """Turn a step into one without worklist: one item with a Study Instance UID and nothing else (F.7.2.1.2 note 3)."""
    (kind, create), *rest = _copied(step)
    (item, *_others) = create["00400270"]["Value"]
    for tag in ("00080050", "00401001", "00321060", "00400009", "00400007", "00400008", "00081110"):
        item[tag] = {"vr": item[tag]["vr"]}
    item.pop("00080051", None)
    item.pop("00321064", None)
    create["00400270"] = {"vr": "SQ", "Value": [item]}
    return [(kind, create), *rest]


def padded(step: Step, size: int) -> Step:
    """Lengthen the updates to ``size`` bytes or a little more, by references to images in their last series."""
    longer = _copied(step)
    for _kind, data_set in longer:
        series = data_set.get("00400340", {}).get("Value")
        missing = size - len(orjson.dumps(data_set))
        if not series or missing <= 0:
            continue
        pattern = next(
            item for one in reversed(series) for tag in ("00081140", "00400220") for item in one[tag].get("Value", ())
        )
        root = pattern["00081155"]["Value"][0].rpartition(".")[0]
        more = [
            {"00081150": pattern["00081150"], "00081155": {"vr": "UI", "Value": [f"{root}.{number}"]}}
            for number in range(100_000, 100_000 + missing // 100)
        ]
        each = len(orjson.dumps(pattern | {"00081155": {"vr": "UI", "Value": [f"{root}.100000"]}})) + 1
        images = series[-1]["00081140"]
        images["Value"] = images.get("Value", []) + more[: missing // each + 1]
    return longer


def _copied(step: Step) -> Step:
    return [(kind, orjson.loads(orjson.dumps(data_set))) for kind, data_set in step]


# What varies from step to step.


def _step(modality: str, uid: str, patient: Patient | None, seed: int, outcome: str) -> Step:
    rng = random.Random(f"{uid}/{seed}")
    root = f"2.25.{rng.getrandbits(100)}".encode()
    varied = _Variation.drawn(modality, patient or rng.choice(PATIENTS), rng)
    return [
        (kind, varied.applied(orjson.loads(body.replace(_ROOT.encode(), root))))
        for kind, body in _bodies(modality, outcome)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variation:
    patient: Patient
    number: int
    station: str
    date: str
    start: int
    minutes: int

    @classmethod
    def drawn(cls, modality: str, patient: Patient, rng: random.Random) -> "_Variation":
        return cls(
            patient=patient,
            number=rng.randrange(10**8),
            station=f"{modality}{rng.randrange(1, 5)}",
            date=f"2026{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}",
            start=rng.randrange(7 * 60, 19 * 60),
            minutes=rng.randrange(4, 90),
        )

    def applied(self, data_set: DataSet) -> DataSet:
        """Put the values into the attributes that the body has."""
        patient = self.patient
        given = {
            "00080005": list(patient.charset),
            "00100010": [dict(patient.name)],
            "00100020": [patient.patient_id],
            "00100030": [patient.birth_date],
            "00100040": [patient.sex],
            "00400241": [f"{self.station}_AE"],
            "00400242": [self.station],
            "00400244": [self.date],
            "00400245": [self._time(0)],
            "00400253": [f"PPS{self.number}"],
            "00200010": [f"ST{self.number}"],
        }
        if "Value" in data_set.get("00400250", {}):
            given |= {"00400250": [self.date], "00400251": [self._time(self.minutes)]}
        for tag, values in given.items():
            if tag in data_set:
                empty = values in ([], [""])
                data_set[tag] = {"vr": data_set[tag]["vr"]} if empty else {"vr": data_set[tag]["vr"], "Value": values}
        if not patient.charset:
            data_set.pop("00080005", None)
        for index, item in enumerate(data_set.get("00400270", {}).get("Value", ())):
            item["00080050"]["Value"] = [f"A{self.number + index}"]
            item["00401001"]["Value"] = [f"RP{self.number + index}"]
            item["00400009"]["Value"] = [f"SPS{self.number + index}"]
        return data_set

    def _time(self, minutes: int) -> str:
        hour, minute = divmod(self.start + minutes, 60)
        return f"{hour:02}{minute:02}{self.number % 60:02}"


# What is built once, with pydicom.


@functools.cache
def _bodies(modality: str, outcome: str) -> tuple[tuple[str, bytes], ...]:
    plan = _PLANS[modality]
    operations = [("create", _create(plan))]
    operations += [("update", _interim(plan, runs)) for runs in range(1, plan.interim_updates + 1)]
    operations.append(("update", _final(plan, outcome)))
    return tuple((kind, orjson.dumps(_sorted(data_set.to_json_dict()))) for kind, data_set in operations)


def _sorted(data_set: dict[str, Any]) -> dict[str, Any]:
    """Put the attributes in the order PS3.18 F.2.2 asks for; pydicom keeps that in which they were set."""
    for element in data_set.values():
        if element["vr"] == "SQ":
            element["Value"] = [_sorted(item) for item in element.get("Value", ())]
    return dict(sorted(data_set.items()))


def _code(value: str, meaning: str, scheme: str = "99HOSP") -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def _reference(sop_class: str, *suffix: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = ".".join([_ROOT, *map(str, suffix)])
    return item


def _create(plan: _Plan) -> Dataset:
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.Modality = plan.modality
    data_set.ProcedureCodeSequence = [_code(*plan.procedure)]
    data_set.ReferencedPatientSequence = [_reference(_PATIENT_CLASS, 1)]
    data_set.PatientName = "Name"
    data_set.PatientID = "1"
    data_set.PatientBirthDate = "19000101"
    data_set.PatientSex = "O"
    data_set.StudyID = "1"
    data_set.PerformedStationAETitle = "STATION"
    data_set.PerformedStationName = "STATION"
    data_set.PerformedLocation = f"ROOM {plan.station}"
    data_set.PerformedProcedureStepStartDate = "20260101"
    data_set.PerformedProcedureStepStartTime = "080000"
    data_set.PerformedProcedureStepEndDate = ""
    data_set.PerformedProcedureStepEndTime = ""
    data_set.PerformedProcedureStepStatus = "IN PROGRESS"
    data_set.PerformedProcedureStepID = "1"
    data_set.PerformedProcedureStepDescription = plan.procedure[1]
    data_set.PerformedProcedureTypeDescription = ""
    data_set.PerformedProtocolCodeSequence = [_code(*protocol) for protocol in plan.protocols]
    data_set.ScheduledStepAttributesSequence = [_scheduled(plan, index) for index in range(plan.scheduled_steps)]
    data_set.CommentsOnThePerformedProcedureStep = ""
    data_set.PerformedProcedureStepDiscontinuationReasonCodeSequence = []
    data_set.PerformedSeriesSequence = []
    if plan.modality in {"CT", "XA"}:
        # Everything an update may set has to be created, empty if need be (F.7.2.2.2).
        data_set.AnatomicStructureSpaceOrRegionSequence = []
        data_set.TotalTimeOfFluoroscopy = None
        data_set.TotalNumberOfExposures = None
        data_set.DistanceSourceToDetector = None
        data_set.EntranceDose = None
        data_set.ExposedArea = None
        data_set.ExposureDoseSequence = []
        data_set.CommentsOnRadiationDose = ""
        data_set.ImageAndFluoroscopyAreaDoseProduct = None
        data_set.BillingProcedureStepSequence = []
    return data_set


def _scheduled(plan: _Plan, index: int) -> Dataset:
    item = Dataset()
    # One study for the whole group (F.7.2.1.2 note 2).
    item.StudyInstanceUID = f"{_ROOT}.2"
    item.ReferencedStudySequence = [_reference(_STUDY_CLASS, 2)]
    item.AccessionNumber = "1"
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = "RIS-NORTH"
    item.IssuerOfAccessionNumberSequence = [issuer]
    item.RequestedProcedureID = "1"
    item.RequestedProcedureCodeSequence = [_code(*plan.procedure)]
    item.RequestedProcedureDescription = plan.procedure[1]
    item.ScheduledProcedureStepID = "1"
    item.ScheduledProcedureStepDescription = f"{plan.procedure[1]}, part {index + 1}"
    item.ScheduledProtocolCodeSequence = [_code(*protocol) for protocol in plan.protocols]
    return item


def _series(plan: _Plan, number: int, *, with_report: bool) -> Dataset:
    item = Dataset()
    code, meaning = plan.protocols[number % len(plan.protocols)]
    item.PerformingPhysicianName = "Weber^Anna^^Dr. med."
    item.ProtocolName = code
    item.OperatorsName = "Novak^Petr"
    item.SeriesInstanceUID = f"{_ROOT}.3.{number + 1}"
    item.SeriesDescription = meaning
    item.RetrieveAETitle = "ARCHIVE"
    image_class = UltrasoundMultiFrameImageStorage if plan.modality == "US" and number else plan.image_class
    images = range(1, plan.images[number] + 1)
    item.ReferencedImageSequence = [_reference(image_class, 4, number + 1, image) for image in images]
    reports = [_reference(plan.report_class, 5, number + 1)] if with_report and plan.report_class else []
    item.ReferencedNonImageCompositeSOPInstanceSequence = reports
    return item


def _report_series(plan: _Plan, sop_class: str) -> Dataset:
    """Give the series that a dose report has of its own."""
    item = _series(plan, 0, with_report=False)
    item.SeriesInstanceUID = f"{_ROOT}.3.99"
    item.SeriesDescription = "Dose report"
    item.ReferencedImageSequence = []
    item.ReferencedNonImageCompositeSOPInstanceSequence = [
        _reference(sop_class, 5, 99),
        _reference(EnhancedSRStorage, 5, 100),
    ]
    return item


def _interim(plan: _Plan, runs: int) -> Dataset:
    data_set = Dataset()
    if plan.charset_in_updates:
        data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.PerformedProcedureStepStatus = "IN PROGRESS"
    done = min(runs, len(plan.images))
    data_set.PerformedSeriesSequence = [_series(plan, number, with_report=False) for number in range(done)]
    if plan.modality == "XA":
        _dose(data_set, done)
    return data_set


def _final(plan: _Plan, outcome: str) -> Dataset:
    data_set = Dataset()
    if plan.charset_in_updates:
        data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.PerformedProcedureStepStatus = outcome
    data_set.PerformedProcedureStepEndDate = "20260101"
    data_set.PerformedProcedureStepEndTime = "083000"
    data_set.PerformedProcedureStepDescription = plan.procedure[1]
    data_set.PerformedProtocolCodeSequence = [_code(*protocol) for protocol in plan.protocols]
    whole = outcome == COMPLETED
    done = len(plan.images) if whole else max(1, plan.interim_updates)
    series = [
        _series(plan, number, with_report=whole and plan.modality == "US")
        for number in range(min(done, len(plan.images)))
    ]
    if plan.report_class == XRayRadiationDoseSRStorage:
        series.append(_report_series(plan, plan.report_class))
        _dose(data_set, done)
    data_set.PerformedSeriesSequence = series
    if not whole:
        data_set.PerformedProcedureStepDiscontinuationReasonCodeSequence = [
            _code("110513", "Discontinued for unspecified reason", "DCM")
        ]
        data_set.CommentsOnThePerformedProcedureStep = "Patient moved.\r\nTo be repeated."
    return data_set


def _dose(data_set: Dataset, runs: int) -> None:
    data_set.TotalTimeOfFluoroscopy = 61 * runs
    data_set.TotalNumberOfExposures = runs
    data_set.DistanceSourceToDetector = "1050"
    data_set.EntranceDose = 12 * runs
    data_set.ExposedArea = [200, 200]
    data_set.ImageAndFluoroscopyAreaDoseProduct = f"{runs}48.25"
    data_set.CommentsOnRadiationDose = "EVENT=1 MODE=CINE\r\nEVENT=2 MODE=FLUORO"
    doses = []
    for run in range(runs):
        dose = Dataset()
        dose.RadiationMode = "PULSED"
        dose.KVP = "80"
        dose.XRayTubeCurrentInuA = "421.5"
        dose.ExposureTime = 12 + run
        doses.append(dose)
    data_set.ExposureDoseSequence = doses
