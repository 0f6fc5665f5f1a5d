"""What is remembered under an Idempotency-Key, and for how long."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mpps_console.api.idempotency import KEPT, Memory
from mpps_web.problems import Problem
from tests.support.aio import run
from tests.support.clock import HandClock


class Desk:
    """Asks with keys, and counts how often something was done."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.memory = Memory(self.clock)
        self.done = 0
        self.status = 201

    async def ask(self, key: str | None, body: bytes = b"{}", path: str = "/a") -> Response:
        headers = [] if key is None else [(b"idempotency-key", key.encode())]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        request = Request({**scope, "server": ("h", 80), "app": FastAPI()})

        async def work() -> Response:
            await asyncio.sleep(0)
            self.done += 1
            return Response(str(self.done), self.status)

        return await self.memory.once(request, body, work)


def test_without_a_key_everything_is_done() -> None:
    async def main() -> None:
        desk = Desk()
        assert [(await desk.ask(None)).body for _ in range(2)] == [b"1", b"2"]

    run(main())


def test_a_key_is_remembered_for_a_day() -> None:
    async def main() -> None:
        desk = Desk()
        assert (await desk.ask("k")).body == b"1"
        desk.clock.now = 86_400.0
        assert (await desk.ask("k")).body == b"1"
        desk.clock.now = 86_401.0
        assert (await desk.ask("k")).body == b"2"

    run(main())


def test_the_oldest_keys_give_way() -> None:
    async def main() -> None:
        desk = Desk()
        for number in range(KEPT + 1):
            await desk.ask(f"k{number}")
        assert (await desk.ask("k1")).body == b"2"
        assert (await desk.ask("k0")).body == str(KEPT + 2).encode()
        assert len(desk.memory._entries) == KEPT

    run(main())


@pytest.mark.parametrize("change", [{"body": b"[]"}, {"path": "/b"}])
def test_a_key_belongs_to_one_request(change: dict[str, Any]) -> None:
    async def main() -> None:
        desk = Desk()
        await desk.ask("k")
        with pytest.raises(Problem) as raised:
            await desk.ask("k", **change)
        assert raised.value.slug == "idempotency-key-reused"

    run(main())


def test_at_the_same_time_it_is_done_once_and_after_a_failure_again() -> None:
    async def main() -> None:
        desk = Desk()
        answers = await asyncio.gather(*(desk.ask("k") for _ in range(10)))
        assert {answer.body for answer in answers} == {b"1"}
        desk.status = 503
        await asyncio.gather(*(desk.ask("bad") for _ in range(3)))
        assert desk.done == 4
        desk.status = 201
        assert (await desk.ask("bad", b"other")).body == b"5"

    run(main())
