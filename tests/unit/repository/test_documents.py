"""The documents say what is there: links, rules, metrics, settings, commands, paths and limits are held against it."""

import io
import os
import re
import shlex
import shutil
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pytest

from mpps_bus.local import CAPACITY
from mpps_cli.main import COMMANDS, load
from mpps_cli.reference import groups
from mpps_core.forwarding.policy import MAX_DELAY
from mpps_core.payload import DOCUMENT_LIMIT, INLINE_LIMIT
from mpps_core.slots import SLOTS
from mpps_core.step import MAX_OPERATIONS
from mpps_core.subscription import MAX_IN_FLIGHT
from mpps_dicom.findings import MAX_FINDINGS
from mpps_dicom.reader import MAX_DEPTH
from mpps_ingest.parts import MAX_BODY, IngestPolicy
from mpps_ingest.warning_headers import MOST_BYTES, MOST_FINDINGS
from mpps_senders.dicomweb import ANSWER_LIMIT
from mpps_web.server import MAX_HEAD

ROOT: Final = Path(__file__).resolve().parents[3]
KIB: Final = 1024

_FENCE: Final = re.compile(r"^```(\S*)[^\n]*\n(.*?)^\s*```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_RULE: Final = re.compile(r"\brules? (\d+)((?:(?:,| and| to) \d+)*)", re.IGNORECASE)
_METRIC: Final = re.compile(r"\bmpps_[a-z_]+\b")
_OURS: Final = re.compile(r"^(?:libs|services|tests|scripts|docs)/[\w./-]+$")

_NOT_OURS: Final = ("static/vendor/", "LICENSE")
_LEFT_OUT: Final = {"dist", "mpps-data", "__pycache__", "mpps.toml", "uv.lock"}


def _tracked() -> list[Path]:
    """Return the files that are in the repository or about to be."""
    git = shutil.which("git")
    if git is not None and (ROOT / ".git").exists():
        command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in _LEFT_OUT and (name == ".ci" or not name.startswith("."))]
        found += [Path(folder, name) for name in names if name not in _LEFT_OUT]
    return found


TRACKED: Final = [path for path in _tracked() if not any(part in path.as_posix() for part in _NOT_OURS)]
DOCUMENTS: Final = [path for path in TRACKED if path.suffix == ".md"]
SOURCES: Final = [path for path in TRACKED if path.suffix == ".py"]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def spans(text: str) -> Iterator[str]:
    for found in _SPAN.finditer(prose(text)):
        yield found[1]


def slugs(text: str) -> set[str]:
    """Return the anchors that headings have."""
    plain = [re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in _HEADING.findall(prose(text))]
    return {heading.replace(" ", "-") for heading in plain}


def typed(text: str) -> Iterator[str]:
    """Yield what a document tells people to type: lines of shell blocks, and spans."""
    for language, block in _FENCE.findall(text):
        if language in {"sh", "ini"}:
            for line in block.splitlines():
                yield line.strip().removeprefix("ExecStart=")
    yield from spans(text)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words after ``mpps`` of every command that a document names."""
    for line in typed(text):
        found = re.match(r"(?:[A-Z_]+=\S+ )*(?:\S*/)?mpps ([a-z-].*)$", line)
        if found:
            yield [word for word in shlex.split(found[1], comments=True) if word]


def test_documents_are_found() -> None:
    names = {name_of(path) for path in DOCUMENTS}
    assert {
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/architecture.md",
        "docs/glossary.md",
        "docs/guarantees.md",
        "docs/protocol.md",
        "docs/quickstart.md",
        "docs/reference/settings.md",
    } <= names
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").count("Apache License") >= 1


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for link in _LINK.findall(prose(text)):
        if "://" in link:
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in slugs(target.read_text(encoding="utf-8")), link


def test_every_document_is_reached_from_the_index() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        links = _LINK.findall(prose(path.read_text(encoding="utf-8")))
        files = [(path.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
        waiting += [file for file in files if file.suffix == ".md"]
    inside = [path for path in DOCUMENTS if path.parent == ROOT or name_of(path).startswith("docs/")]
    assert set(inside) <= reached


def test_every_rule_that_the_code_names_is_in_the_protocol() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    known = [int(number) for number in re.findall(r"^### Rule (\d+): ", text, re.MULTILINE)]
    assert known == list(range(1, 29))
    named = {
        int(number)
        for path in [*SOURCES, *DOCUMENTS]
        for found in _RULE.finditer(path.read_text(encoding="utf-8"))
        for number in [found[1], *re.findall(r"\d+", found[2])]
    }
    assert {1, 7, 18, 28} <= named
    assert named <= set(known)


def test_every_metric_that_is_named_exists() -> None:
    code = (ROOT / "libs" / "mpps_web" / "observer.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"(mpps_[a-z_]+)"', code))
    packages = {path.name for folder in ("libs", "services") for path in (ROOT / folder).iterdir()}
    named = {
        name.removesuffix("_total")
        for path in DOCUMENTS
        for name in _METRIC.findall(path.read_text(encoding="utf-8"))
        if name not in packages
    }
    assert named <= known
    # The architecture page lists all of them.
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert known <= {name.removesuffix("_total") for name in _METRIC.findall(page)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {f"{group.name}.{entry.name}" for group in groups() for entry in group.entries}
    known |= {group.name for group in groups()}
    sections = {group.name.partition(".")[0] for group in groups() if group.name} - {"subscriptions"}
    for span in spans(path.read_text(encoding="utf-8")):
        found = re.match(r"([a-z]+)\.[a-z_.]+(?= = |$)", span)
        if found and found[1] in sections and not span.endswith((".toml", ".json")):
            assert found[0] in known, span


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_that_is_named_exists(path: Path) -> None:
    for name, *words in commands(path.read_text(encoding="utf-8")):
        if name.startswith("-"):
            assert name in {"--help", "--version"}
            continue
        assert name in COMMANDS, name
        command: Any = load(name)
        inner = getattr(command, "commands", None)
        if inner and words:
            assert words[0] in inner, (name, words)
            command = inner[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, (name, words)


def test_every_command_is_in_a_document() -> None:
    named = {words[0] for path in DOCUMENTS for words in commands(path.read_text(encoding="utf-8"))}
    assert set(COMMANDS) <= named


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_make_target_and_path_that_is_named_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    for line in typed(path.read_text(encoding="utf-8")):
        found = re.fullmatch(r"make ([a-z-]+)", line)
        assert found is None or found[1] in targets, line
        assert not _OURS.match(line) or (ROOT / line).exists(), line


@pytest.mark.parametrize(
    ("document", "words", "value"),
    [
        ("docs/guarantees.md", f"| operations of one step | {MAX_OPERATIONS:,} |", MAX_OPERATIONS),
        ("docs/guarantees.md", f"| body of a request | {MAX_BODY // KIB // KIB} MiB", MAX_BODY),
        ("docs/guarantees.md", f"| request line and headers | {MAX_HEAD // KIB} KiB |", MAX_HEAD),
        ("docs/guarantees.md", f"| silence in the middle of a body | {IngestPolicy().body_patience:g} s |", None),
        ("docs/guarantees.md", f"| nesting of sequences | {MAX_DEPTH} |", MAX_DEPTH),
        ("docs/guarantees.md", f"| {MAX_FINDINGS} refusals, {MAX_FINDINGS} warnings |", MAX_FINDINGS),
        ("docs/guarantees.md", f"| {MOST_FINDINGS} findings, {MOST_BYTES // KIB} KiB |", MOST_BYTES),
        ("docs/guarantees.md", f"at most {MAX_IN_FLIGHT})", MAX_IN_FLIGHT),
        ("docs/guarantees.md", f"| answer of a subscriber | {ANSWER_LIMIT // KIB} KiB read |", ANSWER_LIMIT),
        ("docs/guarantees.md", f"| wake-ups that wait | {CAPACITY:,} |", CAPACITY),
        ("docs/guarantees.md", f"up to {INLINE_LIMIT // KIB} KiB compressed", INLINE_LIMIT),
        ("docs/protocol.md", f"at most {DOCUMENT_LIMIT // KIB} KiB", DOCUMENT_LIMIT),
        ("docs/protocol.md", f"`crc32(UID) mod {SLOTS}`", SLOTS),
        ("docs/protocol.md", f"capped at {MAX_DELAY / 3600:g} h", MAX_DELAY),
    ],
)
def test_limits_are_those_of_the_code(document: str, words: str, value: float | None) -> None:
    assert words in (ROOT / document).read_text(encoding="utf-8"), value


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == project["version"]


@pytest.mark.parametrize("path", [path for path in TRACKED if path.suffix == ".lock"], ids=name_of)
def test_lock_files_name_no_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index" not in text


_MACHINE: Final = re.compile(r"(?<![\w.…-])/(?:" + "|".join(["ro" + "ot", "wo" + "rk", "tmp/bash" + "_jobs"]) + r")\b")
_STRANGE: Final = re.compile(r"(?<!user )(?<!user-)\bagen" + r"ts?\b", re.IGNORECASE)
_STRANGE_IN_DOCUMENTS: Final = re.compile(r"\bsess" + r"ions?\b", re.IGNORECASE)  # in code, a word of HTTP clients


def words_of(path: Path) -> str:
    """Return what is said to people: a document as it is, of code the comments and texts."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".py":
        return text
    kinds = {tokenize.COMMENT, tokenize.STRING}
    kinds |= {kind for kind in (getattr(tokenize, "FSTRING_MIDDLE", None),) if kind is not None}
    return "\n".join(
        token.string for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type in kinds
    )


def test_the_project_speaks_of_itself_only() -> None:
    found = []
    for path in TRACKED:
        if path.suffix in {".lock", ".js"}:
            continue
        said = words_of(path)
        strange = [_MACHINE, _STRANGE, *([_STRANGE_IN_DOCUMENTS] if path.suffix == ".md" else [])]
        found += [f"{name_of(path)}: {hit[0]}" for pattern in strange for hit in pattern.finditer(said)]
    assert not found


def test_the_scan_would_notice() -> None:
    assert _MACHINE.search("see /wo" + "rk/main")
    assert not _MACHINE.search("…/wo" + "rk and net/wo" + "rk")
    assert _STRANGE.search("an agen" + "t did it")
    assert not _STRANGE.search("a user agen" + "t and User-Agen" + "t")
    assert list(commands("`mpps steps list`, `mpps-manager`, `mpps`")) == [["steps", "list"]]
    assert slugs("# A *b*, c: 1 +\n") == {"a-b-c-1-"}
