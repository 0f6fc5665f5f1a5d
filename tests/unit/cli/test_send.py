"""``mpps send`` before anything is sent."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mpps_cli.failure import Failure
from mpps_cli.main import app
from mpps_cli.samples import SAMPLES, Sample, read_sample


def failure(*arguments: str) -> Failure:
    result = CliRunner().invoke(app, ["send", *arguments])
    assert isinstance(result.exception, Failure), result.output
    return result.exception


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0" * 128 + b"DICM" + b"\0" * 20, "is DICOM Part 10"),
        (b"<?xml version='1.0'?><NativeDicomModel/>", "is XML"),
        (b"hello", "is not DICOM JSON"),
        (b"", "is not DICOM JSON"),
    ],
)
def test_what_cannot_be_sent_yet(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "step"
    file.write_bytes(content)
    raised = failure(str(file))
    assert words in raised.reasons[0]
    assert raised.code == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    raised = failure(str(tmp_path / "none.json"))
    assert "No such file" in raised.reasons[0]
    assert raised.code == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no file"),
        (["--sample", "ct", "x.json"], "takes no files"),
        (["--save", "x"], "--save needs --sample"),
        (["--sample", "ct", "--uid", "abc"], "is not a UID"),
        (["--sample", "ct", "--as", "update"], "needs --uid"),
        (["--sample", "ct", "--as", "create", "--uid", "2.25.1"], "several files"),
        (["--sample", "ct", "--to", "RIS@127.0.0.1:104"], "is a DIMSE address"),
        (["--sample", "ct", "--to", "http://127.0.0.1/?x"], "is not a base address"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    raised = failure(*arguments)
    assert words in raised.reasons[0]
    assert raised.code == 2


@pytest.mark.parametrize("sample", Sample)
def test_samples_can_be_saved(sample: Sample, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["send", "--sample", sample.value, "--save", str(tmp_path / "new")])
    assert result.exit_code == 0
    saved = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert saved == sorted(SAMPLES[sample])
    for file in SAMPLES[sample]:
        assert (tmp_path / "new" / file).read_bytes() == read_sample(file)
        assert isinstance(json.loads(read_sample(file)), dict)
