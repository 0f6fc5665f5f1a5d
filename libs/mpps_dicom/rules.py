"""The one table of rules: where each stands in the Standard, what it answers, and how grave it is in each profile."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mpps_dicom.findings import MAX_FINDINGS, Finding, Profile, Refused, Severity
from mpps_dicom.paths import Where, written
from mpps_dicom.status import DimseStatus


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A severity of None means that the profile does not look."""

    id: str
    section: str
    title: str
    dimse_status: DimseStatus
    http_status: int
    severities: MappingProxyType[Profile, Severity | None]


def _severities(
    strict: Severity, lenient: Severity, off: Severity | None
) -> MappingProxyType[Profile, Severity | None]:
    return MappingProxyType({Profile.STRICT: strict, Profile.LENIENT: lenient, Profile.OFF: off})


_ALWAYS = _severities(Severity.REFUSE, Severity.REFUSE, Severity.REFUSE)
"""What cannot be read, stored or put in order whoever sends it."""
_JUDGED = _severities(Severity.REFUSE, Severity.WARN, None)
"""What the Standard forbids and real modalities do."""
_NOTED = _severities(Severity.WARN, Severity.WARN, None)
"""What the Standard leaves to the modality, or what only a person can judge: worth a look, never a refusal."""
_TOLD = _severities(Severity.WARN, Severity.WARN, Severity.WARN)
"""What never refuses, and is told because something sent was left out or is gone."""

_MISSING = DimseStatus.MISSING_ATTRIBUTE
_EMPTY = DimseStatus.MISSING_ATTRIBUTE_VALUE
_INVALID = DimseStatus.INVALID_ATTRIBUTE_VALUE
_NO_SUCH = DimseStatus.NO_SUCH_ATTRIBUTE

RULES: Final = {
    rule.id: rule
    for rule in (
        # How the body is built: refused in every profile.
        Rule("not-json", "PS3.18 F.2", "The body is JSON in UTF-8.", _INVALID, 400, _ALWAYS),
        Rule("nesting", "PS3.18 F.2.2", "Sequences nest at most 64 deep.", _INVALID, 400, _ALWAYS),
        Rule("not-one-object", "PS3.18 F.2.1", "The body is one data set.", _INVALID, 400, _ALWAYS),
        Rule("empty-object", "PS3.18 F.2.1", "The data set has attributes.", _INVALID, 400, _ALWAYS),
        Rule("name-not-a-tag", "PS3.18 F.2.2", "Names are eight upper-case hex digits.", _INVALID, 400, _ALWAYS),
        Rule("attribute-not-an-object", "PS3.18 F.2.2", "An attribute is a JSON object.", _INVALID, 400, _ALWAYS),
        Rule("vr-missing", "PS3.18 F.2.2", "Every attribute has a vr.", _INVALID, 400, _ALWAYS),
        Rule("vr-unknown", "PS3.5 6.2", "The vr is one of PS3.5.", _INVALID, 400, _ALWAYS),
        Rule("two-value-forms", "PS3.18 F.2.2", "Values come in one form only.", _INVALID, 400, _ALWAYS),
        Rule("bulk-data-uri", "PS3.18 F.2.2", "Values are in the body itself.", _INVALID, 400, _ALWAYS),
        Rule("value-form", "PS3.18 F.2.2", "Value or InlineBinary, as the VR has it.", _INVALID, 400, _ALWAYS),
        Rule("value-not-an-array", "PS3.18 F.2.4", "Value is an array.", _INVALID, 400, _ALWAYS),
        Rule("value-type", "PS3.18 F.2.3", "The JSON type is that of the VR.", _INVALID, 400, _ALWAYS),
        Rule("not-base64", "PS3.18 F.2.7", "InlineBinary is base64.", _INVALID, 400, _ALWAYS),
        Rule("instance-differs", "PS3.4 5.4.2.3", "The data set is of the instance addressed.", _INVALID, 400, _ALWAYS),
        Rule("path-uid", "PS3.18 15.1.1", "The UID in the URL has digits and dots.", _INVALID, 400, _ALWAYS),
        Rule("includefield", "PS3.18 15.6.1.2", "includefield names attributes, or all.", _INVALID, 400, _ALWAYS),
        # The same for XML, where the form of JSON does not say it already.
        Rule("not-xml", "PS3.19 A.1", "The body is well-formed XML.", _INVALID, 400, _ALWAYS),
        Rule("xml-doctype", "PS3.19 A.1", "There is no document type and no entity.", _INVALID, 400, _ALWAYS),
        Rule("xml-size", "PS3.19 A.1", "The XML has at most 256 MiB, a tag 8.", _INVALID, 400, _ALWAYS),
        Rule("not-native-model", "PS3.19 A.1", "The root is NativeDicomModel.", _INVALID, 400, _ALWAYS),
        Rule("given-twice", "PS3.18 F.3.1", "Nothing that has one place is given twice.", _INVALID, 400, _ALWAYS),
        Rule("value-number", "PS3.19 A.1", "Values are numbered from 1 without gaps.", _INVALID, 400, _ALWAYS),
        Rule("private-block", "PS3.5 7.8.1", "A group has 240 private creators at most.", _INVALID, 400, _ALWAYS),
        # The same for the binary form.
        Rule("not-dicom", "PS3.5 7.1", "The bytes are a DICOM data set.", _INVALID, 400, _ALWAYS),
        Rule("transfer-syntax", "PS3.5 10.1", "The transfer syntax is one for data sets.", _INVALID, 400, _ALWAYS),
        Rule("not-encodable", "PS3.5 6.2", "The binary form of the VR can hold the value.", _INVALID, 400, _ALWAYS),
        # How the body is built: told, with what was left out.
        Rule("unknown-member", "PS3.18 F.2.2", "Attributes have no other members.", _INVALID, 400, _TOLD),
        Rule("keyword-differs", "PS3.19 A.1", "The keyword is that of the tag.", _INVALID, 400, _TOLD),
        Rule("private-creator", "PS3.19 A.1", "Private attributes name their creator.", _INVALID, 400, _TOLD),
        Rule("class-differs", "PS3.4 5.4.2.3", "The data set names no other SOP Class.", _INVALID, 400, _TOLD),
        # The state machine.
        Rule("status-not-in-progress", "PS3.4 F.7.2.1.3", "A step begins IN PROGRESS.", _INVALID, 400, _ALWAYS),
        Rule("status-unknown", "PS3.3 C.4.14", "The status is one of three.", _INVALID, 400, _ALWAYS),
        Rule("status-empty", "PS3.4 F.7.2.1.1", "A status that is sent has a value.", _EMPTY, 400, _ALWAYS),
        Rule(
            "duplicate-instance",
            "PS3.7 10.1.5.1.6",
            "A step is created once.",
            DimseStatus.DUPLICATE_SOP_INSTANCE,
            409,
            _ALWAYS,
        ),
        Rule(
            "no-such-instance",
            "PS3.7 10.1.3.1.9",
            "A step is created before it is updated.",
            DimseStatus.NO_SUCH_SOP_INSTANCE,
            404,
            _ALWAYS,
        ),
        Rule(
            "step-final",
            "PS3.4 F.7.2.2.3",
            "A final step is not updated.",
            DimseStatus.PROCESSING_FAILURE,
            409,
            _ALWAYS,
        ),
        # Table F.7.2-1.
        Rule("missing-type-1", "PS3.4 F.7.2.1.1", "Attributes of type 1 are present.", _MISSING, 400, _JUDGED),
        Rule("missing-type-2", "PS3.4 F.7.2.1.1", "Attributes of type 2 are present.", _MISSING, 400, _JUDGED),
        Rule(
            "missing-conditional",
            "PS3.4 F.7.2.1.1",
            "Attributes of type 1C and 2C are present when their condition holds.",
            _MISSING,
            400,
            _JUDGED,
        ),
        # N-SET knows no 0120H (PS3.7 10.1.3.1.9); 0121H is what it has for a gap.
        Rule("missing-in-update", "PS3.4 F.7.2.2.1", "Items of an update are complete.", _EMPTY, 400, _JUDGED),
        Rule("empty-type-1", "PS3.4 F.7.2.1.1", "Attributes of type 1 have a value.", _EMPTY, 400, _JUDGED),
        Rule("not-created", "PS3.4 F.7.2.2.2", "Attributes are created before set.", _NO_SUCH, 409, _JUDGED),
        Rule("not-allowed", "PS3.4 F.7.2.1.1", "Some attributes are fixed at creation.", _NO_SUCH, 409, _JUDGED),
        Rule("final-state-gap", "PS3.4 F.7.2.2.2", "A final step is complete.", _EMPTY, 409, _JUDGED),
        Rule("sequence-shrunk", "PS3.18 B.38", "Updates repeat every item.", _INVALID, 400, _TOLD),
        Rule("final-references", "PS3.4 F.7.2.2.2", "A completed step lists what was made.", _INVALID, 409, _NOTED),
        # Codes: the macros of Table F.7.2-1.
        Rule("code-values", "PS3.4 F.7.2.1.1", "A code has one of three values.", _INVALID, 400, _JUDGED),
        Rule("code-form", "PS3.4 F.7.2.1.1", "A code is where its length and form belong.", _INVALID, 400, _JUDGED),
        Rule("code-scheme-version", "PS3.4 F.7.2.1.1", "A scheme version has a scheme.", _INVALID, 400, _JUDGED),
        Rule("code-extension", "PS3.3 8.8", "A local extension says whose it is.", _INVALID, 400, _NOTED),
        Rule("discontinuation-reason", "PS3.3 C.4.14", "The reason is one of CID 9300.", _INVALID, 400, _NOTED),
        # Attributes that have to do with each other.
        Rule("single-item", "PS3.3 C.4.13", "Some sequences have one item.", _INVALID, 400, _JUDGED),
        Rule("scheduled-steps", "PS3.4 F.7.2.1.2", "Each scheduled step has one item.", _INVALID, 400, _NOTED),
        Rule("series-twice", "PS3.3 7.3.1.9", "A series is in one item.", _INVALID, 409, _NOTED),
        Rule("end-before-start", "PS3.3 C.4.14", "A step does not end before it starts.", _INVALID, 400, _NOTED),
        Rule("reason-not-discontinued", "PS3.3 C.4.14", "A completed step has no such reason.", _INVALID, 409, _NOTED),
        # Specific Character Set. DICOM JSON is UTF-8 without it (PS3.18 F.2.2), so its absence alone never refuses.
        Rule("character-set-missing", "PS3.4 F.7.2.1.1", "The set of the text is told.", _MISSING, 400, _NOTED),
        Rule("character-set-term", "PS3.3 C.12.1.1.2", "Terms are defined and fit each other.", _INVALID, 400, _JUDGED),
        Rule(
            "character-set-text", "PS3.3 C.12.1.1.2", "The text is in the sets that are told.", _INVALID, 400, _JUDGED
        ),
        Rule("character-set-differs", "PS3.4 F.7.2.2.1", "Updates keep the Create's set.", _INVALID, 400, _NOTED),
        # PS3.5 and PS3.6.
        Rule("group-reserved", "PS3.5 7.1", "Groups are those of data sets.", _INVALID, 400, _JUDGED),
        Rule("private-creator", "PS3.5 7.8.1", "Private blocks have their creator.", _INVALID, 400, _JUDGED),
        Rule("enumerated-value", "PS3.5 6.3", "Values are those enumerated.", _INVALID, 400, _JUDGED),
        Rule("vr-mismatch", "PS3.6 6", "The vr is that of the dictionary.", _INVALID, 400, _JUDGED),
        Rule("vm", "PS3.6 6", "The number of values is that of the dictionary.", _INVALID, 400, _JUDGED),
        Rule("value-length", "PS3.5 6.2", "Values are not too long.", _INVALID, 400, _JUDGED),
        Rule("value-repertoire", "PS3.5 6.2", "Values have the form of their VR.", _INVALID, 400, _JUDGED),
        Rule("value-range", "PS3.5 6.2", "Integers fit their VR.", _INVALID, 400, _JUDGED),
        Rule("uid-syntax", "PS3.5 9.1", "UIDs are well formed.", _INVALID, 400, _JUDGED),
        Rule(
            "instance-uid-syntax",
            "PS3.5 9.1",
            "The instance UID is well formed.",
            DimseStatus.INVALID_SOP_INSTANCE,
            400,
            _JUDGED,
        ),
    )
}
"""Every rule by its id; no finding is made without one."""


def finding_of(
    rule_id: str, detail: str, *, severity: Severity, where: Where = None, tag: str | None = None
) -> Finding:
    """Make one finding of a rule, at an attribute or item."""
    rule = RULES[rule_id]
    return Finding(
        path=written(where, tag),
        rule=rule.id,
        section=rule.section,
        severity=severity,
        detail=detail,
        dimse_status=rule.dimse_status.value,
        http_status=rule.http_status,
    )


def refusal(rule_id: str, detail: str, *, where: Where = None, tag: str | None = None) -> Refused:
    """Make the error for a rule that refuses in every profile."""
    return Refused((finding_of(rule_id, detail, severity=Severity.REFUSE, where=where, tag=tag),))


class Report:
    """Collects the findings of one data set under one profile, at most ``MAX_FINDINGS`` of each severity."""

    __slots__ = ("_profile", "_refusals", "_warnings")

    def __init__(self, profile: Profile = Profile.LENIENT) -> None:
        self._profile = profile
        self._refusals: list[Finding] = []
        self._warnings: list[Finding] = []

    def add(
        self, rule_id: str, detail: str, *, where: Where = None, tag: str | None = None, verified: bool = True
    ) -> None:
        """Note a finding. One that rests on text nobody has read (``verified`` false) never refuses.

        Raises Refused once there are as many refusals as are told.
        """
        severity = RULES[rule_id].severities[self._profile]
        if severity is None:
            return
        if severity is Severity.REFUSE and not verified:
            severity = Severity.WARN
        found = self._refusals if severity is Severity.REFUSE else self._warnings
        if len(found) < MAX_FINDINGS:
            found.append(finding_of(rule_id, detail, severity=severity, where=where, tag=tag))
        if len(self._refusals) == MAX_FINDINGS:
            self.close()

    def close(self) -> tuple[Finding, ...]:
        """Give the warnings, or raise Refused with everything found."""
        if self._refusals:
            raise Refused((*self._refusals, *self._warnings))
        return tuple(self._warnings)
