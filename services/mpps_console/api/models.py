"""What the API answers, as models: for its document and for tests. Answers themselves are written from plain values."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Item = TypeVar("Item")

Utc = Annotated[AwareDatetime, Field(description="RFC 3339, in UTC.", examples=["2026-11-21T08:15:30.250000Z"])]
Status = Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]
LaneStanding = Literal["behind", "level", "parked", "closed"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _shown(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": example})


_TIME = "2026-11-21T08:15:30.250000Z"
_UID = "2.25.329800735698586629295641978511506172918"
_STEP = {
    "uid": _UID,
    "status": "COMPLETED",
    "version": 2,
    "modalities": ["CT"],
    "station_aes": ["CT1_AE"],
    "station_names": ["CT1"],
    "patient_ids": ["4711"],
    "patient_names": ["Doe^Jane"],
    "accession_numbers": ["A100"],
    "study_uids": ["2.25.5"],
    "sps_ids": ["SPS1"],
    "procedure_codes": ["CTABD^99HOSP"],
    "issuers": ["RIS-NORTH"],
    "scheduled": True,
    "start": "2026-11-21T09:02:11",
    "end": "2026-11-21T09:15:28",
    "timezone_offset": "+0100",
    "sources": ["ct-1"],
    "received_at": "2026-11-21T08:02:12.004711Z",
    "updated_at": _TIME,
}
_OPERATION = {
    "number": 2,
    "kind": "update",
    "received_at": _TIME,
    "source": "ct-1",
    "client": "10.1.2.3",
    "request_id": "4f1d2c3b5a697887",
    "via": [],
    "status": "COMPLETED",
    "bytes": 3120,
    "findings": [],
}
_LANE = {
    "subscription": "ris",
    "uid": _UID,
    "state": "behind",
    "cursor": 1,
    "version": 2,
    "high": 1,
    "attempts": 3,
    "next_try": _TIME,
    "reason": None,
    "born_at": "2026-11-21T08:02:12.010000Z",
}
_ATTEMPT = {
    "id": "0193f2b0c4d1",
    "at": _TIME,
    "duration_s": 0.031,
    "subscription": "ris",
    "uid": _UID,
    "operation": 2,
    "outcome": "retry",
    "fault": "receiver",
    "http_status": 503,
    "dimse_status": None,
    "failure": None,
    "note": None,
    "media_type": "text/html",
    "length": 162,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
_BREAKER = {"state": "closed", "reason": None, "until": None}
_STANDS = {"state": "applied", "breaker": _BREAKER, "behind": 0, "parked": 0, "oldest_undelivered": None}
_SUBSCRIPTION = {
    "id": "ris",
    "name": "Radiology information system",
    "kind": "dicomweb",
    "target": {
        "url": "https://ris.example/dicomweb",
        "dialect": "query",
        "media_type": "application/dicom+json",
        "auth": {"kind": "bearer", "token": "***"},
    },
    "start": "now",
    "updates": "every",
    "limits": {"in_flight": 4, "per_second": None, "timeout_s": 30.0},
    "enabled": True,
    "declared": False,
    "created_at": _TIME,
    "starts_at": "2026-11-21T08:15:28.250000Z",
    "revision": 7,
    **_STANDS,
}
_OVERVIEW = {
    "manager": {"id": "m1", "version": "0.1.0", "started_at": _TIME, "uptime_s": 86.4},
    "time": "2026-11-21T08:16:56.650000Z",
    "doors": [{"name": "http", "address": "http://127.0.0.1:8246"}],
    "counts": {"steps": 1204, "open": 3, "unrouted": 0, "behind": 2, "parked": 0},
    "subscriptions": [
        {
            "id": "ris",
            "name": "Radiology information system",
            "kind": "dicomweb",
            "enabled": True,
            "declared": False,
            **_STANDS,
        }
    ],
    "warnings": [],
}
_REMOVED = {"id": "ris", "revision": 8, "state": "applied"}
_TESTED = {
    "subscription": "ris",
    "reached": True,
    "ok": True,
    "detail": "It answered; it does not know a step that cannot exist, as it should be.",
    "http_status": 404,
    "dimse_status": None,
    "failure": None,
    "duration_s": 0.012,
}


class Page(_Answer, Generic[Item]):
    """A page of a list, newest first."""

    items: list[Item] = Field(description="May be fewer than `limit`, also before the last page.")
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class Fault(_Answer):
    """One thing that is wrong with a request."""

    path: str = Field(description="Member or parameter, as in `limits.in_flight` or `query.limit`.")
    detail: str
    rule: str | None = None


class Problem(BaseModel):
    """An error answer (RFC 9457)."""

    type: str = Field(description="A stable URN that says which problem it is.")
    title: str
    status: int
    detail: str
    errors: list[Fault] = Field(default=[], description="With 422: everything that is wrong, at once.")
    request_id: str = Field(default="", description="Found again in the log.")


class Finding(_Answer):
    """A deviation from the Standard in what was accepted; never with an attribute's value."""

    path: str
    rule: str
    section: str
    severity: Literal["refuse", "warn"]
    detail: str
    dimse_status: str = Field(examples=["0107H"])
    error_id: str | None = None


class Operation(_Answer):
    """One accepted Create or Update."""

    model_config = _shown(_OPERATION)

    number: int = Field(description="1, 2, 3 … within the step; 1 is the Create.")
    kind: Literal["create", "update"]
    received_at: Utc
    source: str = Field(description="Id of the source, or `unknown`.")
    client: str | None = Field(description="Address of the peer.")
    request_id: str
    via: list[str] = Field(description="Managers that it came through, oldest first.")
    status: Status | None = Field(description="The status that it set, if it set one.")
    bytes: int = Field(description="Size of its data set as JSON.")
    findings: list[Finding]


class Step(_Answer):
    """The header of a step; lists are cumulative over its operations."""

    model_config = _shown(_STEP)

    uid: str
    status: Status
    version: int = Field(description="Number of the newest operation.")
    modalities: list[str]
    station_aes: list[str]
    station_names: list[str]
    patient_ids: list[str]
    patient_names: list[str]
    accession_numbers: list[str]
    study_uids: list[str]
    sps_ids: list[str]
    procedure_codes: list[str]
    issuers: list[str] = Field(description="Of accession numbers.")
    scheduled: bool | None
    start: str | None = Field(
        description="Local time of the device, without zone; ISO 8601, or as it was sent where that is no time.",
        examples=["2026-11-21T08:15:30"],
    )
    end: str | None
    timezone_offset: str | None = Field(description="Timezone Offset From UTC, if the device sent one.")
    sources: list[str]
    received_at: Utc
    updated_at: Utc


class Lane(_Answer):
    """A step on its way to a subscription."""

    model_config = _shown(_LANE)

    subscription: str
    uid: str
    state: LaneStanding
    cursor: int = Field(description="The last operation that the subscriber has.")
    version: int = Field(description="The newest operation that it is to get.")
    high: int = Field(description="The furthest cursor ever; above `cursor` while the lane is healed or replayed.")
    attempts: int = Field(description="Failed attempts of the operation after the cursor.")
    next_try: Utc | None = Field(description="Null when there is nothing to send. May be in the past.")
    reason: str | None = Field(description="Why it waits, is parked or closed; a code.")
    born_at: Utc


class StepDetail(Step):
    """A step, its operations and its lanes."""

    model_config = _shown({**_STEP, "operations": [_OPERATION], "lanes": [_LANE]})

    operations: list[Operation]
    lanes: list[Lane]


class Attempt(_Answer):
    """One try to deliver one operation."""

    model_config = _shown(_ATTEMPT)

    id: str
    at: Utc
    duration_s: float
    subscription: str | None = Field(description="Null when it was removed since.")
    uid: str
    operation: int
    outcome: str
    fault: Literal["ours", "network", "receiver"] | None = Field(description="Whose failure it is.")
    http_status: int | None
    dimse_status: str | None = Field(examples=["0112H"])
    failure: str | None = Field(description="What went wrong below HTTP or DIMSE.")
    note: str | None
    media_type: str | None = Field(description="Of the answer; its text is not kept.")
    length: int | None
    sha256: str | None


class Breaker(_Answer):
    """Whether attempts are made."""

    state: Literal["closed", "open", "probing"]
    reason: str | None
    until: Utc | None = Field(description="While it is open: when it is tried again.")


class Auth(BaseModel):
    """Credentials as they read back."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["none", "basic", "bearer"]
    username: str | None = None
    password: Literal["***"] | None = None
    token: Literal["***"] | None = None


class ShownTarget(_Answer):
    """How a subscriber is reached, without the secrets."""

    url: str
    dialect: Literal["query", "path", "patch"]
    media_type: str
    auth: Auth


class Since(_Answer):
    """A start at a time."""

    since: Utc


class Limits(_Answer):
    """What the subscriber can bear."""

    in_flight: int
    per_second: float | None
    timeout_s: float


class Subscription(_Answer):
    """A subscription, and how it stands."""

    model_config = _shown(_SUBSCRIPTION)

    id: str
    name: str
    kind: Literal["dicomweb"]
    target: ShownTarget
    start: Literal["now", "open"] | Since
    updates: Literal["every"]
    limits: Limits
    enabled: bool
    declared: bool = Field(description="Kept in a configuration file; read-only here.")
    created_at: Utc
    starts_at: Utc = Field(description="Operations accepted at or after this time begin a lane.")
    revision: int
    state: Literal["applying", "applied"] = Field(description="Applied: every worker works with this form of it.")
    breaker: Breaker
    behind: int = Field(description="Lanes with something to send.")
    parked: int = Field(description="Lanes that the subscriber refused.")
    oldest_undelivered: Utc | None = Field(description="Since when the lane that is longest behind is.")


class Removed(_Answer):
    """A subscription that was removed. No attempt is made from the moment on at which that is applied."""

    model_config = _shown(_REMOVED)

    id: str
    revision: int
    state: Literal["applying", "applied"]


class ProbeResult(_Answer):
    """What came of reaching a subscriber, without changing anything there."""

    model_config = _shown(_TESTED)

    subscription: str
    reached: bool = Field(description="Something answered.")
    ok: bool = Field(description="It answered as a subscriber does that takes deliveries.")
    detail: str
    http_status: int | None
    dimse_status: str | None
    failure: str | None
    duration_s: float


class Manager(_Answer):
    """The manager itself."""

    id: str
    version: str
    started_at: Utc
    uptime_s: float


class Door(_Answer):
    """An address at which the manager can be reached."""

    name: str
    address: str


class Counts(_Answer):
    """How much there is."""

    steps: int
    open: int = Field(description="IN PROGRESS.")
    unrouted: int = Field(description="Accepted and not yet in the ledger.")
    behind: int
    parked: int


class SubscriptionBrief(_Answer):
    """How a subscription stands."""

    id: str
    name: str
    kind: str
    enabled: bool
    declared: bool
    state: Literal["applying", "applied"]
    breaker: Breaker
    behind: int
    parked: int
    oldest_undelivered: Utc | None


class Notice(_Answer):
    """Something that whoever looks after the manager should know."""

    code: str
    detail: str


class Overview(_Answer):
    """How the manager stands."""

    model_config = _shown(_OVERVIEW)

    manager: Manager
    time: Utc
    doors: list[Door]
    counts: Counts
    subscriptions: list[SubscriptionBrief]
    warnings: list[Notice]


DataSet = Annotated[
    list[dict[str, Any]],
    Field(
        description="A data set in the DICOM JSON Model (PS3.18 Annex F): an array of one object.",
        min_length=1,
        max_length=1,
        examples=[[{"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}}]],
    ),
]
