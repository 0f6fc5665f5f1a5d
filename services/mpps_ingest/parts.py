"""What the door is made of."""

from dataclasses import dataclass, field
from typing import Final

from mpps_core.accepting.acceptor import Acceptor
from mpps_core.accepting.retriever import Retriever
from mpps_core.source import SourceRule

BASE_PATH: Final = "/dicomweb"
"""Path of the DICOMweb services; with scheme and host, their base URI."""

MAX_BODY: Final = 64 * 1024 * 1024
"""Most bytes of a body, unless configured otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPolicy:
    """What the operator decides about the door."""

    require_accept: bool = False  #: whether a request without ``Accept`` gets 406 (PS3.18 8.7.5)
    max_body: int = MAX_BODY  #: bytes
    body_patience: float = 60.0  #: seconds without any byte of a body until it counts as abandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """The core behind the door, and the policy."""

    acceptor: Acceptor
    retriever: Retriever
    sources: tuple[SourceRule, ...] = ()
    policy: IngestPolicy = field(default_factory=IngestPolicy)
    base_path: str = BASE_PATH
