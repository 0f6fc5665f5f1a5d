"""Reading bodies: whole and within the limit, or not at all."""

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from mpps_web.problems import Problem, problem_response

LINGER: Final = 5.0
"""Seconds that a client gets to stop sending what nobody will read, and to read the answer instead."""


class ClientGone(Exception):
    """The client left before its request was whole; there is nobody to answer."""


class BodyTooLarge(Problem):
    """The body has more bytes than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            status=413,
            slug="body-too-large",
            title="The body is too large",
            detail=f"A body may have {limit} bytes.",
            headers={"Connection": "close"},
            extra={"limit": limit},
        )


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], *, limit: int, patience: float) -> bytes:
    """Read the whole body, at most ``limit`` bytes; those that arrive in chunks are counted.

    Raises BodyTooLarge, before anything is read when Content-Length says so already; ClientGone when the client
    left in the middle; Problem 408 when it sent nothing for ``patience`` seconds.
    """
    declared = headers.get(b"content-length")
    if declared is not None and int(declared) > limit:
        raise BodyTooLarge(limit)
    chunks: list[bytes] = []
    size, more = 0, True
    try:
        while more:
            async with asyncio.timeout(patience):
                chunk, more = await _chunk(receive)
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            status=408,
            slug="body-timeout",
            title="The body did not come",
            detail=f"Nothing came for {patience:g} seconds.",
            headers={"Connection": "close"},
        ) from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def refuse_body(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    """Answer at once, then drop what still comes for a while before the connection is closed.

    Closed with bytes unread, the connection would be reset, and the client might never see the answer.
    """

    async def lingering(message: Message) -> None:
        if message["type"] != "http.response.body" or message.get("more_body"):
            await send(message)
            return
        await send({**message, "more_body": True})
        try:
            async with asyncio.timeout(LINGER):
                while (await _chunk(receive))[1]:
                    pass
        except (ClientGone, TimeoutError):
            pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    await problem_response(Request(scope), problem)(scope, receive, lingering)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)
