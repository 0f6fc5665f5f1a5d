"""Write the page that says which statements of the Standard are tested, and which are not claimed and why.

    python -m scripts.make_coverage

The statements are in ``tests/conformance/statements.toml``; a test holds the page against what this would write.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STATEMENTS: Final = ROOT / "tests" / "conformance" / "statements.toml"
PAGE: Final = ROOT / "docs" / "conformance" / "coverage.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement: ``test`` names what proves it, as ``path::name``, or ``not_claimed`` says why nothing does."""

    id: str
    section: str
    text: str
    source: str
    test: str | None = None
    not_claimed: str | None = None


def statements() -> tuple[Statement, ...]:
    """Read the statements. Raises TypeError for a member that a statement does not have."""
    entries = tomllib.loads(STATEMENTS.read_text(encoding="utf-8"))["statements"]
    return tuple(Statement(**entry) for entry in entries)


def coverage_page() -> str:
    """Write the page."""
    every = statements()
    tested = [statement for statement in every if statement.test]
    untested = [statement for statement in every if statement.not_claimed]
    reasons = sorted({statement.not_claimed or "" for statement in untested})
    parts = [
        "# Which statements of the Standard are tested",
        "<!-- Written by python -m scripts.make_coverage; changes here are lost. -->",
        f"{len(every)} statements, each in our own words: {len(tested)} have a test, {len(untested)} are not claimed.",
        _SOURCES,
        _table(
            ("Part", "Statements", "Tested", "Not claimed"),
            (
                (part, str(len(group)), *(str(sum(bool(getattr(s, how)) for s in group)) for how in _HOW))
                for part, group in _by_part(every)
            ),
        ),
        "## Not claimed",
    ]
    for reason in reasons:
        parts.append(f"**{reason}**")
        parts.append("\n".join(f"- {s.section}: {s.text} (`{s.id}`)" for s in untested if s.not_claimed == reason))
    parts.append("## Tested")
    for part, group in _by_part(tested):
        parts.append(f"### {part}")
        rows = ((s.section, s.text, s.source, f"`{s.test}`", f"`{s.id}`") for s in group)
        parts.append(_table(("Section", "Statement", "Source", "Test", "Id"), rows))
    return "\n\n".join(parts) + "\n"


_SOURCES: Final = (
    "The source says which edition was read: 20 is the full text of mid-2020, FT the final text of Supplement 246, "
    "a star a reading at second hand, TF an extract of the IHE Technical Framework; DESIGN is where the Standard "
    "leaves it to us."
)
_HOW: Final = ("test", "not_claimed")


def _part(statement: Statement) -> str:
    return statement.section.partition(" ")[0]


def _by_part(every: Iterable[Statement]) -> list[tuple[str, list[Statement]]]:
    return [(part, list(group)) for part, group in groupby(sorted(every, key=_part), key=_part)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(coverage_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
