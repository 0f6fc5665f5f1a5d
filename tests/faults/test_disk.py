"""A disk that takes no more: refused with 503, nothing acknowledged, and all well again when it does."""

import contextlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
import pytest

from mpps_cli.client import Reply
from mpps_cli.modality import new_uid
from tests.faults.account import take
from tests.faults.modality import Sent, marked
from tests.faults.namespaces import mount_small_disk, with_mounts
from tests.faults.subscriber import Subscriber
from tests.faults.waiting import eventually, stored_steps
from tests.support.manager import Manager
from tests.support.modalities import ct

pytestmark = pytest.mark.faults

_SETTINGS: Final = """\
[forwarding]
first_delay = 0.1
max_delay = 0.5
poll = 0.5

[telemetry]
log_level = "warning"
"""
_DISK: Final = 16 * 1024 * 1024
_MANY: Final = 20_000
_IN_A_ROW: Final = 25
_CONTENT: Final = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}


@dataclass(slots=True)
class _Sending:
    """Creates, each for a step of its own, and what was answered."""

    manager: Manager
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def one(self) -> bool:
        """Send a Create and tell whether it was acknowledged; otherwise it has to be refused as an outage is."""
        uid = new_uid()
        body = orjson.dumps(marked(ct(uid, seed=len(self.sent)))[0][1])
        reply = _create(self.manager, uid, body)
        if reply.status == 201:
            self.sent.append(Sent(uid, 1, acknowledged=1))
            return True
        assert reply.status == 503, (reply.status, reply.body)
        assert int(reply.headers["retry-after"]) > 0
        assert reply.headers["content-type"] == "application/problem+json"
        self.refused.append(uid)
        return False

    def until_refused(self) -> None:
        """Send until nothing is accepted any more."""
        in_a_row = 0
        for _ in range(_MANY):
            in_a_row = 0 if self.one() else in_a_row + 1
            if in_a_row == _IN_A_ROW:
                return
        raise AssertionError(f"{_MANY} were accepted by a disk that is full")

    def check(self, subscriber: Subscriber) -> None:
        """Everything acknowledged is there and arrives, and nothing else."""
        subscriber.wait_for(len(self.sent))
        stored = stored_steps(self.manager)
        account = take(self.sent, stored, {subscriber.name: subscriber.arrivals})
        assert not account.wrong
        known = {step.uid for step in self.sent}
        # A refused one whose text says "outcome unknown" may be there all the same; none was found so far.
        assert set(stored) == known, set(stored) ^ known
        print(f"{len(self.sent)} acknowledged and delivered, {len(self.refused)} refused")


@with_mounts
def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    directory = tmp_path / "disk"
    mount_small_disk(directory, _DISK)
    with Subscriber("ris") as subscriber, Manager(directory / "data", settings=_SETTINGS) as manager:
        manager.subscribe("ris", subscriber.url)
        sending = _Sending(manager)
        for _ in range(20):
            assert sending.one()
        with _full(directory):
            sending.until_refused()
            assert manager.client.request("GET", "/healthz").status == 200
        eventually(sending.one)
        for _ in range(20):
            assert sending.one()
        sending.check(subscriber)


@with_mounts
def test_a_manager_with_a_full_disk_is_not_ready_until_there_is_room_again(tmp_path: Path) -> None:
    directory = tmp_path / "disk"
    mount_small_disk(directory, _DISK)
    with Manager(directory / "data", settings=_SETTINGS) as manager:
        sending = _Sending(manager)
        assert sending.one()
        with _full(directory):
            sending.until_refused()
            _refuses_and_says_why(manager)
        # Nobody sends while it is not ready: it has to find out by itself.
        eventually(lambda: _is_ready(manager))
        assert sending.one()


def test_a_directory_that_is_read_only_at_the_start_is_waited_for(tmp_path: Path) -> None:
    with Subscriber("ris") as subscriber:
        manager = Manager(tmp_path / "data", settings=_SETTINGS, drop_capabilities=True)
        with manager:
            manager.subscribe("ris", subscriber.url)
            sending = _Sending(manager)
            assert sending.one()
            manager.stop()
            with _read_only(manager.directory):
                manager.launch()
                manager.wait_door()
                for _ in range(5):
                    assert not sending.one()
                _refuses_and_says_why(manager)
            manager.wait_ready()
            eventually(lambda: _is_ready(manager))
            for _ in range(5):
                assert sending.one()
            sending.check(subscriber)


def test_a_disk_that_takes_no_more_writes_while_running_refuses_and_recovers(tmp_path: Path) -> None:
    with Subscriber("ris") as subscriber, Manager(tmp_path / "data", settings=_SETTINGS) as manager:
        manager.subscribe("ris", subscriber.url)
        sending = _Sending(manager)
        for _ in range(20):
            assert sending.one()
        with _no_writes(manager.pid):
            sending.until_refused()
            _refuses_and_says_why(manager)
        eventually(lambda: _is_ready(manager))
        for _ in range(20):
            assert sending.one()
        sending.check(subscriber)


def _create(manager: Manager, uid: str, body: bytes) -> Reply:
    path = f"/dicomweb/modality-performed-procedure-steps/{uid}"
    return manager.client.request("POST", path, body, _CONTENT)


def _is_ready(manager: Manager) -> bool:
    return manager.client.request("GET", "/readyz").status == 200


def _refuses_and_says_why(manager: Manager) -> None:
    assert manager.client.request("GET", "/healthz").status == 200
    ready = manager.client.request("GET", "/readyz")
    assert ready.status == 503, ready.body
    assert ready.json()["missing"]["store"]
    print("readyz:", ready.json()["missing"]["store"])


@contextmanager
def _full(directory: Path) -> Iterator[None]:
    """Leave no byte free on the disk that a directory is on."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        for size in (1024 * 1024, 4096):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(size))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def _read_only(directory: Path) -> Iterator[None]:
    mode = directory.stat().st_mode
    files = {path: path.stat().st_mode for path in directory.iterdir()}
    for path in files:
        path.chmod(0o444)
    directory.chmod(0o555)
    try:
        yield
    finally:
        directory.chmod(mode)
        for path, before in files.items():
            path.chmod(before)


@contextmanager
def _no_writes(pid: int) -> Iterator[None]:
    """Have the system fail each write of a process to a file, as a disk does that has become read-only."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
