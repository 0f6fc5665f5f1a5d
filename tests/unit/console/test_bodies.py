"""Every member of a subscription, and each way to get it wrong."""

from typing import Any

import orjson
import pytest

from mpps_console.api.bodies import read_subscription
from mpps_core.desk import DraftFault
from mpps_core.subscription import Limits, Start, Updates
from mpps_web.problems import Problem

LEAST = {"id": "ris", "target": {"url": "https://ris.example"}}


def read(members: Any, faults: Any = ()) -> Any:
    body = members if isinstance(members, bytes) else orjson.dumps(members)
    return read_subscription(body, lambda _kind, _target: list(faults))


def faults_of(members: Any, faults: Any = ()) -> Any:
    with pytest.raises(Problem) as raised:
        read(members, faults)
    assert raised.value.status == 422
    return [fault["path"] for fault in raised.value.extra["errors"]], raised.value


def test_defaults() -> None:
    draft = read(LEAST)
    assert (draft.id, draft.name, draft.kind, draft.enabled) == ("ris", "ris", "dicomweb", True)
    assert (draft.start, draft.since, draft.updates, draft.limits) == (Start.NOW, None, Updates.EVERY, Limits())


def test_every_member() -> None:
    draft = read(
        {
            **LEAST,
            "name": "Radiologie",
            "kind": "dicomweb",
            "start": {"since": "1970-01-01T00:00:10Z"},
            "updates": "every",
            "limits": {"in_flight": 256, "per_second": 0.5, "timeout_s": 600},
            "enabled": False,
        }
    )
    assert (draft.name, draft.start, draft.since, draft.enabled) == ("Radiologie", Start.SINCE, 10.0, False)
    assert draft.limits == Limits(in_flight=256, per_second=0.5, timeout_s=600.0)
    assert read({**LEAST, "start": "open"}).start is Start.OPEN
    assert read({**LEAST, "id": "a" * 63}).id == "a" * 63


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": "RIS"}, "id"),
        ({"id": "-ris"}, "id"),
        ({"id": "ris\n"}, "id"),
        ({"id": "a" * 64}, "id"),
        ({"id": 7}, "id"),
        ({"name": ""}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"kind": "webhook"}, "kind"),
        ({"kind": None}, "kind"),
        ({"target": None}, "target"),
        ({"target": "https://ris.example"}, "target"),
        ({"target": []}, "target"),
        ({"start": "later"}, "start"),
        ({"start": None}, "start"),
        ({"start": 5}, "start"),
        ({"start": {}}, "start.since"),
        ({"start": {"since": "2026-11-01"}}, "start.since"),
        ({"start": {"since": 1700000000}}, "start.since"),
        ({"start": {"since": "2026-11-01T00:00:00Z", "until": "x"}}, "start.until"),
        ({"updates": "final"}, "updates"),
        ({"limits": None}, "limits"),
        ({"limits": {"in_flight": 0}}, "limits.in_flight"),
        ({"limits": {"in_flight": 257}}, "limits.in_flight"),
        ({"limits": {"in_flight": "4"}}, "limits.in_flight"),
        ({"limits": {"in_flight": 1.5}}, "limits.in_flight"),
        ({"limits": {"in_flight": True}}, "limits.in_flight"),
        ({"limits": {"per_second": 0}}, "limits.per_second"),
        ({"limits": {"per_second": "1"}}, "limits.per_second"),
        ({"limits": {"timeout_s": 0}}, "limits.timeout_s"),
        ({"limits": {"timeout_s": 601}}, "limits.timeout_s"),
        ({"limits": {"timeout_s": None}}, "limits.timeout_s"),
        ({"limits": {"burst": 1}}, "limits.burst"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"filter": {"modality": ["CT"]}}, "filter"),
        ({"on_refused": "park"}, "on_refused"),
        ({"declared": True}, "declared"),
        ({"state": "applied"}, "state"),
    ],
)
def test_each_fault_has_its_path_and_repeats_no_value(change: Any, path: Any) -> None:
    paths, problem = faults_of({**LEAST, **change})
    assert paths == [path]
    told = orjson.dumps(problem.extra).decode()
    for value in change.values():
        if isinstance(value, str) and value not in {"", "RIS", "later", "every"}:
            assert f'"{value}"' not in told


def test_all_faults_come_at_once_those_of_the_target_too() -> None:
    members = {"id": "X", "target": {}, "limits": {"in_flight": 0}, "filter": {}, "updates": "final"}
    paths, _ = faults_of(members, [DraftFault(path="target.url", detail="is required")])
    assert set(paths) == {"id", "limits.in_flight", "filter", "updates", "target.url"}


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"id": "\xff"}', b"[" * 5000])
def test_what_is_not_json_is_400(body: Any) -> None:
    with pytest.raises(Problem) as raised:
        read(body)
    assert (raised.value.status, raised.value.slug) == (400, "not-json")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"ris"', b"7"])
def test_what_is_not_an_object_is_a_fault(body: Any) -> None:
    assert faults_of(body)[0] == [""]
