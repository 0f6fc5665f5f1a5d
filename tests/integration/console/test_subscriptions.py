"""``/api/v1/subscriptions`` over a real server."""

import asyncio
from typing import Any

import orjson
import pytest

from mpps_console.api.bodies import MAX_BODY
from mpps_console.api.models import Page, ProbeResult, Removed, Subscription
from mpps_core.desk import SubscriptionDraft
from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.forwarding.breaker import Breaker, BreakerState
from tests.integration.console.world import PARKED, World
from tests.support.aio import run

SECRETS = ("swordfish", "eyJhbGciOi")
BASIC = {"url": "http://127.0.0.1:9", "auth": {"kind": "basic", "username": "u", "password": SECRETS[0]}}
BEARER = {"url": "http://127.0.0.1:9", "auth": {"kind": "bearer", "token": SECRETS[1]}}


def test_a_subscription_is_made_read_listed_and_removed() -> None:
    async def main() -> None:
        async with World() as world:
            made = await world.subscribe("ris", name="RIS", start="open", limits={"in_flight": 2})
            assert made.status == 201
            assert made.headers["location"] == "/api/v1/subscriptions/ris"
            Subscription.model_validate(made.json())
            read = await world.get("/subscriptions/ris")
            assert read.json() == made.json()
            assert read.headers["etag"] == made.headers["etag"]
            assert read.headers["cache-control"] == "no-store"
            assert (await world.items("/subscriptions")) == [read.json()]
            gone = await world.request("DELETE", "/api/v1/subscriptions/ris")
            assert (gone.status, Removed.model_validate(gone.json()).state) == (200, "applied")
            assert (await world.get("/subscriptions/ris")).status == 404
            assert (await world.request("DELETE", "/api/v1/subscriptions/ris")).status == 404

    run(main())


def test_the_answer_says_what_was_asked_for() -> None:
    async def main() -> None:
        async with World() as world:
            body = {
                "id": "archive",
                "name": "Archiv",
                "kind": "dicomweb",
                "target": {
                    "url": "http://127.0.0.1:9/dicomweb",
                    "dialect": "patch",
                    "media_type": "application/dicom+json",
                    "auth": {"kind": "none"},
                },
                "start": {"since": "2026-11-01T01:00:00+01:00"},
                "updates": "every",
                "limits": {"in_flight": 7, "per_second": 2.5, "timeout_s": 12.0},
                "enabled": False,
            }
            made = (await world.request("POST", "/api/v1/subscriptions", body=body)).json()
            expected = {**body, "start": {"since": "2026-11-01T00:00:00.000000Z"}}
            assert {name: made[name] for name in body} == expected
            assert made["starts_at"] == "2026-11-01T00:00:00.000000Z"
            assert (made["state"], made["declared"], made["behind"], made["parked"]) == ("applied", False, 0, 0)
            assert made["breaker"] == {"state": "closed", "reason": None, "until": None}

    run(main())


def test_all_faults_come_at_once_and_nothing_is_kept() -> None:
    async def main() -> None:
        async with World() as world:
            body = {
                "id": "RIS",
                "target": {"url": "ftp://x", "dialect": "post", "auth": {"kind": "bearer"}, "proxy": "y"},
                "updates": "final",
                "on_refused": "continue",
                "filter": {},
                "limits": {"in_flight": 0, "timeout_s": "30"},
            }
            reply = await world.request("POST", "/api/v1/subscriptions", body=body)
            assert sorted(reply.faults()) == [
                "filter",
                "id",
                "limits.in_flight",
                "limits.timeout_s",
                "on_refused",
                "target.auth.token",
                "target.dialect",
                "target.proxy",
                "target.url",
                "updates",
            ]
            problem = reply.json()
            assert problem["type"] == "urn:mpps-manager:problem:invalid"
            assert problem["detail"] == "There are 10 faults."
            assert reply.headers["x-request-id"] == problem["request_id"]
            assert await world.items("/subscriptions") == []

    run(main())


def test_the_mask_is_no_secret() -> None:
    async def main() -> None:
        async with World() as world:
            body = {"url": "http://127.0.0.1:9", "auth": {"kind": "bearer", "token": "***"}}
            assert (await world.subscribe(target=body)).faults() == ["target.auth.token"]

    run(main())


def test_a_taken_id_is_a_conflict() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            again = await world.subscribe("ris")
            assert (again.status, again.json()["type"]) == (409, "urn:mpps-manager:problem:id-taken")
            assert len(await world.items("/subscriptions")) == 1

    run(main())


def test_secrets_are_never_read_back() -> None:
    async def main() -> None:
        async with World() as world:
            texts = [(await world.subscribe("a", target=BASIC)).text, (await world.subscribe("b", target=BEARER)).text]
            await world.report("2.25.1")
            await world.lane(1, "2.25.1")
            texts.append((await world.subscribe("a", target=BASIC)).text)
            texts.append((await world.subscribe("c", target={**BASIC, "dialect": SECRETS[1]})).text)
            texts.append((await world.subscribe("d", target={**BASIC, "auth": SECRETS[0]})).text)
            paths = ("/subscriptions", "/subscriptions/a", "/overview", "/steps/2.25.1", "/lanes", "/attempts")
            texts += [(await world.get(path)).text for path in paths]
            texts.append((await world.request("POST", "/api/v1/subscriptions/b/test")).text)
            texts.append((await world.request("GET", "/")).text)
            texts.append((await world.request("DELETE", "/api/v1/subscriptions/b")).text)
            assert sum("***" in text for text in texts) == 4
            for text in texts:
                assert not any(secret in text for secret in SECRETS)

    run(main())


def test_declared_ones_are_read_only() -> None:
    async def main() -> None:
        async with World() as world:
            target = {"url": "http://127.0.0.1:9"}
            await world.desk.reconcile([SubscriptionDraft(id="ris", name="RIS", kind="dicomweb", target=target)])
            assert (await world.get("/subscriptions/ris")).json()["declared"] is True
            refused = await world.request("DELETE", "/api/v1/subscriptions/ris")
            assert (refused.status, refused.json()["type"]) == (409, "urn:mpps-manager:problem:declared")

    run(main())


def test_if_match_guards_against_removing_another_one() -> None:
    async def main() -> None:
        async with World() as world:
            old = (await world.subscribe("ris")).headers["etag"]
            await world.request("DELETE", "/api/v1/subscriptions/ris", headers={"If-Match": "*"})
            new = (await world.subscribe("ris")).headers["etag"]
            assert old != new
            for tag in (old, '"x"', f"W/{old}", ""):
                refused = await world.request("DELETE", "/api/v1/subscriptions/ris", headers={"If-Match": tag})
                assert (refused.status, refused.json()["status"]) == (412, 412)
            gone = await world.request("DELETE", "/api/v1/subscriptions/ris", headers={"If-Match": f"{old}, {new}"})
            assert gone.status == 200

    run(main())


def test_a_change_is_applying_until_every_owner_works_with_it() -> None:
    async def main() -> None:
        async with World(apply_at_once=False) as world:
            assert (await world.subscribe("ris")).json()["state"] == "applying"
            world.changed.clear()
            made = asyncio.create_task(
                world.request(
                    "POST", "/api/v1/subscriptions?wait", body={"id": "pacs", "target": {"url": "http://127.0.0.1:9"}}
                )
            )
            await world.changed.wait()
            assert len(await world.items("/subscriptions")) == 2
            assert not made.done()
            world.apply()
            assert (await made).json()["state"] == "applied"
            assert (await world.get("/subscriptions/ris")).json()["state"] == "applied"
            removed = await world.request("DELETE", "/api/v1/subscriptions/ris?wait=0.01")
            assert removed.json()["state"] == "applying"

    run(main())


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "1e999"])
def test_a_wait_is_a_number_of_seconds(wait: str) -> None:
    async def main() -> None:
        async with World() as world:
            for method, path in (("POST", ""), ("DELETE", "/ris")):
                reply = await world.request(
                    method, f"/api/v1/subscriptions{path}", params={"wait": wait}, body={} if method == "POST" else None
                )
                assert reply.faults() == ["query.wait"]

    run(main())


def test_how_a_subscription_stands() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            await world.subscribe("pacs")
            for uid in ("2.25.1", "2.25.2", "2.25.3"):
                await world.lane(1, uid)
            await world.lane(1, "2.25.4", **PARKED)
            await world.lane(2, "2.25.1", cursor=1, high=1)
            until = world.clock.monotonic() + 60
            world.breakers[2] = Breaker(state=BreakerState.OPEN, reason="timeout", until=until)
            ris = (await world.get("/subscriptions/ris")).json()
            assert (ris["behind"], ris["parked"], ris["breaker"]["state"]) == (3, 1, "closed")
            assert ris["oldest_undelivered"] is not None
            pacs = Subscription.model_validate((await world.get("/subscriptions/pacs")).json())
            assert (pacs.behind, pacs.parked, pacs.oldest_undelivered) == (0, 0, None)
            assert (pacs.breaker.state, pacs.breaker.reason) == ("open", "timeout")
            assert pacs.breaker.until is not None
            assert abs(pacs.breaker.until.timestamp() - world.clock.wall() - 60) < 5

    run(main())


def test_testing_tells_what_came_of_it() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            good = await world.request("POST", "/api/v1/subscriptions/ris/test")
            assert good.status == 200
            assert ProbeResult.model_validate(good.json()).ok
            world.probe = Answer(channel=Channel.NONE, failure=Failure.REFUSED, duration=0.5)
            bad = ProbeResult.model_validate((await world.request("POST", "/api/v1/subscriptions/ris/test")).json())
            assert (bad.ok, bad.reached, bad.failure) == (False, False, "refused")
            assert (await world.request("POST", "/api/v1/subscriptions/pacs/test")).status == 404
            assert [item.id for item in world.tested] == ["ris", "ris"]

    run(main())


def test_a_repeat_with_the_same_key_gets_the_first_answer() -> None:
    async def main() -> None:
        async with World() as world:
            headers = {"Idempotency-Key": "k1"}
            body = {"id": "ris", "target": {"url": "http://127.0.0.1:9"}}
            replies = await asyncio.gather(
                *(world.request("POST", "/api/v1/subscriptions", body=body, headers=headers) for _ in range(5))
            )
            assert {reply.status for reply in replies} == {201}
            assert len({reply.body for reply in replies}) == 1
            assert {reply.headers["etag"] for reply in replies} == {replies[0].headers["etag"]}
            assert sum("idempotent-replayed" in reply.headers for reply in replies) == 4
            assert len(await world.items("/subscriptions")) == 1
            await world.request("DELETE", "/api/v1/subscriptions/ris")
            late = await world.request("POST", "/api/v1/subscriptions", body=body, headers=headers)
            assert late.status == 201
            assert await world.items("/subscriptions") == []
            other = await world.request("POST", "/api/v1/subscriptions", body={**body, "id": "x"}, headers=headers)
            assert other.status == 422
            assert other.json()["type"] == "urn:mpps-manager:problem:idempotency-key-reused"

    run(main())


def test_a_failure_is_not_remembered() -> None:
    async def main() -> None:
        async with World() as world:
            headers = {"Idempotency-Key": "k1"}
            body = {"id": "ris", "target": {"url": "http://127.0.0.1:9"}}
            world.outage.on = True
            failed = await world.request("POST", "/api/v1/subscriptions", body=body, headers=headers)
            assert (failed.status, failed.headers["retry-after"]) == (503, "5")
            world.outage.on = False
            assert (await world.request("POST", "/api/v1/subscriptions", body={}, headers=headers)).status == 422
            done = await world.request("POST", "/api/v1/subscriptions", body=body, headers=headers)
            assert done.status == 201
            assert "idempotent-replayed" not in done.headers

    run(main())


@pytest.mark.parametrize("key", ["", "a" * 256, "two words"])
def test_a_key_has_a_form(key: str) -> None:
    async def main() -> None:
        async with World() as world:
            reply = await world.request("POST", "/api/v1/subscriptions", body={}, headers={"Idempotency-Key": key})
            assert reply.faults() == ["header.Idempotency-Key"]

    run(main())


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("Application/JSON; charset=UTF-8", 201),
        ("application/json; charset=latin1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_only_json_is_taken(content_type: str, status: int) -> None:
    async def main() -> None:
        async with World() as world:
            body = orjson.dumps({"id": "ris", "target": {"url": "http://127.0.0.1:9"}})
            reply = await world.request(
                "POST", "/api/v1/subscriptions", body=body, headers={"Content-Type": content_type}
            )
            assert reply.status == status

    run(main())


def test_what_is_no_json_or_too_large_is_refused() -> None:
    async def main() -> None:
        async with World() as world:
            assert (await world.request("POST", "/api/v1/subscriptions", body=b"{")).status == 400
            assert (await world.request("POST", "/api/v1/subscriptions", body=b" " * (MAX_BODY + 1))).status == 413
            assert (await world.request("POST", "/api/v1/subscriptions", body=b"[]")).faults() == [""]

    run(main())


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_pages_of_other_sites_change_nothing(site: str) -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            headers = {"Sec-Fetch-Site": site}
            allowed = site in {"same-origin", "none"}
            test = await world.request("POST", "/api/v1/subscriptions/ris/test", headers=headers)
            gone = await world.request("DELETE", "/api/v1/subscriptions/ris", headers=headers)
            assert {test.status, gone.status} == ({200} if allowed else {403})

    run(main())


def test_pages_through_many() -> None:
    async def main() -> None:
        async with World() as world:
            for number in range(23):
                await world.subscribe(f"s-{number}")
            items: list[Any] = await world.all_items("/subscriptions", limit="5")
            assert [item["id"] for item in items] == [f"s-{number}" for number in reversed(range(23))]
            Page[Subscription].model_validate((await world.get("/subscriptions", limit="3")).json())

    run(main())
