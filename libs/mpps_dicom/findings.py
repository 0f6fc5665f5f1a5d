"""What a check says: findings, how grave they are, and the error that carries those that refuse."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

MAX_FINDINGS: Final = 50
"""No more than this many refusals and this many warnings are told about one data set."""


class Profile(StrEnum):
    """How much of the Standard a source is held to."""

    STRICT = "strict"
    LENIENT = "lenient"
    OFF = "off"


class Severity(StrEnum):
    """What a finding does to the operation."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One deviation from the Standard, in words that hold no attribute value."""

    path: str
    """``ScheduledStepAttributesSequence[0].StudyInstanceUID (0040,0270)[0](0020,000D)``; empty for the whole body."""
    rule: str
    """Key of ``RULES``."""
    section: str
    """Where the rule stands, e.g. ``PS3.18 F.2.2``."""
    severity: Severity
    detail: str
    """One ASCII sentence: the rule, and what kind of thing was found."""
    dimse_status: int
    http_status: int

    def as_dict(self) -> dict[str, Any]:
        """Give the members as plain JSON values; the DIMSE status stays a number."""
        return {
            "path": self.path,
            "rule": self.rule,
            "section": self.section,
            "severity": self.severity.value,
            "detail": self.detail,
            "dimse_status": self.dimse_status,
            "http_status": self.http_status,
        }

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Self:
        """Undo ``as_dict``."""
        return cls(**{**members, "severity": Severity(members["severity"])})


class Refused(Exception):
    """A data set or parameter is refused; ``findings`` says why, refusals before warnings."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        # The findings are the only argument, so that the error survives the way back from another process.
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        return "; ".join(f"{finding.rule} at {finding.path or 'the whole body'}" for finding in self.findings[:3])

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that refuse, without the warnings beside them."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.REFUSE)

    @property
    def http_status(self) -> int:
        """The one status for all findings: 400 if any of them asks for it, as the request itself is then wrong."""
        return min(finding.http_status for finding in self.refusals or self.findings)

    @property
    def dimse_status(self) -> int:
        """The DIMSE status of the first finding that has the HTTP status of the whole."""
        leading = self.http_status
        return next(f.dimse_status for f in self.refusals or self.findings if f.http_status == leading)
