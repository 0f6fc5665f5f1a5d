"""How values of the core look in the API. Plain functions to plain values, fast enough for steps of many operations."""

from collections.abc import Mapping
from typing import Any, Final

from mpps_console.parts import ConsoleParts
from mpps_console.standing import BreakerStanding, Standing, SubscriptionStanding
from mpps_console.times import device_time, utc, utc_or_none
from mpps_core.attempt import Attempt
from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.lane import Lane
from mpps_core.step import Operation, Step
from mpps_core.subscription import Start, Subscription
from mpps_web.problems import finding_members

MASK: Final = "***"

_SECRET_NAMES: Final = frozenset({"password", "token"})
_TARGET_DEFAULTS: Final[Mapping[str, Any]] = {
    "dialect": "query",
    "media_type": "application/dicom+json",
    "auth": {"kind": "none"},
}


def step_members(step: Step) -> dict[str, Any]:
    """Return the header of a step."""
    summary = step.summary
    return {
        "uid": step.uid,
        "status": step.status,
        "version": step.version,
        "modalities": summary.modalities,
        "station_aes": summary.station_aes,
        "station_names": summary.station_names,
        "patient_ids": summary.patient_ids,
        "patient_names": summary.patient_names,
        "accession_numbers": summary.accession_numbers,
        "study_uids": summary.study_uids,
        "sps_ids": summary.sps_ids,
        "procedure_codes": summary.procedure_codes,
        "issuers": summary.issuers,
        "scheduled": summary.scheduled,
        "start": device_time(summary.start),
        "end": device_time(summary.end),
        "timezone_offset": summary.timezone_offset,
        "sources": step.sources,
        "received_at": utc(step.received_at),
        "updated_at": utc(step.updated_at),
    }


def operation_members(operation: Operation) -> dict[str, Any]:
    """Return what is known of an operation beside its data set."""
    return {
        "number": operation.number,
        "kind": operation.kind,
        "received_at": utc(operation.received_at),
        "source": operation.source,
        "client": operation.client,
        "request_id": operation.request_id,
        "via": operation.via,
        "status": operation.status,
        "bytes": operation.payload.size,
        "findings": [finding_members(finding) for finding in operation.findings],
    }


def lane_members(lane: Lane, subscription_id: str) -> dict[str, Any]:
    """Return a lane."""
    return {
        "subscription": subscription_id,
        "uid": lane.uid,
        "state": lane.standing,
        "cursor": lane.cursor,
        "version": lane.version,
        "high": lane.high,
        "attempts": lane.attempts,
        "next_try": utc_or_none(lane.due),
        "reason": lane.reason,
        "born_at": utc(lane.born),
    }


def attempt_members(attempt: Attempt, subscription_id: str | None) -> dict[str, Any]:
    """Return an attempt."""
    return {
        "id": attempt.id,
        "at": utc(attempt.at),
        "duration_s": attempt.duration,
        "subscription": subscription_id,
        "uid": attempt.uid,
        "operation": attempt.number,
        "outcome": attempt.outcome,
        "fault": attempt.fault,
        "http_status": attempt.http_status,
        "dimse_status": _hexadecimal(attempt.dimse_status),
        "failure": attempt.failure,
        "note": attempt.note,
        "media_type": attempt.media_type,
        "length": attempt.length,
        "sha256": attempt.sha256,
    }


def subscription_members(stands: SubscriptionStanding) -> dict[str, Any]:
    """Return a subscription, its secrets masked, and how it stands."""
    item = stands.subscription
    return {
        "id": item.id,
        "name": item.name,
        "kind": item.kind,
        "target": masked_target(item),
        "start": {"since": utc(item.starts_at)} if item.start is Start.SINCE else item.start,
        "updates": item.updates,
        "limits": {
            "in_flight": item.limits.in_flight,
            "per_second": item.limits.per_second,
            "timeout_s": item.limits.timeout_s,
        },
        "enabled": item.enabled,
        "declared": item.declared,
        "created_at": utc(item.created_at),
        "starts_at": utc(item.starts_at),
        "revision": item.revision,
        "state": stands.state,
        "breaker": breaker_members(stands.breaker),
        "behind": stands.counts.behind,
        "parked": stands.counts.parked,
        "oldest_undelivered": utc_or_none(stands.counts.oldest_undelivered),
    }


def masked_target(subscription: Subscription) -> dict[str, Any]:
    """Return a target with what it leaves to the defaults, and ``***`` wherever a member is named like a secret.

    The names decide, at any depth: a kind to come cannot show a secret because somebody forgot to say so.
    """
    given = {name: value for name, value in subscription.target.items() if value is not None}
    return {name: _masked(name, value) for name, value in {**_TARGET_DEFAULTS, **given}.items()}


def breaker_members(breaker: BreakerStanding) -> dict[str, Any]:
    """Return where a breaker stands."""
    return {"state": breaker.state, "reason": breaker.reason, "until": utc_or_none(breaker.until)}


def overview_members(parts: ConsoleParts, stands: Standing) -> dict[str, Any]:
    """Return how the manager stands."""
    manager = parts.manager
    return {
        "manager": {
            "id": manager.id,
            "version": manager.version,
            "started_at": utc(manager.started_at),
            "uptime_s": round(parts.clock.monotonic() - manager.started, 3),
        },
        "time": utc(parts.clock.wall()),
        "doors": [{"name": door.name, "address": door.address} for door in manager.doors()],
        "counts": {
            "steps": stands.counts.steps_total,
            "open": stands.counts.steps_open,
            "unrouted": stands.counts.unrouted,
            "behind": stands.behind,
            "parked": stands.parked,
        },
        "subscriptions": [_brief(item) for item in stands.subscriptions],
        "warnings": [{"code": notice.code, "detail": notice.detail} for notice in manager.notices()],
    }


def probe_members(subscription: Subscription, reply: Answer) -> dict[str, Any]:
    """Return what came of reaching a subscriber."""
    ok, detail = _verdict(reply)
    return {
        "subscription": subscription.id,
        "reached": reply.status is not None,
        "ok": ok,
        "detail": detail,
        "http_status": reply.status if reply.channel is Channel.HTTP else None,
        "dimse_status": _hexadecimal(reply.status) if reply.channel is Channel.DIMSE else None,
        "failure": reply.failure,
        "duration_s": reply.duration,
    }


def _verdict(reply: Answer) -> tuple[bool, str]:
    if reply.failure is not None:
        return False, _FAILURES.get(reply.failure, "It could not be reached.")
    status = reply.status or 0
    if reply.channel is Channel.DIMSE:
        return status == 0, "It answered." if status == 0 else "It answered with a failure."
    for first, last, ok, detail in _HTTP_VERDICTS:
        if first <= status <= last:
            return ok, detail
    return False, "It answered with a status that HTTP does not have."


# The first row that holds. A step that cannot exist is asked for, and not every subscriber can be asked for steps.
_HTTP_VERDICTS: Final = (
    (200, 299, True, "It answered."),
    (300, 399, False, "It redirects, which deliveries do not follow; use the address that it names."),
    (400, 400, True, "It answered; it does not offer Retrieve, which is optional."),
    (401, 401, False, "It wants other credentials."),
    (403, 403, False, "It does not allow this with these credentials."),
    (404, 404, True, "It answered; it does not know a step that cannot exist, as it should be."),
    (405, 406, True, "It answered; it does not offer Retrieve, which is optional."),
    (410, 410, True, "It answered; it does not know a step that cannot exist, as it should be."),
    (501, 501, True, "It answered; it does not offer Retrieve, which is optional."),
    (400, 499, False, "It answered, but it does not take requests like this one."),
    (500, 599, False, "It answered, but it cannot work now."),
)

_FAILURES: Final[Mapping[Failure, str]] = {
    Failure.TIMEOUT: "It did not answer in time.",
    Failure.REFUSED: "Nothing takes connections at this address.",
    Failure.RESET: "The connection was lost before it had answered.",
    Failure.NAME: "The name of the host is not known.",
    Failure.TLS: "No secure connection: its certificate or its version of TLS is not accepted.",
    Failure.FORBIDDEN_ADDRESS: "The manager may not connect to this address; see forwarding.allow_networks.",
    Failure.BAD_ANSWER: "What answers there does not speak HTTP.",
}


def _brief(stands: SubscriptionStanding) -> dict[str, Any]:
    item = stands.subscription
    return {
        "id": item.id,
        "name": item.name,
        "kind": item.kind,
        "enabled": item.enabled,
        "declared": item.declared,
        "state": stands.state,
        "breaker": breaker_members(stands.breaker),
        "behind": stands.counts.behind,
        "parked": stands.counts.parked,
        "oldest_undelivered": utc_or_none(stands.counts.oldest_undelivered),
    }


def _masked(name: str, value: Any) -> Any:
    if name in _SECRET_NAMES:
        return MASK
    return {key: _masked(key, inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


def _hexadecimal(status: int | None) -> str | None:
    return None if status is None else f"{status:04X}H"
