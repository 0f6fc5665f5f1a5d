"""The ``dicomweb`` sender against real servers on loopback, well-behaved and not."""

import asyncio
import contextlib
import datetime as dt
import errno
import gzip
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from email.utils import format_datetime
from typing import Any

import pytest

from mpps_core.clock import SystemClock
from mpps_core.forwarding.answers import Answer, Channel, Failure, Meaning, meaning_of
from mpps_core.forwarding.interfaces import Delivery
from mpps_dicom import StepOperation
from mpps_senders import dicomweb
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import DicomwebSender
from mpps_senders.dicomweb_target import read_target
from tests.integration.senders.origin import Behaviour, Origin, Request, hang, reply, saying, then_close, then_reset
from tests.support.aio import LOOPS, run_on
from tests.support.tls import server_context, trusting_context

CREATE, UPDATE = StepOperation.CREATE, StepOperation.UPDATE
BODY = b'{"00400252":{"vr":"CS","Value":["IN PROGRESS"]}}'
RESOURCE = "/dicomweb/modality-performed-procedure-steps"
NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
LARGE = b'{"00400280":{"vr":"ST","Value":["' + b"x" * 20_000_000 + b'"]}}'

Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=sorted(LOOPS))
def play(request: pytest.FixtureRequest) -> Play:
    return lambda main: run_on(request.param, main, timeout=30.0)


class NoonClock(SystemClock):
    def wall(self) -> float:
        return NOON.timestamp()


@contextlib.asynccontextmanager
async def sending(
    url: str, *, loopback_allowed: bool = True, tls: ssl.SSLContext | None = None, **target: Any
) -> AsyncIterator[DicomwebSender]:
    parsed, faults = read_target({"url": url, **target})
    assert parsed is not None, faults
    sender = DicomwebSender(
        parsed, guard=GuardedSocketFactory(loopback_allowed=loopback_allowed), clock=NoonClock(), version="1.2", tls=tls
    )
    try:
        yield sender
    finally:
        await sender.close()


def operation(
    kind: StepOperation = CREATE, *, uid: str = "2.25.1", body: bytes = BODY, deadline: float = 10.0
) -> Delivery:
    number = 1 if kind is CREATE else 2
    return Delivery(uid=uid, number=number, kind=kind, body=body, via=("1.1 first", "1.1 mpps-us"), deadline=deadline)


async def attempt(behave: Behaviour, delivery: Delivery, **target: Any) -> tuple[Answer, list[Request]]:
    async with Origin(behave) as origin, sending(origin.url, **target) as sender:
        return await sender.deliver(delivery), origin.requests


# What is sent.


@pytest.mark.parametrize(
    ("dialect", "kind", "method", "target"),
    [
        ("query", CREATE, "POST", f"{RESOURCE}/2.25.1"),
        ("query", UPDATE, "POST", f"{RESOURCE}/2.25.1?update"),
        ("path", CREATE, "POST", f"{RESOURCE}/2.25.1"),
        ("path", UPDATE, "POST", f"{RESOURCE}/2.25.1/update"),
        ("patch", CREATE, "PUT", f"{RESOURCE}/2.25.1"),
        ("patch", UPDATE, "PATCH", f"{RESOURCE}/2.25.1"),
    ],
)
def test_each_dialect_has_its_requests(play: Play, dialect: str, kind: StepOperation, method: str, target: str) -> None:
    async def main() -> None:
        answer, requests = await attempt(saying(reply(201)), operation(kind), dialect=dialect)
        assert answer.status == 201
        assert [(each.method, each.target, each.body) for each in requests] == [(method, target, BODY)]

    play(main())


def test_the_headers_are_those_of_the_standard_and_ours_and_no_others() -> None:
    async def main() -> None:
        _, (request,) = await attempt(saying(reply()), operation(UPDATE))
        host = request.headers.pop("host")
        assert host.startswith("127.0.0.1:")
        assert request.headers == {
            "accept": "application/dicom+json",
            "accept-encoding": "identity",
            "content-type": "application/dicom+json",
            "content-length": str(len(BODY)),
            "mpps-operation": "2.25.1/2",
            "via": "1.1 first, 1.1 mpps-us",
            "user-agent": "mpps-manager/1.2",
        }

    run_on("asyncio", main())


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"kind": "none"}, None),
        ({"kind": "basic", "username": "Aladdin", "password": "open sesame"}, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ({"kind": "basic", "username": "müller", "password": "ß:"}, "Basic bcO8bGxlcjrDnzo="),
        ({"kind": "bearer", "token": "abc.def"}, "Bearer abc.def"),
    ],
)
def test_credentials_are_sent_with_every_request(auth: dict[str, str], header: str | None) -> None:
    async def main() -> None:
        async with Origin(saying(reply(404))) as origin, sending(origin.url, auth=auth) as sender:
            await sender.deliver(operation())
            await sender.retrieve("2.25.1", 5.0)
            await sender.probe(5.0)
            assert [each.headers.get("authorization") for each in origin.requests] == [header] * 3

    run_on("asyncio", main())


def test_a_received_via_entry_cannot_break_the_headers() -> None:
    async def main() -> None:
        async with Origin(saying(reply())) as origin, sending(origin.url) as sender:
            delivery = Delivery(
                uid="2.25.1", number=1, kind=CREATE, body=BODY, via=("1.1 é\r\nX-Evil: 1", "1.1 mpps-us"), deadline=5.0
            )
            answer = await sender.deliver(delivery)
            assert answer.status == 201
            assert origin.requests[0].headers["via"] == "1.1 ???X-Evil: 1, 1.1 mpps-us"
            assert "x-evil" not in origin.requests[0].headers

    run_on("asyncio", main())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with Origin(saying(reply(502))) as proxy, Origin(saying(reply())) as origin:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            async with sending(origin.url) as sender:
                assert (await sender.deliver(operation())).status == 201
            assert proxy.connections == 0

    run_on("asyncio", main())


def test_cookies_are_not_kept() -> None:
    async def main() -> None:
        async with Origin(saying(reply(Set_Cookie="a=b"))) as origin:
            async with sending(origin.url.replace("127.0.0.1", "localhost")) as sender:
                await sender.deliver(operation())
                await sender.deliver(operation())
            assert "cookie" not in origin.requests[1].headers

    run_on("asyncio", main())


def test_large_bodies_arrive_whole(play: Play) -> None:
    async def main() -> None:
        answer, (request,) = await attempt(saying(reply()), operation(body=LARGE))
        assert answer.status == 201
        assert request.body == LARGE

    play(main())


def test_parallel_deliveries_share_connections_and_arrive_once(play: Play) -> None:
    async def main() -> None:
        async with Origin(saying(reply())) as origin, sending(origin.url) as sender:

            async def some(worker: int) -> None:
                for number in range(10):
                    answer = await sender.deliver(operation(uid=f"2.25.{worker}{number:02}"))
                    assert answer.status == 201

            await asyncio.gather(*(some(worker) for worker in range(1, 33)))
            targets = [each.target for each in origin.requests]
            assert len(targets) == len(set(targets)) == 320
            assert origin.connections == 32

    play(main())


# What an answer is.


@pytest.mark.parametrize("status", [200, 201, 202, 204, 400, 401, 404, 409, 410, 415, 429, 500, 501, 503, 599])
def test_a_status_is_told_as_it_came(status: int) -> None:
    async def main() -> None:
        answer, _ = await attempt(saying(reply(status)), operation())
        assert (answer.channel, answer.status, answer.failure, answer.unknown_outcome) == (
            Channel.HTTP,
            status,
            None,
            False,
        )
        assert answer.duration > 0

    run_on("asyncio", main())


def test_of_an_answer_only_type_length_and_hash_are_told() -> None:
    async def main() -> None:
        text = b'{"title": "no"}'
        said = reply(400, text, Content_Type="Application/Problem+JSON; charset=utf-8")
        answer, _ = await attempt(saying(said), operation())
        assert answer.media_type == "application/problem+json"
        assert answer.length == len(text)
        assert answer.sha256 == hashlib.sha256(text).hexdigest()

    run_on("asyncio", main())


def test_an_empty_answer_has_no_hash() -> None:
    async def main() -> None:
        answer, _ = await attempt(saying(reply(201)), operation())
        assert (answer.media_type, answer.length, answer.sha256) == (None, 0, None)

    run_on("asyncio", main())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("dialect", ["query", "patch"])
def test_redirects_are_not_followed(status: int, dialect: str) -> None:
    async def main() -> None:
        async with Origin(saying(reply())) as elsewhere:
            answer, requests = await attempt(
                saying(reply(status, Location=elsewhere.url)), operation(), dialect=dialect
            )
            assert (answer.status, len(requests), elsewhere.connections) == (status, 1, 0)
            assert meaning_of(answer, CREATE) is Meaning.MISCONFIGURED

    run_on("asyncio", main())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), (format_datetime(NOON + dt.timedelta(seconds=90), usegmt=True), 90.0), ("soon", None)],
)
def test_retry_after_is_told_in_seconds(value: str, seconds: float | None) -> None:
    async def main() -> None:
        answer, _ = await attempt(saying(reply(503, Retry_After=value)), operation())
        assert answer.retry_after == seconds

    run_on("asyncio", main())


def test_interim_answers_are_passed_over(play: Play) -> None:
    async def main() -> None:
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
        answer, _ = await attempt(saying(interim + reply(409)), operation())
        assert answer.status == 409

    play(main())


def test_too_large_an_answer_is_not_read_and_its_status_counts(play: Play) -> None:
    async def main() -> None:
        text = b"x" * 8_000_000
        chunked = b"HTTP/1.1 409 No\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(text) + text + b"\r\n0\r\n\r\n"
        async with Origin(saying(reply(409, text), chunked, reply(200))) as origin, sending(origin.url) as sender:
            declared = await sender.deliver(operation())
            assert (declared.status, declared.length, declared.sha256) == (409, len(text), None)
            undeclared = await sender.deliver(operation())
            assert (undeclared.status, undeclared.length, undeclared.sha256) == (409, None, None)
            assert (await sender.deliver(operation())).status == 200
            assert [each.connection for each in origin.requests] == [1, 2, 3]

    play(main())


@pytest.mark.parametrize("behave", [then_reset, then_close])
def test_a_status_counts_even_when_the_rest_of_the_answer_is_lost(
    play: Play, behave: Callable[[bytes], Behaviour]
) -> None:
    async def main() -> None:
        answer, _ = await attempt(behave(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"), operation())
        assert (answer.status, answer.failure, answer.sha256) == (201, None, None)

    play(main())


def test_a_status_counts_even_when_the_rest_of_the_answer_is_late(play: Play) -> None:
    async def main() -> None:
        said = b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"
        answer, _ = await attempt(saying(said), operation(deadline=0.2))
        assert (answer.status, answer.failure) == (201, None)

    play(main())


def test_an_answer_that_comes_before_the_body_was_sent_counts_and_ends_the_connection(play: Play) -> None:
    async def main() -> None:
        async def early(_: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(reply(413))
            await asyncio.sleep(0.2)

        async with Origin(early, read_bodies=False) as origin, sending(origin.url) as sender:
            answer = await sender.deliver(operation(body=LARGE))
            assert (answer.status, answer.unknown_outcome) == (413, False)
            assert await origin.peer_gone() == "reset"
            assert origin.taken < len(LARGE)

    play(main())


# What goes wrong.


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x16\x03\x01\x02\x00\x01", b"HTTP/1.1 abc\r\n\r\n"])
def test_garbage_is_a_bad_answer_with_an_unknown_outcome(play: Play, said: bytes) -> None:
    async def main() -> None:
        answer, _ = await attempt(then_close(said), operation())
        assert (answer.channel, answer.status) == (Channel.NONE, None)
        assert (answer.failure, answer.unknown_outcome) == (Failure.BAD_ANSWER, True)

    play(main())


def test_endless_headers_are_a_bad_answer(play: Play) -> None:
    async def main() -> None:
        said = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000
        answer, _ = await attempt(saying(said), operation())
        assert (answer.failure, answer.unknown_outcome) == (Failure.BAD_ANSWER, True)

    play(main())


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 201 Cre", b"HTTP/1.1 201 Created\r\nContent-Le"])
@pytest.mark.parametrize("behave", [then_reset, then_close])
def test_a_connection_lost_before_the_status_has_an_unknown_outcome(
    play: Play, behave: Callable[[bytes], Behaviour], said: bytes
) -> None:
    async def main() -> None:
        answer, requests = await attempt(behave(said), operation())
        assert len(requests) == 1
        assert answer.failure in (Failure.RESET, Failure.BAD_ANSWER)  # half a head may be either
        assert answer.failure is Failure.RESET or said
        assert answer.unknown_outcome

    play(main())


def test_no_answer_in_time_has_an_unknown_outcome_and_resets_the_connection(play: Play) -> None:
    async def main() -> None:
        async with Origin(hang) as origin, sending(origin.url) as sender:
            answer = await sender.deliver(operation(deadline=0.2))
            assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, True)
            assert 0.15 < answer.duration < 2.0
            assert await origin.peer_gone() == "reset"

    play(main())


def test_what_has_not_left_by_the_deadline_never_leaves(play: Play) -> None:
    async def main() -> None:
        async def slow(_: Request, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.5)  # reads nothing until the deadline has passed

        async with Origin(slow, read_bodies=False) as origin, sending(origin.url) as sender:
            answer = await sender.deliver(operation(body=LARGE, deadline=0.2))
            assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, True)
            assert await origin.peer_gone() == "reset"
            assert origin.taken < len(LARGE)

    play(main())


def test_the_connection_is_reset_at_the_deadline_though_nobody_reads(play: Play) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)  # noqa: FBT003
            async with sending(f"http://127.0.0.1:{listening.getsockname()[1]}") as sender:
                task = asyncio.create_task(sender.deliver(operation(body=LARGE, deadline=0.2)))
                peer, _ = await loop.sock_accept(listening)
                with peer:
                    assert (await task).failure is Failure.TIMEOUT
                    await asyncio.sleep(0.05)
                    assert peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET

    play(main())


@pytest.mark.parametrize("deadline", [0.0, -1.0])
def test_without_time_nothing_is_sent(play: Play, deadline: float) -> None:
    async def main() -> None:
        answer, requests = await attempt(saying(reply()), operation(deadline=deadline))
        assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, False)
        assert requests == []

    play(main())


def test_a_process_that_was_frozen_past_the_deadline_sends_nothing(play: Play) -> None:
    async def main() -> None:
        class Frozen(SystemClock):
            def monotonic(self) -> float:
                return super().monotonic() + next(jumps)

        jumps = iter([0.0, 100.0, 100.0, 100.0])
        async with Origin(saying(reply())) as origin:
            parsed, _ = read_target({"url": origin.url})
            assert parsed is not None
            guard = GuardedSocketFactory(loopback_allowed=True)
            sender = DicomwebSender(parsed, guard=guard, clock=Frozen(), version="1")
            answer = await sender.deliver(operation(deadline=5.0))
            await sender.close()
            assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, False)
            assert origin.requests == []

    play(main())


def test_a_refused_connection_is_a_known_outcome(play: Play) -> None:
    async def main() -> None:
        async with Origin(saying(reply())) as origin:
            url = origin.url
        async with sending(url) as sender:
            answer = await sender.deliver(operation())
        assert (answer.failure, answer.unknown_outcome) == (Failure.REFUSED, False)

    play(main())


def test_a_name_that_is_not_known_is_a_known_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async def nowhere(*_: Any, **__: Any) -> None:
            raise OSError(-2, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
        async with sending("http://ris.example/dicomweb") as sender:
            answer = await sender.deliver(operation())
        assert (answer.failure, answer.unknown_outcome) == (Failure.NAME, False)

    run_on("asyncio", main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_guard_is_asked_before_anything_is_connected(play: Play, host: str) -> None:
    async def main() -> None:
        async with Origin(saying(reply())) as origin:
            url = origin.url.replace("127.0.0.1", host)
            async with sending(url, loopback_allowed=False) as sender:
                answer = await sender.deliver(operation())
                assert (answer.failure, answer.unknown_outcome) == (Failure.FORBIDDEN_ADDRESS, False)
                assert (await sender.probe(5.0)).failure is Failure.FORBIDDEN_ADDRESS
                assert (await sender.retrieve("2.25.1", 5.0)).answer.failure is Failure.FORBIDDEN_ADDRESS
            assert origin.connections == 0

    play(main())


# TLS.


def test_a_certificate_that_nobody_vouches_for_is_refused(play: Play) -> None:
    async def main() -> None:
        async with Origin(saying(reply()), tls=server_context()) as origin, sending(origin.url) as sender:
            answer = await sender.deliver(operation())
            assert (answer.failure, answer.unknown_outcome) == (Failure.TLS, False)
            assert origin.requests == []

    play(main())


def test_a_trusted_certificate_is_taken(play: Play) -> None:
    async def main() -> None:
        async with (
            Origin(saying(reply()), tls=server_context()) as origin,
            sending(origin.url, tls=trusting_context()) as sender,
        ):
            assert (await sender.deliver(operation())).status == 201
            assert (await sender.deliver(operation(body=LARGE))).status == 201
            assert origin.connections == 1

    play(main())


def test_a_server_without_tls_is_a_failure_of_tls(play: Play) -> None:
    async def main() -> None:
        async def handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(reply(400))
            writer.close()

        server = await asyncio.start_server(handshake, "127.0.0.1", 0)
        async with sending(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as sender:
            answer = await sender.deliver(operation())
        server.close()
        assert (answer.failure, answer.unknown_outcome) == (Failure.TLS, False)

    play(main())


def test_an_untimely_end_over_tls_has_an_unknown_outcome(play: Play) -> None:
    async def main() -> None:
        async with (
            Origin(hang, tls=server_context()) as origin,
            sending(origin.url, tls=trusting_context()) as sender,
        ):
            answer = await sender.deliver(operation(deadline=0.3))
            assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, True)
            await origin.peer_gone()

    play(main())


# Never twice.


@pytest.mark.parametrize("dialect", ["query", "patch"])
@pytest.mark.parametrize("kind", [CREATE, UPDATE])
@pytest.mark.parametrize("end", [then_close(), then_reset()])
def test_a_request_on_a_kept_connection_that_dies_is_not_repeated(
    play: Play, dialect: str, kind: StepOperation, end: Behaviour
) -> None:
    async def main() -> None:
        async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
            if request.target.endswith("2.25.1"):
                writer.write(reply())
            else:
                await end(request, writer)

        async with Origin(behave) as origin, sending(origin.url, dialect=dialect) as sender:
            assert (await sender.deliver(operation(uid="2.25.1"))).status == 201
            answer = await sender.deliver(operation(kind, uid="2.25.2"))
            assert (answer.failure, answer.unknown_outcome) == (Failure.RESET, True)
            assert len(origin.requests) == 2
            assert {each.connection for each in origin.requests} == {1}

    play(main())


@pytest.mark.parametrize("dialect", ["query", "patch"])
def test_a_connection_that_the_server_closed_meanwhile_is_replaced(play: Play, dialect: str) -> None:
    async def main() -> None:
        async with Origin(then_close(reply())) as origin, sending(origin.url, dialect=dialect) as sender:
            for number in range(1, 4):
                assert (await sender.deliver(operation())).status == 201
                await asyncio.sleep(0.05)
                assert origin.connections == number

    play(main())


def test_connections_closed_at_any_moment_never_bring_a_request_twice(play: Play) -> None:
    async def main() -> None:
        async with Origin(then_close(reply())) as origin, sending(origin.url, dialect="patch") as sender:
            answers = [await sender.deliver(operation(uid=f"2.25.{number}")) for number in range(1, 200)]
            targets = [each.target for each in origin.requests]
            assert len(targets) == len(set(targets))
            known = [each for each in answers if not each.unknown_outcome and each.status is None]
            assert len(targets) >= len(answers) - len(known) - sum(each.unknown_outcome for each in answers)

    play(main())


# Giving up.


def test_cancellation_goes_through_and_resets_the_connection(play: Play) -> None:
    async def main() -> None:
        async with Origin(hang) as origin, sending(origin.url) as sender:
            task = asyncio.create_task(sender.deliver(operation()))
            await origin.request_came()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await origin.peer_gone() == "reset"
            origin.behave = saying(reply())
            assert (await sender.deliver(operation())).status == 201
            assert origin.connections == 2

    play(main())


def test_cancellation_stops_a_body_that_is_on_its_way(play: Play) -> None:
    async def main() -> None:
        async def slow(_: Request, __: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.3)

        async with Origin(slow, read_bodies=False) as origin, sending(origin.url) as sender:
            task = asyncio.create_task(sender.deliver(operation(body=LARGE)))
            await origin.request_came()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await origin.peer_gone() == "reset"
            assert origin.taken < len(LARGE)

    play(main())


def test_cancellation_while_an_answer_comes_does_not_keep_the_connection(play: Play) -> None:
    async def main() -> None:
        half = b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf"
        async with Origin(saying(half, reply(200))) as origin, sending(origin.url) as sender:
            task = asyncio.create_task(sender.deliver(operation()))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await sender.deliver(operation())).status == 200
            assert origin.connections == 2

    play(main())


def test_closing_ends_attempts_and_later_ones_do_not_begin(play: Play) -> None:
    async def main() -> None:
        async with Origin(hang) as origin, sending(origin.url) as sender:
            task = asyncio.create_task(sender.deliver(operation()))
            await origin.request_came()
            await sender.close()
            await sender.close()
            under_way = await task
            assert (under_way.failure, under_way.unknown_outcome) == (Failure.LEASE_LOST, True)
            later = await sender.deliver(operation())
            assert (later.failure, later.unknown_outcome) == (Failure.LEASE_LOST, False)
            assert (await sender.probe(1.0)).failure is Failure.LEASE_LOST
            assert len(origin.requests) == 1

    play(main())


# Asking.


@pytest.mark.parametrize("said", [BODY, b"[" + BODY + b"]", b" \n[ " + BODY + b" ] "])
def test_retrieve_takes_an_object_or_an_array_of_one(said: bytes) -> None:
    async def main() -> None:
        async with Origin(saying(reply(200, said))) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 5.0)
            assert (copy.supported, copy.found, copy.data_set) == (True, True, _canonical(BODY))
            (request,) = origin.requests
            assert (request.method, request.target) == ("GET", f"{RESOURCE}/2.25.1")
            assert request.headers["accept"] == "application/dicom+json"
            assert "content-type" not in request.headers

    run_on("asyncio", main())


def test_retrieve_reads_what_was_compressed_unasked() -> None:
    async def main() -> None:
        said = reply(200, gzip.compress(BODY), Content_Encoding="gzip")
        async with Origin(saying(said)) as origin, sending(origin.url) as sender:
            assert (await sender.retrieve("2.25.1", 5.0)).data_set == _canonical(BODY)

    run_on("asyncio", main())


@pytest.mark.parametrize(
    ("status", "said", "supported"),
    [
        *((status, b"", True) for status in (204, 302, 401, 403, 404, 410, 429, 500, 503)),
        *((status, b"", False) for status in (400, 405, 406, 501)),
        (200, b"[]", True),
        (200, b"", True),
    ],
)
def test_retrieve_tells_not_found_from_not_supported(status: int, said: bytes, supported: bool) -> None:
    async def main() -> None:
        async with Origin(saying(reply(status, said, Location="/"))) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 5.0)
            assert (copy.supported, copy.found, copy.data_set) == (supported, False, None)
            assert (copy.answer.status, copy.answer.failure) == (status, None)
            assert len(origin.requests) == 1

    run_on("asyncio", main())


@pytest.mark.parametrize("said", [b"<!doctype html>", b"[1, 2]", b'{"0040": 1}', b"[" + BODY + b"," + BODY + b"]"])
def test_retrieve_of_what_is_no_data_set_is_a_bad_answer(said: bytes) -> None:
    async def main() -> None:
        async with Origin(saying(reply(200, said))) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 5.0)
            assert (copy.supported, copy.found, copy.answer.failure) == (True, False, Failure.BAD_ANSWER)

    run_on("asyncio", main())


def test_retrieve_reads_large_data_sets_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        many = b'{"00400280":{"vr":"LT","Value":["' + b"x" * 2_000_000 + b'"]}}'
        async with Origin(saying(reply(200, many))) as origin, sending(origin.url) as sender:
            assert (await sender.retrieve("2.25.1", 5.0)).found
            monkeypatch.setattr(dicomweb, "RETRIEVE_LIMIT", 1_000_000)
            copy = await sender.retrieve("2.25.1", 5.0)
            assert (copy.supported, copy.found, copy.answer.failure) == (True, False, Failure.BAD_ANSWER)

    run_on("asyncio", main())


HALF = b"HTTP/1.1 %d Whatever\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (then_close(), Failure.RESET),
        (hang, Failure.TIMEOUT),
        (then_close(b"nonsense\r\n\r\n"), Failure.BAD_ANSWER),
    ],
)
def test_retrieve_and_probe_tell_failures(play: Play, behave: Behaviour, failure: Failure) -> None:
    async def main() -> None:
        async with Origin(behave) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 0.3)
            assert (copy.supported, copy.found) == (True, False)
            assert (copy.answer.failure, copy.answer.unknown_outcome) == (failure, False)
            assert (await sender.probe(0.3)).failure is failure

    play(main())


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (then_reset(HALF % 200), Failure.RESET),
        (then_close(HALF % 200), Failure.RESET),
        (saying(HALF % 200), Failure.TIMEOUT),
    ],
)
def test_half_a_data_set_is_a_failure_of_retrieve_but_not_of_a_probe(
    play: Play, behave: Behaviour, failure: Failure
) -> None:
    async def main() -> None:
        async with Origin(behave) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 0.3)
            assert (copy.supported, copy.found, copy.answer.failure) == (True, False, failure)
            answer = await sender.probe(0.3)
            assert (answer.status, answer.failure) == (200, None)

    play(main())


@pytest.mark.parametrize(("status", "supported"), [(404, True), (405, False), (503, True)])
def test_the_status_of_retrieve_counts_without_its_text(play: Play, status: int, supported: bool) -> None:
    async def main() -> None:
        async with Origin(then_reset(HALF % status)) as origin, sending(origin.url) as sender:
            copy = await sender.retrieve("2.25.1", 5.0)
            assert (copy.supported, copy.found) == (supported, False)
            assert (copy.answer.status, copy.answer.failure) == (status, None)

    play(main())


def test_probe_asks_for_a_step_that_cannot_exist() -> None:
    async def main() -> None:
        async with Origin(saying(reply(404))) as origin, sending(origin.url) as sender:
            answer = await sender.probe(5.0)
            assert (answer.channel, answer.status, answer.failure) == (Channel.HTTP, 404, None)
            assert [(each.method, each.target) for each in origin.requests] == [("GET", f"{RESOURCE}/2.25.0")]

    run_on("asyncio", main())


def _canonical(body: bytes) -> bytes:
    return dicomweb._canonical(body, "2.25.1")
