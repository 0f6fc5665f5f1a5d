"""How values look in the API."""

from dataclasses import replace
from typing import Any

import pytest

from mpps_console.api.views import lane_members, masked_target
from mpps_console.api.views import probe_members as probed
from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.lane import Lane, LaneState
from mpps_core.subscription import Subscription

RIS = Subscription(number=1, id="ris", name="ris", kind="dicomweb", starts_at=0, created_at=0, revision=1)


def test_secrets_are_masked_by_their_names_at_any_depth() -> None:
    target: dict[str, Any] = {
        "url": "https://ris.example",
        "auth": {"kind": "basic", "username": "u", "password": "one", "next": {"token": "two", "items": ["kept"]}},
        "token": {"nested": "three"},
    }
    shown = masked_target(replace(RIS, target=target))
    assert shown["auth"] == {
        "kind": "basic",
        "username": "u",
        "password": "***",
        "next": {"token": "***", "items": ["kept"]},
    }
    assert shown["token"] == "***"
    assert target["auth"]["password"] == "one"


def test_a_target_is_shown_with_its_defaults() -> None:
    shown = masked_target(replace(RIS, target={"url": "https://ris.example", "auth": None}))
    assert shown == {
        "url": "https://ris.example",
        "dialect": "query",
        "media_type": "application/dicom+json",
        "auth": {"kind": "none"},
    }


def test_a_lane_stands_in_exactly_one_way() -> None:
    lane = Lane(subscription=1, uid="1.2", slot=0, version=2)
    assert lane.standing == "level"
    assert Lane(subscription=1, uid="1.2", slot=0, version=2, due=5.0).standing == "behind"
    parked = Lane(subscription=1, uid="1.2", slot=0, version=2, due=5.0, state=LaneState.PARKED)
    assert lane_members(parked, "ris")["state"] == "parked"
    assert lane_members(parked, "ris")["next_try"] == "1970-01-01T00:00:05.000000Z"


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_of_http_has_a_verdict(status: Any) -> None:
    members = probed(RIS, Answer(channel=Channel.HTTP, status=status))
    assert members["reached"] is True
    assert members["http_status"] == status
    assert members["detail"]
    assert members["ok"] is (200 <= status < 300 or status in {400, 404, 405, 406, 410, 501})


@pytest.mark.parametrize("failure", list(Failure))
def test_every_failure_has_a_verdict(failure: Any) -> None:
    members = probed(RIS, Answer(channel=Channel.NONE, failure=failure))
    assert (members["reached"], members["ok"], members["failure"]) == (False, False, failure)
    assert members["detail"]


def test_dimse_statuses_are_written_in_hexadecimal() -> None:
    assert probed(RIS, Answer(channel=Channel.DIMSE, status=0))["ok"] is True
    assert probed(RIS, Answer(channel=Channel.DIMSE, status=0x124))["dimse_status"] == "0124H"
