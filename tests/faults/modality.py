"""A modality that never gives up: it repeats an operation until it is acknowledged, then sends the next one."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from tests.support.modalities import COMPLETED, DISCONTINUED, MODALITIES, DataSet, Step

_PAUSE: Final = 0.02  # seconds before an operation is repeated
_COMMENTS: Final = "00400280"
_CLIENT_ERRORS: Final = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(slots=True)
class Sent:
    """What a modality knows of one of its steps."""

    uid: str
    operations: int
    acknowledged: int = 0  #: so many of its operations, the first ones


@dataclass(slots=True)
class Modality:
    """Reports one step after the other to the DICOMweb services at ``base``."""

    kind: str
    base: str
    rng: random.Random
    steps: list[Sent] = field(default_factory=list)
    repeats: int = 0  #: attempts beyond the first

    async def run(self, stop: asyncio.Event) -> None:
        """Report steps until told to stop; the step begun last is reported to its end."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            while not stop.is_set():
                await self._report(session)

    async def _report(self, session: aiohttp.ClientSession) -> None:
        uid = f"2.25.{uuid.UUID(int=self.rng.getrandbits(128), version=4).int}"
        outcome = DISCONTINUED if self.rng.randrange(8) == 0 else COMPLETED
        step = marked(MODALITIES[self.kind](uid, seed=self.rng.randrange(10**6), outcome=outcome))
        sent = Sent(uid, len(step))
        self.steps.append(sent)
        for kind, data_set in step:
            await self._send(session, uid, orjson.dumps(data_set), update=kind == "update")
            sent.acknowledged += 1
            await asyncio.sleep(self.rng.random() * _PAUSE)

    async def _send(self, session: aiohttp.ClientSession, uid: str, body: bytes, *, update: bool) -> None:
        unknown = False  # whether an attempt may have been stored without our knowing
        while True:
            try:
                status, problem = await _post(session, self.base, uid, body, update=update)
            except _CLIENT_ERRORS:
                unknown = True
            else:
                if status in {200, 201}:
                    return
                if status == 409 and unknown and (update or problem.get("same_content") is True):
                    # A Create that is there already, or an Update that closed the step when it first came.
                    return
                if status != 503:
                    raise AssertionError(f"{self.kind} was answered {status}: {problem}")
                unknown = True
            self.repeats += 1
            await asyncio.sleep(_PAUSE)


def marked(step: Step, first: int = 0) -> Step:
    """Write into each operation of a step which one it is, so that a repeated one is recognised."""
    return [(kind, _marked(data_set, number)) for number, (kind, data_set) in enumerate(step, first)]


def marker_in(body: bytes) -> int | None:
    """Return what ``marked`` wrote into a body."""
    try:
        value = orjson.loads(body)
        data_set = value[0] if isinstance(value, list) else value
        return int(data_set[_COMMENTS]["Value"][0].removeprefix("operation "))
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, ValueError):
        return None


def _marked(data_set: DataSet, number: int) -> DataSet:
    return dict(sorted({**data_set, _COMMENTS: {"vr": "ST", "Value": [f"operation {number}"]}}.items()))


async def _post(
    session: aiohttp.ClientSession, base: str, uid: str, body: bytes, *, update: bool
) -> tuple[int, dict[str, Any]]:
    url = f"{base}/modality-performed-procedure-steps/{uid}{'?update' if update else ''}"
    headers = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
    async with session.post(url, data=body, headers=headers) as response:
        text = await response.read()
        return response.status, orjson.loads(text) if text else {}
