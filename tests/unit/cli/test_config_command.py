"""``mpps config``."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mpps_cli.failure import Failure
from mpps_cli.main import app


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_init_writes_a_file_once() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["config", "init"]).exit_code == 0
    assert "# max_delay = 300.0" in Path("mpps.toml").read_text()
    again = runner.invoke(app, ["config", "init"])
    assert isinstance(again.exception, Failure)
    assert again.exception.hint == "--force replaces it"
    assert runner.invoke(app, ["config", "init", "--force"]).exit_code == 0
    assert runner.invoke(app, ["config", "init", "-"]).output == Path("mpps.toml").read_text()


def test_show_says_where_each_setting_came_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mpps.toml").write_text(
        "[forwarding]\npoll = 1\n[[security.keys]]\nname = 'a'\nrole = 'admin'\nsha256 = '" + "ab" * 32 + "'"
    )
    monkeypatch.setenv("MPPS_HTTP__LISTEN", "127.0.0.1:1")
    facts = json.loads(CliRunner().invoke(app, ["config", "show", "--json"]).output)
    assert facts["forwarding.poll"] == {"value": 1.0, "from": "mpps.toml"}
    assert facts["http.listen"] == {"value": "127.0.0.1:1", "from": "MPPS_HTTP__LISTEN"}
    assert facts["store.kind"] == {"value": "sqlite", "from": "default"}
    assert facts["security.keys"]["value"] == [{"name": "a", "role": "admin", "sha256": "***"}]
    lines = CliRunner().invoke(app, ["config", "show"]).output.splitlines()
    assert "forwarding.poll = 1.0  # mpps.toml" in [" ".join(line.split()).replace(" #", "  #") for line in lines]


def test_check() -> None:
    Path("good.toml").write_text("shutdown_grace = 3")
    Path("bad.toml").write_text("shutdown_grac = 3")
    runner = CliRunner()
    assert runner.invoke(app, ["config", "check", "good.toml"]).exit_code == 0
    raised = runner.invoke(app, ["config", "check", "bad.toml"]).exception
    assert isinstance(raised, Failure)
    assert raised.reasons == ("shutdown_grac: unknown setting (did you mean shutdown_grace?), from bad.toml",)
    assert raised.code == 1
