"""``mpps doctor`` on what can be wrong without a manager."""

import json
import shutil
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest
from typer.testing import CliRunner

from mpps_cli.main import app


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPPS_HTTP__LISTEN", "127.0.0.1:0")


def examined(code: int, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    assert result.exit_code == code, result.output
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(result.output):
        found.setdefault(finding["verdict"], []).append(finding)
    return found


def test_all_is_well() -> None:
    assert list(examined(0)) == ["ok"]
    assert not Path("mpps-data").exists()


def test_lines_for_people() -> None:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert all(line.startswith("ok  ") for line in result.output.splitlines())


def test_settings_that_are_wrong() -> None:
    Path("mpps.toml").write_text("nothing = 1")
    assert "nothing: unknown setting" in examined(1)["fail"][0]["detail"]


def test_a_door_that_will_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of documentation's addresses, which no machine has: nothing is bound.
    monkeypatch.setenv("MPPS_HTTP__LISTEN", "192.0.2.1:0")
    assert any("needs TLS" in finding["detail"] for finding in examined(1)["fail"])


def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (failed,) = examined(1, "--data", str(tmp_path / "file"))["fail"]
    assert failed["detail"] == "is not a directory"


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free", "code", "verdict"), [(100 * 2**20, 1, "fail"), (2**30, 0, "warn")])
def test_a_disk_that_is_nearly_full(free: int, code: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(2**40, 2**40 - free, free))
    assert "free" in examined(code)[verdict][0]["detail"]


def test_a_port_that_something_else_has(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))  # it has the port, and takes no connections
        monkeypatch.setenv("MPPS_HTTP__LISTEN", f"127.0.0.1:{other.getsockname()[1]}")
        (failed,) = examined(1)["fail"]
    assert "already in use" in failed["detail"]
    assert failed["advice"]


def test_a_clock_that_was_never_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert any(finding["about"] == "clock" for finding in examined(1)["fail"])


def test_an_sqlite_that_corrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    assert any(finding["about"] == "SQLite" for finding in examined(1)["fail"])
