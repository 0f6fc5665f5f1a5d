"""The body of a delivery: the moment before its first byte decides what is known of the outcome."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from mpps_core.clock import SystemClock
from mpps_senders.dicomweb import _Body
from tests.support.aio import run

PIECE = 65536


class Steps(SystemClock):
    """A clock that goes on by one second whenever it is read."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 1.0
        return self._now


def writing(*, closing: bool = False) -> tuple[MagicMock, MagicMock]:
    transport = MagicMock(spec=asyncio.Transport)
    transport.is_closing.return_value = closing
    return MagicMock(transport=transport, write=AsyncMock()), transport


def body(size: int, ends: float = 1000.0) -> _Body:
    return _Body(b"x" * size, "application/dicom+json", Steps(), ends)


def written(writer: MagicMock) -> list[int]:
    return [len(call.args[0]) for call in writer.write.await_args_list]


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        (0, [0]),
        (1, [1]),
        (PIECE, [PIECE]),
        (PIECE + 1, [PIECE, 1]),
        (3 * PIECE, [PIECE] * 3),
    ],
)
def test_a_body_goes_in_pieces(size: int, pieces: list[int]) -> None:
    writer, _ = writing()
    sent = body(size)
    run(sent.write_with_length(writer, size))
    assert written(writer) == pieces
    assert sent.begun
    assert sent.finished
    assert sent.consumed
    assert sent.size == size
    assert sent.decode() == "x" * size


def test_a_late_body_does_not_begin() -> None:
    writer, transport = writing()
    late = body(10, ends=0.5)
    _raises(TimeoutError, lambda: late.write(writer))
    assert written(writer) == []
    assert not late.begun
    assert not late.consumed
    late.abort()
    transport.abort.assert_not_called()


def test_a_body_that_gets_late_stops() -> None:
    writer, transport = writing()
    late = body(5 * PIECE, ends=2.5)
    _raises(TimeoutError, lambda: late.write(writer))
    assert written(writer) == [PIECE, PIECE]
    assert late.begun
    assert not late.finished
    late.abort()
    late.abort()
    transport.abort.assert_called_once_with()


@pytest.mark.parametrize("transport", [None, "closing"])
def test_a_body_whose_connection_is_gone_already_does_not_begin(transport: str | None) -> None:
    writer, _ = writing(closing=True)
    if transport is None:
        writer.transport = None
    lost = body(10)
    _raises(ConnectionResetError, lambda: lost.write(writer))
    assert not lost.begun
    assert not lost.consumed


@pytest.mark.parametrize("error", [OSError(9, "bad file descriptor"), ValueError("negative file descriptor")])
def test_a_socket_that_is_closed_already_does_not_hinder_the_abort(error: Exception) -> None:
    writer, transport = writing()
    sent = body(10)
    run(sent.write(writer))
    transport.get_extra_info.return_value.setsockopt.side_effect = error
    sent.abort()
    transport.abort.assert_called_once_with()


def _raises(kind: type[Exception], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with pytest.raises(kind):
        run(work())
