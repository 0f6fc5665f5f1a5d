"""Saving the store of a running manager, and putting it back."""

import threading
from pathlib import Path

from mpps_cli.client import API, Client
from mpps_cli.modality import Modality, new_uid
from mpps_cli.samples import Sample
from tests.acceptance.conftest import QUICK, MakeReceiver
from tests.acceptance.steps import arrived, bodies, proved, report, send
from tests.support.aio import Background
from tests.support.manager import Manager, mpps


def test_what_was_saved_comes_back(
    manager: Manager, tmp_path: Path, background: Background, receiving: MakeReceiver
) -> None:
    away = receiving()
    away.available = False
    manager.subscribe("away", away.url)
    create, *updates = bodies()
    uid = new_uid()
    send(manager, uid, create, update=False)
    steps = {report(manager, sample): bodies(sample) for sample in (Sample.US, Sample.XA)}
    saved = tmp_path / "saved.sqlite3"
    result = mpps("backup", str(saved), "--url", manager.url)
    assert result.returncode == 0, result.stderr
    assert "mpps restore" in result.stdout
    assert list(manager.directory.glob("backup-*")) == []
    manager.kill()

    elsewhere = tmp_path / "elsewhere"
    result = mpps("restore", str(saved), "--data", str(elsewhere))
    assert result.returncode == 0, result.stderr
    away.available = True
    with Manager(elsewhere, settings=QUICK) as restored:
        for update in updates:
            send(restored, uid, update, update=True)
        steps[uid] = bodies()
        arrived(background, away, sum(map(len, steps.values())))
    proved(away, steps)


def test_work_goes_on_while_it_is_saved(manager: Manager, tmp_path: Path) -> None:
    for _ in range(10):
        report(manager, Sample.XA)
    stop = threading.Event()
    statuses: set[int] = set()

    def work() -> None:
        modality = Modality(manager.base)
        while not stop.is_set():
            statuses.add(modality.send(new_uid(), bodies()[0], update=False).reply.status)

    modality = threading.Thread(target=work)
    modality.start()
    try:
        for number in range(5):
            assert mpps("backup", str(tmp_path / f"saved-{number}"), "--url", manager.url).returncode == 0
    finally:
        stop.set()
        modality.join()
    assert statuses == {201}
    result = mpps("restore", str(tmp_path / "saved-4"), "--data", str(tmp_path / "elsewhere"))
    assert result.returncode == 0


def test_a_file_is_not_replaced_unasked(manager: Manager, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.write_text("precious")
    result = mpps("backup", str(saved), "--url", manager.url)
    assert result.returncode == 1
    assert "hint: --force" in result.stderr
    assert saved.read_text() == "precious"
    assert mpps("backup", str(saved), "--url", manager.url, "--force").returncode == 0
    assert list(tmp_path.glob("*.part")) == []


def test_nothing_is_left_behind_when_there_is_no_manager(tmp_path: Path) -> None:
    result = mpps("backup", str(tmp_path / "saved"), "--url", "http://127.0.0.1:9")
    assert result.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_restored(manager: Manager, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    assert mpps("backup", str(saved), "--url", manager.url).returncode == 0
    damaged = tmp_path / "damaged"
    damaged.write_bytes(saved.read_bytes()[:4096])
    for file, directory in (
        (saved, manager.directory),
        (damaged, tmp_path / "new"),
        (tmp_path / "none", tmp_path / "new"),
    ):
        result = mpps("restore", str(file), "--data", str(directory))
        assert result.returncode == 1, (file, directory)
        reason, hint = result.stderr.splitlines()
        assert "was not restored" in reason
        assert hint.startswith("hint: ")
    assert not (tmp_path / "new" / "mpps.sqlite3").exists()


def test_copies_that_were_never_sent_are_removed_at_the_next_start(manager: Manager) -> None:
    manager.kill()
    left = manager.directory / "backup-abc"
    left.mkdir()
    (left / "mpps-backup.sqlite3").write_text("half")
    manager.start()
    assert not left.exists()


def test_a_browser_on_another_site_may_not_ask(manager: Manager) -> None:
    client = Client(manager.url)
    reply = client.request("POST", f"{API}/backup", headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 403
