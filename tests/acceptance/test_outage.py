"""A store that cannot be used is an outage, not an end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpps_cli.modality import Modality, new_uid
from tests.acceptance.conftest import QUICK
from tests.acceptance.steps import bodies, report
from tests.support.manager import Manager, guarded


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """Give a directory in which nothing can be made."""
    directory = tmp_path / "locked"
    directory.mkdir()
    directory.chmod(0o500)
    yield directory
    directory.chmod(0o700)


def _drops() -> bool:
    """Tell whether permissions bind a process that this one starts."""
    if os.geteuid() != 0:
        return True
    command = guarded([sys.executable, "-c", "pass"], drop_capabilities=True)
    return sys.platform == "linux" and subprocess.run(command, check=False, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not _drops(), reason="permissions do not bind here: no read-only directory can be had")


def test_a_read_only_data_directory_at_the_start(locked: Path, tmp_path: Path) -> None:
    manager = Manager(locked / "data", settings=QUICK, drop_capabilities=True)
    manager.config = tmp_path / "config.toml"
    try:
        manager.launch()
        manager.wait_door()
        client = manager.client
        assert client.request("GET", "/healthz").status == 200
        reply = client.request("GET", "/readyz")
        assert reply.status == 503
        assert "Permission denied" in reply.json()["missing"]["store"]
        sent = Modality(manager.base).send(new_uid(), bodies()[0], update=False)
        assert sent.reply.status == 503
        assert int(sent.reply.headers["retry-after"]) > 0
        assert "nothing was acknowledged" in sent.reply.problem()["detail"]
        assert client.request("GET", "/metrics").status == 200
        manager.wait_line("store_unavailable", stderr=True)
        assert "ready" not in manager.stdout
        locked.chmod(0o700)
        manager.wait_ready()
        assert client.request("GET", "/readyz").status == 200
        assert manager.api("GET", f"/steps/{report(manager)}")["version"] == 3
        assert manager.stop() == 0
        assert sum("store_unavailable" in line for line in manager.stderr) <= 2
    finally:
        manager.kill()


def test_it_ends_in_order_while_it_waits_for_the_store(locked: Path, tmp_path: Path) -> None:
    manager = Manager(locked / "data", drop_capabilities=True)
    manager.config = tmp_path / "config.toml"
    try:
        manager.launch()
        manager.wait_door()
        manager.wait_line("store_unavailable", stderr=True)
        assert manager.stop() == 0
        assert "Traceback" not in "\n".join(manager.stderr)
    finally:
        manager.kill()
