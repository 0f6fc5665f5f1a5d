"""The commands against a running manager, as somebody at a terminal uses them."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpps_cli.receiver import Receiver
from tests.acceptance.conftest import MakeReceiver
from tests.acceptance.steps import arrived, report
from tests.support.aio import Background
from tests.support.manager import MPPS, Manager, clean_environment, guarded, mpps


@pytest.fixture
def at(manager: Manager) -> dict[str, str]:
    """Give the environment of somebody who uses the manager."""
    return {"MPPS_URL": manager.url}


def test_the_tour(at: dict[str, str], background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    added = mpps("subscriptions", "add", "ris", receiver.url, "--name", "RIS", "--start", "open", env=at)
    assert added.returncode == 0, added.stderr
    sent = mpps("send", "--sample", "ct", env=at)
    assert sent.returncode == 0, sent.stderr
    lines = [line.split() for line in sent.stdout.splitlines()]
    assert [(line[0], line[-2], line[-1]) for line in lines] == [
        ("created", "ct-create.json", "(201)"),
        ("updated", "ct-update.json", "(200)"),
        ("updated", "ct-complete.json", "(200)"),
    ]
    uid = lines[0][1]
    arrived(background, receiver, 3)
    listed = mpps("steps", "list", env=at)
    assert listed.stdout.splitlines()[0].split() == ["UID", "STATUS", "VERSION", "MODALITY", "STATION", "RECEIVED"]
    assert listed.stdout.splitlines()[1].split()[:4] == [uid, "COMPLETED", "3", "CT"]
    shown = mpps("steps", "show", uid, env=at)
    assert shown.returncode == 0
    assert "3 of 3" in shown.stdout
    data_set = json.loads(mpps("steps", "show", uid, "--dataset", env=at).stdout)
    assert data_set[0]["00400252"]["Value"] == ["COMPLETED"]
    first = json.loads(mpps("steps", "show", uid, "--operation", "1", env=at).stdout)
    assert first[0]["00400252"]["Value"] == ["IN PROGRESS"]
    tested = mpps("subscriptions", "test", "ris", env=at)
    assert tested.returncode == 0, tested.stderr
    subscriptions = json.loads(mpps("subscriptions", "list", "--json", env=at).stdout)
    assert [(item["id"], item["name"]) for item in subscriptions] == [("ris", "RIS")]
    assert "ris" in mpps("subscriptions", "list", env=at).stdout
    removed = mpps("subscriptions", "remove", "ris", env=at)
    assert removed.returncode == 0
    assert "nothing more is sent" in removed.stdout
    assert json.loads(mpps("subscriptions", "list", "--json", env=at).stdout) == []


def test_send_files_one_by_one(manager: Manager, at: dict[str, str], tmp_path: Path) -> None:
    assert mpps("send", "--sample", "us", "--save", str(tmp_path)).returncode == 0
    create, complete = str(tmp_path / "us-create.json"), str(tmp_path / "us-complete.json")
    assert mpps("send", create, "--uid", "2.25.7", "--to", manager.base).returncode == 0
    again = mpps("send", create, "--uid", "2.25.7", env=at)
    assert again.returncode == 0, "the same Create again is a success, as the documentation tells modalities"
    assert "already there" in again.stdout
    different = mpps("send", complete, "--uid", "2.25.7", "--as", "create", env=at)
    assert different.returncode == 1
    assert mpps("send", complete, "--uid", "2.25.7", "--as", "update", env=at).returncode == 0
    late = mpps("send", complete, "--uid", "2.25.7", "--as", "update", "--json", env=at)
    assert late.returncode == 1
    facts = json.loads(late.stdout)
    assert (facts["status"], facts["done"]) == (409, False)
    two = mpps("send", create, create, "--as", "create", "--json", env=at)
    assert len({json.loads(line)["uid"] for line in two.stdout.splitlines()}) == 2


def test_send_says_what_was_refused_and_what_was_noticed(at: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00080060": {"vr": "CSX", "Value": ["CT"]}}')
    refused = mpps("send", str(bad), env=at)
    assert refused.returncode == 1
    assert refused.stderr.startswith("mpps: bad.json: create of ")
    assert refused.stderr.splitlines()[1].startswith("  Modality (0008,0060): The vr is none of PS3.5.")
    sparse = tmp_path / "sparse.json"
    sparse.write_text('[{"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}}]')
    noticed = mpps("send", str(sparse), env=at)
    assert noticed.returncode == 0, noticed.stderr
    assert "  warning: " in noticed.stdout


def test_a_subscriber_that_cannot_be_reached(manager: Manager, at: dict[str, str]) -> None:
    manager.subscribe("gone", "http://127.0.0.1:9/dicomweb")
    result = mpps("subscriptions", "test", "gone", env=at)
    assert result.returncode == 1
    assert "Nothing takes connections" in result.stderr


def test_what_the_manager_refuses_is_said(at: dict[str, str]) -> None:
    for arguments, words in (
        (["subscriptions", "add", "RIS!", "http://127.0.0.1:9"], "id: must match"),
        (["subscriptions", "add", "ris", "http://169.254.169.254/x"], "target.url: is an address"),
        (["subscriptions", "add", "ris", "http://x", "--start", "since=yesterday"], "start"),
        (["subscriptions", "remove", "none"], "There is no subscription"),
        (["subscriptions", "test", "none"], "There is no subscription"),
        (["steps", "show", "2.25.404"], "404"),
    ):
        result = mpps(*arguments, env=at)
        assert result.returncode == 1, arguments
        assert words in result.stderr


def test_secrets_of_subscribers_come_from_the_environment(manager: Manager, at: dict[str, str]) -> None:
    env = {**at, "MPPS_SUBSCRIBER_TOKEN": "hidden"}
    assert mpps("subscriptions", "add", "ris", "http://127.0.0.1:9/dicomweb", "--off", env=env).returncode == 0
    (item,) = manager.api("GET", "/subscriptions")["items"]
    assert item["target"]["auth"] == {"kind": "bearer", "token": "***"}
    assert item["enabled"] is False


def test_steps_are_found(manager: Manager, at: dict[str, str]) -> None:
    uid = report(manager)
    for arguments, found in (
        (["--modality", "CT"], [uid]),
        (["--modality", "MR"], []),
        (["--status", "COMPLETED"], [uid]),
        (["--search", "4711"], [uid]),
        (["--search", "4712"], []),
    ):
        result = mpps("steps", "list", "--json", *arguments, env=at)
        assert [step["uid"] for step in json.loads(result.stdout)] == found, arguments


class _Receiving:
    """``mpps receive`` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            guarded([*MPPS, "receive", "--listen", "127.0.0.1:0", *arguments]),
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self.line().split()[-1].strip('"}')

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[_Receiving]:
    receiving = _Receiving("--keep", str(tmp_path / "kept"), "--answer", "503,503,201")
    yield receiving
    receiving.end()


def test_receive(manager: Manager, kept: _Receiving, tmp_path: Path) -> None:
    manager.subscribe("mine", kept.url)
    uid = report(manager)
    lines = [kept.line().split() for _ in range(5)]
    assert [(line[1], line[2], line[3], line[4]) for line in lines] == [
        ("503", "create", "#1", uid),
        ("503", "create", "#1", uid),
        ("201", "create", "#1", uid),
        ("200", "update", "#2", uid),
        ("200", "update", "#3", uid),
    ]
    assert kept.end() == 0
    files = sorted(file.name for file in (tmp_path / "kept" / uid).iterdir())
    assert files == ["00001-create.json", "00002-update.json", "00003-update.json"]


def test_receive_as_json_until_there_is_enough(manager: Manager) -> None:
    receiving = _Receiving("--json", "--count", "2")
    manager.subscribe("mine", receiving.url)
    uid = report(manager)
    facts = [json.loads(receiving.line()) for _ in range(2)]
    assert [(each["uid"], each["number"], each["answer"]) for each in facts] == [(uid, 1, 201), (uid, 2, 200)]
    assert receiving.process.wait(20) == 0
    receiving.end()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--answer", "a"], 2, "is not a list of HTTP statuses"),
        (["--answer", "99"], 2, "is not a list of HTTP statuses"),
        (["--listen", "here"], 2, "HOST:PORT"),
        (["--listen", "192.0.2.1:0"], 1, "cannot be listened on"),
    ],
)
def test_receive_that_cannot_be(arguments: list[str], code: int, words: str) -> None:
    result = mpps("receive", *arguments)
    assert result.returncode == code
    assert words in result.stderr


def test_doctor_asks_the_manager(manager: Manager, receiving: MakeReceiver) -> None:
    well = receiving(Receiver())
    manager.subscribe("well", well.url)
    env = {"MPPS_HTTP__LISTEN": manager.url.removeprefix("http://")}
    arguments = ("doctor", "--data", str(manager.directory), "--json")
    result = mpps(*arguments, env=env)
    assert result.returncode == 0, result.stdout + result.stderr
    found = {finding["about"]: finding for finding in json.loads(result.stdout)}
    assert found["subscriber well"]["verdict"] == "ok"
    manager.subscribe("gone", "http://127.0.0.1:9/dicomweb")
    result = mpps(*arguments, env=env)
    assert result.returncode == 1
    found = {finding["about"]: finding for finding in json.loads(result.stdout)}
    assert found["subscriber gone"]["verdict"] == "fail"
    assert found["subscriber gone"]["advice"]
