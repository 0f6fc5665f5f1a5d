"""``mpps up``: one command, from its doors to its end."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import orjson
import pytest

from mpps_cli.modality import Modality, new_uid
from mpps_cli.receiver import Receiver
from mpps_cli.samples import Sample
from tests.acceptance.conftest import QUICK, MakeReceiver
from tests.acceptance.steps import arrived, bodies, proved, report, send
from tests.support.aio import Background
from tests.support.manager import Manager, mpps
from tests.support.modalities import ct, padded


def test_it_prints_its_door_and_ready(manager: Manager) -> None:
    assert manager.stdout == [
        f"http  {manager.url}  DICOMweb below /dicomweb, management below /api/v1, pages at /",
        "ready",
    ]
    assert not manager.url.endswith(":0")
    assert manager.client.request("GET", "/healthz").status == 200
    assert manager.client.request("GET", "/readyz").json()["ready"] is True
    assert manager.client.request("GET", "/").status == 200
    assert b"mpps_steps_open 0.0" in manager.client.request("GET", "/metrics").body


def test_a_step_from_create_to_retrieve(manager: Manager) -> None:
    uid = report(manager)
    reply = manager.client.request("GET", f"/dicomweb/modality-performed-procedure-steps/{uid}")
    (state,) = reply.json()
    assert state["00400252"]["Value"] == ["COMPLETED"]
    assert manager.api("GET", f"/steps/{uid}")["version"] == 3


def test_every_subscriber_gets_everything_in_order(
    manager: Manager, background: Background, receiving: MakeReceiver
) -> None:
    well, told = receiving(), receiving(Receiver(answers=[503, 503, 201, 500]))
    manager.subscribe("well", well.url)
    manager.subscribe("told", told.url)
    steps = {report(manager, sample): bodies(sample) for sample in Sample}
    operations = sum(map(len, steps.values()))
    for receiver in (well, told):
        arrived(background, receiver, operations)
        assert proved(receiver, steps).expected == operations
    assert {each.number for each in well.accepted()} == {1, 2, 3, 4, 5}


def test_a_large_step_goes_all_the_way(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    manager.subscribe("ris", receiver.url)
    uid = new_uid()
    # More than is worked on where others wait: another process reads it.
    large = [orjson.dumps(data_set) for _, data_set in padded(ct(uid, seed=1), 1_500_000)]
    assert max(map(len, large)) > 1_500_000
    for number, body in enumerate(large, start=1):
        send(manager, uid, body, update=number > 1)
    arrived(background, receiver, len(large))
    proved(receiver, {uid: large})


def test_a_late_subscriber_gets_open_steps_from_their_create_on(
    manager: Manager, background: Background, receiving: MakeReceiver
) -> None:
    create, update, final = bodies()
    uid = new_uid()
    send(manager, uid, create, update=False)
    send(manager, uid, update, update=True)
    late = receiving()
    manager.subscribe("late", late.url, start="open")
    send(manager, uid, final, update=True)
    arrived(background, late, 3)
    proved(late, {uid: bodies()})


def test_a_restart_keeps_everything(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    manager.subscribe("ris", receiver.url)
    create, *updates = bodies()
    uid = new_uid()
    send(manager, uid, create, update=False)
    arrived(background, receiver, 1)
    assert manager.stop() == 0
    manager.start()
    assert [item["id"] for item in manager.api("GET", "/subscriptions")["items"]] == ["ris"]
    for update in updates:
        send(manager, uid, update, update=True)
    arrived(background, receiver, 3)
    assert proved(receiver, {uid: bodies()}).repeated == 0


def test_after_a_crash_it_goes_on(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    receiver.available = False
    manager.subscribe("ris", receiver.url)
    steps = {report(manager, sample): bodies(sample) for sample in Sample}
    manager.kill()
    receiver.available = True
    manager.start()
    arrived(background, receiver, sum(map(len, steps.values())))
    proved(receiver, steps)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_in_flight_is_finished(
    number: signal.Signals, manager: Manager, background: Background, receiving: MakeReceiver
) -> None:
    slow = receiving(Receiver(delay=1.0))
    manager.subscribe("slow", slow.url)
    create, update, _ = bodies()
    uid = new_uid()
    send(manager, uid, create, update=False)
    background.call(slow.until(lambda: slow.busy > 0))
    half = _half_sent(manager, uid, update)
    os.kill(manager.pid, number)
    manager.wait_line("stopping", stderr=True)
    half.sendall(update[len(update) // 2 :])
    with half:
        answer = half.recv(4096)
    assert answer.startswith(b"HTTP/1.1 200")
    assert manager.wait() == 0
    assert [each.number for each in slow.accepted()] == [1]
    manager.start()
    arrived(background, slow, 2)
    # The Create was delivered and that was remembered: it does not come again.
    assert [each.number for each in slow.arrivals] == [1, 2]


def _half_sent(manager: Manager, uid: str, body: bytes) -> socket.socket:
    host, port = manager.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        f"POST /dicomweb/modality-performed-procedure-steps/{uid}?update HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/dicom+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body[: len(body) // 2])
    # Answered after what was sent before it on another connection: by then the half request has been seen.
    for _ in range(3):
        manager.client.request("GET", "/healthz")
    return connection


def test_a_subscriber_that_hangs_does_not_hold_it_up_for_longer_than_the_grace(
    tmp_path: Path, background: Background, receiving: MakeReceiver
) -> None:
    hanging = receiving()
    hanging.hang()
    with Manager(tmp_path / "data", settings="shutdown_grace = 1\n" + QUICK) as manager:
        manager.subscribe("hanging", hanging.url)
        report(manager, Sample.US)
        background.call(hanging.until(lambda: hanging.busy > 0))
        begun = time.monotonic()
        assert manager.stop() == 0
        assert 0.5 < time.monotonic() - begun < 10


def test_a_second_signal_ends_it_at_once(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    hanging = receiving()
    hanging.hang()
    manager.subscribe("hanging", hanging.url)
    report(manager, Sample.US)
    background.call(hanging.until(lambda: hanging.busy > 0))
    manager.terminate()
    manager.wait_line("stopping", stderr=True)
    manager.terminate()
    assert manager.wait(5) == 1


def test_it_is_not_ready_while_it_drains(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    slow = receiving(Receiver(delay=1.0))
    manager.subscribe("slow", slow.url)
    report(manager, Sample.US)
    background.call(slow.until(lambda: slow.busy > 0))
    manager.terminate()
    assert manager.wait() == 0
    assert "Traceback" not in "\n".join(manager.stderr)


def test_a_second_manager_on_the_same_data_is_refused(manager: Manager) -> None:
    second = mpps("up", "--data", str(manager.directory), "--http", "127.0.0.1:0")
    assert second.returncode == 1
    reason, hint = second.stderr.splitlines()
    assert reason == f"mpps: {manager.directory}: another manager uses this data directory (pid {manager.pid})"
    assert hint.startswith("hint: --data names another directory")
    assert second.stdout == ""


def test_a_port_that_is_taken_is_refused(manager: Manager, tmp_path: Path) -> None:
    second = mpps("up", "--data", str(tmp_path / "other"), "--http", manager.url.removeprefix("http://"))
    assert second.returncode == 1
    assert "is taken by another program" in second.stderr.splitlines()[0]
    assert "--http" in second.stderr.splitlines()[1]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("[forwarding]\nmax_dely = 3", "forwarding.max_dely: unknown setting (did you mean forwarding.max_delay?)"),
        ("[forwarding]\nmax_delay = 0", "forwarding.max_delay: input should be greater than 0 (got 0)"),
        (
            "[[subscriptions]]\nid = 'ris'\ntarget.url = 'ftp://x'",
            "subscriptions.ris.target.url must begin with http:// or https://",
        ),
    ],
)
def test_bad_settings_stop_the_start(settings: str, reason: str, tmp_path: Path) -> None:
    config = tmp_path / "mpps.toml"
    config.write_text(settings)
    result = mpps("up", "--config", str(config), "--data", str(tmp_path / "data"), "--http", "127.0.0.1:0")
    assert result.returncode == 1
    first, hint = result.stderr.splitlines()
    assert first.startswith(f"mpps: {reason}")
    assert hint.startswith("hint: ")
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("http", "settings", "reason"),
    [
        ("0.0.0.0:0", "", "it needs TLS"),
        ("[::]:0", "", "it needs TLS"),
        ("192.0.2.1:8246", "", "at least one key"),
        ("127.0.0.1:0", "[http]\nbehind_proxy = true", "http.behind_proxy needs the networks of the proxies"),
        ("127.0.0.1:0", "[http]\nbehind_proxy = true\ntrusted_proxies = ['127.0.0.1/32']", "at least one key"),
    ],
)
def test_a_door_that_others_reach_needs_tls_and_keys(http: str, settings: str, reason: str, tmp_path: Path) -> None:
    config = tmp_path / "mpps.toml"
    config.write_text(settings)
    result = mpps("up", "--config", str(config), "--data", str(tmp_path / "data"), "--http", http)
    assert result.returncode == 1
    assert reason in result.stderr.splitlines()[0]
    assert result.stdout == ""
    assert not (tmp_path / "data").exists(), "it is refused before anything is opened"


def test_declared_subscriptions(tmp_path: Path, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    declared = f"[[subscriptions]]\nid = 'ris'\nname = 'RIS'\ntarget.url = '{receiver.url}'\n"
    with Manager(tmp_path / "data", settings=QUICK + declared) as manager:
        (item,) = manager.api("GET", "/subscriptions")["items"]
        assert (item["id"], item["name"], item["declared"]) == ("ris", "RIS", True)
        uid = report(manager, Sample.US)
        arrived(background, receiver, 2)
        proved(receiver, {uid: bodies(Sample.US)})
        reply = manager.client.request("DELETE", "/api/v1/subscriptions/ris")
        assert reply.status == 409


def test_forwarding_may_be_switched_off(tmp_path: Path, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    manager = Manager(tmp_path / "data", settings=QUICK, env={"MPPS_FORWARDING__ENABLED": "false"})
    with manager:
        manager.subscribe("ris", receiver.url)
        uid = report(manager, Sample.US)
        manager.stop()
    assert receiver.arrivals == []
    with Manager(tmp_path / "data", settings=QUICK) as manager:
        arrived(background, receiver, 2)
    proved(receiver, {uid: bodies(Sample.US)})


def test_the_log_names_no_patient(manager: Manager, background: Background, receiving: MakeReceiver) -> None:
    receiver = receiving()
    manager.subscribe("ris", receiver.url)
    report(manager)
    Modality(manager.base).send(new_uid(), b'{"00100010":{"vr":"PN","Value":["Doe^Jane"]}}', update=True)
    manager.client.request("GET", "/api/v1/steps?patient_id=4711")
    arrived(background, receiver, 3)
    manager.stop()
    log = "\n".join(manager.stderr)
    assert log
    for value in ("Doe", "4711", "A84987396"):
        assert value not in log
    for line in manager.stderr:
        assert json.loads(line)["event"]


def test_the_manager_id_is_made_once_and_kept(manager: Manager) -> None:
    first = manager.api("GET", "/overview")["manager"]["id"]
    manager.restart()
    assert manager.api("GET", "/overview")["manager"]["id"] == first
