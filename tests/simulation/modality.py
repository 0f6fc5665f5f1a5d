"""Simulated modalities: they report each step once, repeat what was not acknowledged, and remember every answer."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from mpps_core.accepting.acceptor import Acceptor, Submission
from mpps_core.errors import AcceptError, AlreadyExists, StepFinal, TooManyOperations, TryLater, UnknownStep
from tests.simulation.chaos import PROCESS, Process

Door = Callable[[], tuple[Process, Acceptor] | None]


@dataclass
class Call:
    """One request and its answer."""

    uid: str
    request_id: str
    marker: str
    answer: str  # accepted, or the name of the error, or silence
    number: int = 0
    at: float = 0.0


@dataclass
class Book:
    """Every call of every modality."""

    calls: list[Call] = field(default_factory=list)

    def accepted(self) -> list[Call]:
        return [call for call in self.calls if call.answer == "accepted"]


DEFINITE = {UnknownStep, StepFinal, TooManyOperations}
"""Answers that say: this request was not and will not be stored."""


def body(marker: str, status: str | None = None) -> bytes:
    data: dict[str, Any] = {"00400254": {"vr": "LO", "Value": [marker]}}
    if status is not None:
        data["00400252"] = {"vr": "CS", "Value": [status]}
    return orjson.dumps(data)


class Modality:
    """Works through its steps one after the other."""

    def __init__(self, name: str, rng: random.Random, door: Door, book: Book) -> None:
        self.name = name
        self._rng = rng
        self._door = door
        self._book = book
        self._calls = 0

    async def run(self, steps: int) -> None:
        for index in range(steps):
            await asyncio.sleep(self._rng.random() * 8.0)
            uid = f"2.25.{self.name}{index}{self._rng.getrandbits(40)}"
            await self._step(uid)

    async def _step(self, uid: str) -> None:
        if not await self._until_taken(uid, body(f"{uid}/create", "IN PROGRESS"), f"{uid}/create", create=True):
            return
        for update in range(self._rng.randint(0, 3)):
            await asyncio.sleep(self._rng.random() * 4.0)
            marker = f"{uid}/{update}"
            status = "IN PROGRESS" if self._rng.random() < 0.3 else None
            if not await self._until_taken(uid, body(marker, status), marker, create=False):
                return
        if self._rng.random() < 0.85:
            await asyncio.sleep(self._rng.random() * 4.0)
            final = self._rng.choice(["COMPLETED", "DISCONTINUED"])
            await self._until_taken(uid, body(f"{uid}/final", final), f"{uid}/final", create=False)

    async def _until_taken(self, uid: str, data: bytes, marker: str, *, create: bool) -> bool:
        """Repeat a request until it is taken; tell whether the step can go on."""
        while True:
            call = await self._call(uid, data, marker, create=create)
            if call.answer in {"accepted", "AlreadyExists same"}:
                return True
            if call.answer not in {"TryLater", "silence"}:
                return False
            await asyncio.sleep(0.2 + self._rng.random() * 2.0)

    async def _call(self, uid: str, data: bytes, marker: str, *, create: bool) -> Call:
        self._calls += 1
        call = Call(uid=uid, request_id=f"{self.name}-{self._calls}", marker=marker, answer="silence")
        self._book.calls.append(call)
        opened = self._door()
        if opened is None:
            return call
        process, acceptor = opened
        submission = Submission(
            uid=uid, body=data, door="sim", source=self.name, client=None, request_id=call.request_id
        )
        # The request is handled inside the process: if that dies, the answer never comes and the modality times out.
        handling = asyncio.get_running_loop().create_task(_handle(process, acceptor, submission, create=create))
        done, _ = await asyncio.wait([handling], timeout=20.0)
        if done and not handling.cancelled():
            call.answer, call.number = handling.result()
        call.at = asyncio.get_running_loop().time()
        return call


async def _handle(process: Process, acceptor: Acceptor, submission: Submission, *, create: bool) -> tuple[str, int]:
    PROCESS.set(process)
    if process.dead:
        return "silence", 0
    task = asyncio.current_task()
    if task is not None:
        process.tasks.add(task)
    try:
        accepted = await (acceptor.create(submission) if create else acceptor.update(submission))
    except AlreadyExists as error:
        return f"AlreadyExists {'same' if error.same_content else 'other'}", 0
    except (AcceptError, TryLater) as error:
        return type(error).__name__, 0
    else:
        return "accepted", accepted.number
