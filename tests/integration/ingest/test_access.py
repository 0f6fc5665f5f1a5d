"""Who may do what at the door, and who is said to have done it."""

import hashlib
import ipaddress
from typing import Final

import pytest

from mpps_core.source import SourceRule
from mpps_web.keys import Key, Role
from mpps_web.requests import Proxies
from tests.integration.ingest.harness import JSON, STEPS, USUAL, Answer, Door, a_create, open_door, run

UID: Final = "2.25.662607"
KEYS: Final = [Key(f"key-{role}", role, hashlib.sha256(f"token-{role}".encode()).hexdigest()) for role in Role]
LOOPBACK: Final = ipaddress.ip_network("127.0.0.0/8")


def bearer(role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer token-{role}"}


async def stored_by(door: Door, headers: dict[str, str] | None = None) -> tuple[str, str | None]:
    """Create a step and return the source and client that were kept with it."""
    assert (await door.create(UID, headers=headers)).status == 201
    (operation,) = await door.store.list_operations(UID)
    return operation.source, operation.client


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic dDp0"}, {"Authorization": "Bearer wrong"}])
def test_without_a_known_key_nothing_goes(headers: dict[str, str]) -> None:
    """PS3.18 Table 8.5-1: 401 shall carry WWW-Authenticate."""

    async def main() -> None:
        async with open_door(keys=KEYS) as door:
            for method in ("POST", "GET"):
                answer = await door.request(
                    method, f"{STEPS}/{UID}", a_create(UID) if method == "POST" else None, USUAL | headers
                )
                assert (answer.status, answer.problem) == (401, "unauthorised")
                assert (answer.header("www-authenticate") or "").startswith("Bearer ")
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize(
    ("role", "write", "read"),
    [
        (Role.MODALITY, 201, 404),
        (Role.SUBSCRIBER, 403, 404),
        (Role.OPERATOR, 403, 404),
        (Role.ADMIN, 201, 404),
    ],
)
def test_roles(role: Role, write: int, read: int) -> None:
    async def main() -> None:
        async with open_door(keys=KEYS) as door:
            got: Answer = await door.request("GET", f"{STEPS}/{UID}", headers={"Accept": JSON} | bearer(role))
            assert got.status == read
            assert (await door.create(UID, headers=bearer(role))).status == write
            assert await door.is_empty() == (write != 201)

    run(main())


def test_source_is_that_of_the_key() -> None:
    async def main() -> None:
        rules = [SourceRule(id="ct-room-1", keys=frozenset({"key-modality"}))]
        async with open_door(keys=KEYS, sources=rules) as door:
            assert await stored_by(door, bearer(Role.MODALITY)) == ("ct-room-1", "127.0.0.1")

    run(main())


def test_source_is_that_of_the_network() -> None:
    async def main() -> None:
        rules = [SourceRule(id="ct-room-2", networks=(LOOPBACK,))]
        async with open_door(sources=rules) as door:
            assert await stored_by(door) == ("ct-room-2", "127.0.0.1")

    run(main())


def test_without_a_rule_the_source_is_unknown() -> None:
    async def main() -> None:
        async with open_door() as door:
            assert await stored_by(door) == ("unknown", "127.0.0.1")

    run(main())


FORWARDED: Final = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}


def test_forwarded_headers_are_nothing_without_a_proxy() -> None:
    async def main() -> None:
        async with open_door() as door:
            assert await stored_by(door, FORWARDED) == ("unknown", "127.0.0.1")

    run(main())


def test_forwarded_headers_of_others_than_the_proxy_are_nothing() -> None:
    async def main() -> None:
        proxies = Proxies((ipaddress.ip_network("192.0.2.0/24"),))
        async with open_door(proxies=proxies) as door:
            assert await stored_by(door, FORWARDED) == ("unknown", "127.0.0.1")

    run(main())


def test_trusted_proxy_tells_the_client_and_the_base_uri() -> None:
    """The last address that no trusted proxy has: what stands before it anybody could have written."""

    async def main() -> None:
        async with open_door(proxies=Proxies((LOOPBACK,))) as door:
            assert await stored_by(door, FORWARDED) == ("unknown", "198.51.100.7")
            headers = FORWARDED | {"X-Forwarded-Host": "mpps.example"}
            sparse = b'{"00400252":{"vr":"CS","Value":["IN PROGRESS"]}}'
            answer = await door.create("2.25.1", sparse, headers)
            assert answer.all("warning")[0].startswith("299 https://mpps.example/dicomweb: ")

    run(main())
