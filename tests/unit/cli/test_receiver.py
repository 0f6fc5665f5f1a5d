"""The receiver behaves as an origin server does, and as it is told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mpps_cli.receiver import Receiver
from mpps_dicom import StepOperation
from tests.support.aio import run

UID = "2.25.1"
CREATE = b'{"00400252":{"vr":"CS","Value":["IN PROGRESS"]},"00080060":{"vr":"CS","Value":["CT"]}}'
UPDATE = b'[{"00400252":{"vr":"CS","Value":["IN PROGRESS"]},"00400253":{"vr":"SH","Value":["1"]}}]'
FINAL = b'{"00400252":{"vr":"CS","Value":["COMPLETED"]}}'

Send = Callable[..., Awaitable[int]]


def using(receiver: Receiver, work: Callable[[Send], Awaitable[None]]) -> None:
    async def body() -> None:
        async with receiver, aiohttp.ClientSession() as session:

            async def send(content: bytes, *, update: bool = False, uid: str = UID, number: int | None = None) -> int:
                url = f"{receiver.url}/modality-performed-procedure-steps/{uid}{'?update' if update else ''}"
                headers = {} if number is None else {"Mpps-Operation": f"{uid}/{number}"}
                async with session.post(url, data=content, headers=headers) as response:
                    return response.status

            await work(send)

    run(body())


def test_a_step_from_create_to_final_state() -> None:
    receiver = Receiver()

    async def work(send: Send) -> None:
        assert await send(UPDATE, update=True) == 404
        assert await send(CREATE, number=1) == 201
        assert await send(CREATE, number=1) == 409
        assert await send(UPDATE, update=True, number=2) == 200
        assert await send(FINAL, update=True, number=3) == 200
        assert await send(FINAL, update=True, number=3) == 409

    using(receiver, work)
    accepted = receiver.accepted(UID)
    assert [(each.number, each.kind, each.body) for each in accepted] == [
        (1, StepOperation.CREATE, CREATE),
        (2, StepOperation.UPDATE, UPDATE),
        (3, StepOperation.UPDATE, FINAL),
    ]
    assert [each.repeated for each in receiver.arrivals] == [False, False, True, False, False, True]


def test_what_is_no_data_set_is_refused() -> None:
    receiver = Receiver()

    async def work(send: Send) -> None:
        for body in (b"", b"{", b"[]", b"[{},{}]", b"{}", b"3"):
            assert await send(body) == 400

    using(receiver, work)
    assert receiver.accepted() == []


def test_it_answers_as_told_and_then_as_it_does() -> None:
    receiver = Receiver(answers=[503, 500, 201])

    async def work(send: Send) -> None:
        statuses = [await send(CREATE, number=1) for _ in range(4)]
        assert statuses == [503, 500, 201, 409]
        receiver.answer_next(401)
        assert await send(UPDATE, update=True, number=2) == 401
        receiver.available = False
        assert await send(UPDATE, update=True, number=2) == 503

    using(receiver, work)
    assert len(receiver.accepted()) == 1


def test_it_may_accept_everything() -> None:
    receiver = Receiver(accept_all=True)

    async def work(send: Send) -> None:
        assert await send(UPDATE, update=True) == 200
        assert await send(CREATE) == 201
        assert await send(CREATE) == 201

    using(receiver, work)


def test_somebody_else_may_decide() -> None:
    def decide(uid: str, number: int | None, kind: StepOperation) -> int | None:
        return 410 if (uid, number, kind) == (UID, 2, StepOperation.UPDATE) else None

    async def work(send: Send) -> None:
        assert await send(CREATE, number=1) == 201
        assert await send(UPDATE, update=True, number=2) == 410

    using(Receiver(decide=decide), work)


def test_it_keeps_a_file_for_each_operation(tmp_path: Path) -> None:
    async def work(send: Send) -> None:
        await send(CREATE, number=1)
        await send(UPDATE, update=True, number=2)
        await send(CREATE, uid="1.2.3")

    using(Receiver(keep=tmp_path), work)
    kept = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    assert kept == ["1.2.3/00001-create.json", f"{UID}/00001-create.json", f"{UID}/00002-update.json"]
    assert (tmp_path / UID / "00002-update.json").read_bytes() == UPDATE


def test_what_it_cannot_keep_it_does_not_acknowledge(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("not a directory")

    async def work(send: Send) -> None:
        assert await send(CREATE) == 503

    using(Receiver(keep=tmp_path / "kept"), work)


@pytest.mark.parametrize("uid", ["..", ".", "a", "1.2.3.x", "%2e%2e", "1" * 65])
def test_a_uid_never_names_another_place(uid: str, tmp_path: Path) -> None:
    async def work(send: Send) -> None:
        assert await send(CREATE, uid=uid) == 404

    using(Receiver(keep=tmp_path / "kept"), work)
    assert list(tmp_path.iterdir()) == []


def test_retrieve_gives_the_merged_state() -> None:
    async def body() -> None:
        async with Receiver() as receiver, aiohttp.ClientSession() as session:
            url = f"{receiver.url}/modality-performed-procedure-steps/{UID}"
            async with session.get(url) as response:
                assert response.status == 404
            await session.post(url, data=CREATE)
            await session.post(url + "?update", data=UPDATE)
            async with session.get(url) as response:
                assert response.content_type == "application/dicom+json"
                (state,) = await response.json()
            assert list(state) == ["00080060", "00400252", "00400253"]

    run(body())


def test_the_dialects_of_update() -> None:
    async def body() -> None:
        async with Receiver() as receiver, aiohttp.ClientSession() as session:
            url = f"{receiver.url}/modality-performed-procedure-steps/{UID}"
            statuses = []
            for method, suffix in (
                ("PUT", ""),
                ("PATCH", ""),
                ("POST", "/update"),
                ("POST", "?update="),
                ("DELETE", ""),
            ):
                async with session.request(method, url + suffix, data=UPDATE) as response:
                    statuses.append(response.status)
            assert statuses == [201, 200, 200, 200, 405]

    run(body())


def test_it_hangs_until_it_is_told_to_go_on() -> None:
    receiver = Receiver()

    async def work(send: Send) -> None:
        receiver.hang()
        waiting = asyncio.ensure_future(send(CREATE, number=1))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        receiver.resume()
        assert await waiting == 201

    using(receiver, work)


def test_it_dies_and_comes_back_on_the_same_port() -> None:
    async def body() -> None:
        async with Receiver() as receiver, aiohttp.ClientSession() as session:
            url = f"{receiver.url}/modality-performed-procedure-steps/{UID}"
            await session.post(url, data=CREATE)
            receiver.hang()
            waiting = asyncio.ensure_future(_status(session, f"{url}?update"))
            await asyncio.sleep(0.05)
            await receiver.stop(abruptly=True)
            with pytest.raises(aiohttp.ClientError):
                await waiting
            with pytest.raises(aiohttp.ClientError):
                await _status(session, url)
            receiver.resume()
            before = receiver.url
            assert await receiver.start() == before
            assert await _status(session, url) == 409

    run(body())


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    async with session.post(url, data=CREATE) as response:
        return response.status


def test_waiting_for_what_arrives() -> None:
    receiver = Receiver()
    seen: list[Any] = []

    async def work(send: Send) -> None:
        waiting = asyncio.ensure_future(receiver.until(lambda: len(receiver.accepted()) == 2, timeout=5))
        await send(CREATE, number=1)
        assert not waiting.done()
        await send(UPDATE, update=True, number=2)
        await waiting
        with pytest.raises(TimeoutError):
            await receiver.until(lambda: False, timeout=0.01)
        seen.append(True)

    using(receiver, work)
    assert seen


def test_bodies_need_not_be_kept() -> None:
    receiver = Receiver(keep_bodies=False)

    async def work(send: Send) -> None:
        await send(CREATE, number=1)

    using(receiver, work)
    assert [(each.body, each.size) for each in receiver.arrivals] == [(b"", len(CREATE))]
