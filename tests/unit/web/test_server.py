"""The server: binding, stopping, certificates."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from mpps_core.errors import ConfigurationError
from mpps_web.app import create_app
from mpps_web.server import HttpServer, bind, loop_factory
from tests.integration.ingest.harness import read_answer
from tests.support.aio import run
from tests.support.tls import self_signed, trusting_context

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{word}.complete"})
            return
        self.entered.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_port_0_is_any_free_port(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> None:
        server = HttpServer(create_app([]), "127.0.0.1", 0)
        await server.start()
        host, port = server.address
        assert (host, server.url) == ("127.0.0.1", f"http://127.0.0.1:{port}")
        assert port > 0
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(GET)
        assert (await read_answer(reader, "GET")).status == 404
        writer.close()
        await server.stop(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def test_taken_port_is_named() -> None:
    async def main() -> None:
        first = HttpServer(create_app([]), "127.0.0.1", 0)
        await first.start()
        port = first.address[1]
        with pytest.raises(ConfigurationError) as caught:
            await HttpServer(create_app([]), "127.0.0.1", port).start()
        assert caught.value.detail.startswith(f"127.0.0.1:{port} is taken")
        await first.stop(1)

    run(main())


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_address_that_is_not_ours_is_named(host: str) -> None:
    async def main() -> None:
        with pytest.raises(ConfigurationError) as caught:
            await bind(host, 0)
        assert host in caught.value.detail

    run(main())


def test_localhost_has_one_port_for_all_its_addresses() -> None:
    async def main() -> None:
        sockets = await bind("localhost", 0)
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        for sock in sockets:
            sock.close()

    run(main())


def test_what_is_in_flight_finishes() -> None:
    async def main() -> None:
        app = Slow()
        server = HttpServer(app, "127.0.0.1", 0)
        await server.start()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(GET)
        await app.entered.wait()
        stopping = asyncio.create_task(server.stop(10))
        await asyncio.sleep(0)
        app.go_on.set()
        answer = await read_answer(reader, "GET")
        assert (answer.status, answer.body) == (200, b"ok")
        await asyncio.wait_for(stopping, 5)
        writer.close()

    run(main())


def test_grace_ends() -> None:
    async def main() -> None:
        app = Slow()
        server = HttpServer(app, "127.0.0.1", 0)
        await server.start()
        _, writer = await asyncio.open_connection(*server.address)
        writer.write(GET)
        await app.entered.wait()
        await server.stop(0.05)
        assert app.cancelled
        writer.close()

    run(main())


def test_stopping_what_never_started_is_nothing() -> None:
    run(HttpServer(create_app([]), "127.0.0.1", 0).stop())


def test_application_that_does_not_start_is_a_configuration_error() -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if app.title:
            raise ValueError("no")
        yield

    async def main() -> None:
        with pytest.raises(ConfigurationError):
            await HttpServer(create_app([], lifespan=lifespan), "127.0.0.1", 0).start()

    run(main())


def test_certificate_that_is_none_is_named(tmp_path: Any) -> None:
    bad = tmp_path / "cert.pem"
    bad.write_text("nonsense")

    async def main() -> None:
        for path in (bad, tmp_path / "missing.pem"):
            with pytest.raises(ConfigurationError) as caught:
                await HttpServer(create_app([]), "127.0.0.1", 0, tls_cert=path, tls_key=path).start()
            assert str(path) in caught.value.detail

    run(main())


def test_tls() -> None:
    cert, key = self_signed()

    async def main() -> None:
        server = HttpServer(create_app([]), "localhost", 0, tls_cert=cert, tls_key=key)
        await server.start()
        assert server.url == f"https://localhost:{server.address[1]}"
        reader, writer = await asyncio.open_connection(*server.address, ssl=trusting_context())
        writer.write(GET)
        assert (await read_answer(reader, "GET")).status == 404
        writer.close()
        await writer.wait_closed()
        await server.stop(1)

    run(main())


def test_loop_is_one_that_runs() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"
