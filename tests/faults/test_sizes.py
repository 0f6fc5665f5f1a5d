"""Steps of unusual size: very many images, very many operations."""

import asyncio
import io
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest

from mpps_cli.modality import new_uid
from tests.faults.account import take
from tests.faults.modality import Sent, marked
from tests.faults.subscriber import Subscriber
from tests.faults.waiting import eventually, stored_steps
from tests.support.aio import run
from tests.support.manager import Manager
from tests.support.modalities import DataSet, Step, ct

pytestmark = pytest.mark.faults

_SETTINGS: Final = """\
[telemetry]
log_level = "warning"
"""
_IMAGES: Final = 250_000
_OPERATIONS: Final = 5_000
_MINUTES: Final = 120.0
_CONTENT: Final = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
_IMAGE_SEQUENCE: Final = "00081140"
_SERIES: Final = "00400340"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager(tmp_path / "data", settings=_SETTINGS) as manager:
        yield manager


@pytest.fixture
def ris(manager: Manager) -> Iterator[Subscriber]:
    with Subscriber("ris") as ris:
        manager.subscribe("ris", ris.url, limits={"timeout_s": 120})
        yield ris


def test_a_step_with_250000_images_while_small_steps_are_answered(manager: Manager, ris: Subscriber) -> None:
    uid = new_uid()
    bodies = _with_images(marked(ct(uid, seed=1)), _IMAGES)
    small: list[Sent] = []
    longest = run(_beside(manager, uid, bodies, small), timeout=_MINUTES)
    sent = [Sent(uid, len(bodies), acknowledged=len(bodies)), *small]
    ris.wait_for(sum(step.acknowledged for step in sent), _MINUTES)
    eventually(lambda: not manager.client.pages("/lanes", limit=1, state="behind"))
    assert not take(sent, stored_steps(manager), {"ris": ris.arrivals}).wrong
    sizes = [each.size for each in ris.accepted(uid)]
    assert sizes[0] > 20_000_000
    assert sizes[1] > 20_000_000
    print(f"{_IMAGES} images; {len(small)} small steps beside them, the slowest answered in {longest:.2f} s")


def test_a_step_with_5000_operations(manager: Manager, ris: Subscriber) -> None:
    uid = new_uid()
    create, interim, final = marked(ct(uid, seed=2))
    step: Step = [create]
    step += [(interim[0], _numbered(interim[1], number)) for number in range(1, _OPERATIONS - 1)]
    step.append((final[0], _numbered(final[1], _OPERATIONS - 1)))
    connection = HTTPConnection(urlsplit(manager.url).netloc, timeout=30)
    for number, (_, data_set) in enumerate(step):
        path = f"/dicomweb/modality-performed-procedure-steps/{uid}{'?update' if number else ''}"
        connection.request("POST", path, orjson.dumps(data_set), _CONTENT)
        response = connection.getresponse()
        response.read()
        assert response.status == (200 if number else 201)
    connection.close()
    ris.wait_for(_OPERATIONS, _MINUTES)
    came = ris.accepted(uid)
    assert [each.number for each in came] == list(range(1, _OPERATIONS + 1))
    assert [each.marker for each in came] == list(range(_OPERATIONS))
    assert manager.api("GET", f"/steps/{uid}")["version"] == _OPERATIONS


async def _beside(manager: Manager, uid: str, bodies: list[bytes], small: list[Sent]) -> float:
    """Send the operations of a large step, and small steps until they are through; return the longest answer."""
    longest = 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_MINUTES)) as session:

        async def large() -> None:
            for number, body in enumerate(bodies):
                await _post(session, manager, uid, body, update=number > 0)

        task = asyncio.create_task(large())
        while not task.done():
            step = Sent(new_uid(), 1)
            (_, create), *_ = marked(ct(step.uid, seed=len(small)))
            begun = time.monotonic()
            await _post(session, manager, step.uid, orjson.dumps(create), update=False)
            longest = max(longest, time.monotonic() - begun)
            step.acknowledged = 1
            small.append(step)
        await task
    return longest


async def _post(session: aiohttp.ClientSession, manager: Manager, uid: str, body: bytes, *, update: bool) -> None:
    url = f"{manager.base}/modality-performed-procedure-steps/{uid}{'?update' if update else ''}"
    async with session.post(url, data=io.BytesIO(body), headers=_CONTENT) as response:
        assert response.status == (200 if update else 201), await response.text()


def _with_images(step: Step, images: int) -> list[bytes]:
    """Return the bodies of a step whose Create and first Update name so many images."""
    (_, create), (_, interim), *rest = step
    (series,) = interim[_SERIES]["Value"]
    (pattern,) = series[_IMAGE_SEQUENCE]["Value"][:1]
    root = pattern["00081155"]["Value"][0].rpartition(".")[0]
    sop_class = pattern["00081150"]
    references: list[dict[str, Any]] = [
        {"00081150": sop_class, "00081155": {"vr": "UI", "Value": [f"{root}.{number}"]}} for number in range(images)
    ]
    full = {**series, _IMAGE_SEQUENCE: {"vr": "SQ", "Value": references}}
    with_series = {"vr": "SQ", "Value": [full]}
    return [
        orjson.dumps({**create, _SERIES: with_series}),
        orjson.dumps({**interim, _SERIES: with_series}),
        *(orjson.dumps(data_set) for _, data_set in rest),
    ]


def _numbered(data_set: DataSet, number: int) -> DataSet:
    ((_, numbered),) = marked([("update", data_set)], first=number)
    return numbered
