"""The command as a whole: help, usage, and how failures are told."""

import ast
import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import mpps_cli
from mpps_cli.failure import Failure
from mpps_cli.main import COMMANDS, app, load
from tests.support.manager import mpps

GROUPS = {"steps", "subscriptions", "config"}


def leaves() -> Iterator[tuple[str, Any]]:
    for name in COMMANDS:
        command = load(name)
        if name in GROUPS:
            for inner, each in command.commands.items():
                yield f"{name} {inner}", each
        else:
            yield name, command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    help_of_command = load(name).help or ""
    assert help_of_command.startswith(COMMANDS[name].rstrip(".")[:20])


def test_every_command_has_an_example() -> None:
    for name, command in leaves():
        assert "Example: " in (command.epilog or ""), name
        assert "mpps " in command.epilog, name


def test_examples_are_right() -> None:
    runner = CliRunner()
    for name, command in leaves():
        example = command.epilog.partition("Example: ")[2]
        assert f"mpps {name}" in example, name
        assert runner.invoke(app, [*name.split(), "--help"]).exit_code == 0


def test_help_is_quick() -> None:
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        result = mpps("--help")
        seconds.append(time.perf_counter() - begun)
        assert result.returncode == 0
    # The guard that ends the process with the test starts an interpreter of its own.
    assert min(seconds) < 0.6


@pytest.mark.parametrize("module", ["main", "send", "steps", "subscriptions", "backup"])
def test_what_talks_to_a_manager_imports_little(module: str) -> None:
    code = f"import sys, mpps_cli.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"fastapi", "aiohttp", "apsw", "pydantic", "pydicom", "uvicorn", "rich"} & set(loaded)


def test_the_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.output.startswith("mpps-manager 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["upp"], "Did you mean 'up'?"),
        (["up", "--dimse", "127.0.0.1:11112"], "No such option"),
        (["steps"], "Usage"),
        (["send", "--as", "delete", "x.json"], "--as"),
        (["receive", "--count", "0"], "--count"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_a_failure_is_a_line_and_a_hint() -> None:
    result = mpps("steps", "list", "--url", "http://127.0.0.1:9")
    assert result.returncode == 1
    assert result.stdout == ""
    reason, hint = result.stderr.splitlines()
    assert reason == "mpps: no manager answers at http://127.0.0.1:9: Connection refused"
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("url", ["127.0.0.1:8246", "ftp://x", "http://", "http://u:p@127.0.0.1"])
def test_what_is_no_address_of_a_manager(url: str) -> None:
    result = CliRunner().invoke(app, ["steps", "list", "--url", url])
    assert isinstance(result.exception, Failure)
    assert result.exception.code == 2


def test_nothing_imports_another_module_for_itself() -> None:
    """Only the module that lists the commands imports late; the others say at the top what they need."""
    for file in Path(mpps_cli.__file__).parent.glob("*.py"):
        tree = ast.parse(file.read_text())
        late = [
            node
            for function in ast.walk(tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        assert late == [], file.name


def test_every_command_is_a_module() -> None:
    for name in COMMANDS:
        assert importlib.import_module(f"mpps_cli.{name}").app is not None
