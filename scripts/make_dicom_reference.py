"""Write the reference pages of the DICOM rules: the two attribute tables of PS3.4 Annex F, and the rules.

    python -m scripts.make_dicom_reference

A test holds the pages against what this would write.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mpps_dicom import RULES, Profile, Severity
from mpps_dicom.conditions import CONDITIONS, Condition
from mpps_dicom.requirements import CONDITION_TEXTS, ROWS
from mpps_dicom.retrieval import RETRIEVE_CONDITIONS, RETRIEVE_ROWS
from mpps_dicom.rules import Rule
from mpps_dicom.tables import RESIDUAL, Row

DIRECTORY: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"

_GENERATED: Final = "<!-- Written by python -m scripts.make_dicom_reference; changes here are lost. -->"

_MARKS: Final = {
    "T": "read in the text of the table",
    "D": "read in the attribute diagram only",
    "I": "inferred",
    "U": "not verified",
    "X": "no row of the table: what a residual row stands for, from PS3.3",
}

_SEVERITIES: Final = {Severity.REFUSE: "refuse", Severity.WARN: "warn", None: "-"}


def pages() -> dict[Path, str]:
    """Return every page and what it holds."""
    return {
        DIRECTORY / "table-f-7-2-1.md": requirements_page(),
        DIRECTORY / "table-f-8-2-1.md": retrieval_page(),
        DIRECTORY / "rules.md": rules_page(),
    }


def requirements_page() -> str:
    """Write Table F.7.2-1 as it is kept."""
    return _page(
        "Table F.7.2-1: what Create, Update and the final state ask for",
        [
            (
                "PS3.4 F.7.2.1.1, with the macros F.7.2-1a to F.7.2-1f written out. Types are given as modality "
                "/ manager: "
                "1 has a value, 2 may be empty, 3 may be left out, C depends on a condition (PS3.4 5.4.2.1). "
                "The final state is shown where the table prints it; elsewhere it is that of the Create."
            ),
            *_marks(ROWS),
            _table(
                ("Attribute", "Tag", "VR", "VM", "N-CREATE", "N-SET", "Final state", "Condition", "Macro", "Mark"),
                (
                    (
                        *_named(row),
                        f"{row.n_create_scu}/{row.n_create_scp}",
                        "Not allowed" if row.n_set_scu is None else f"{row.n_set_scu}/{row.n_set_scp}",
                        row.final_state or "",
                        _condition(row.when_create or row.when_set),
                        row.macro or "",
                        row.check,
                    )
                    for row in ROWS
                ),
            ),
            "## Conditions",
            _table(("Name", "Holds"), ((f"`{name}`", text) for name, text in CONDITION_TEXTS.items())),
        ],
    )


def retrieval_page() -> str:
    """Write Table F.8.2-1 as it is kept."""
    return _page(
        "Table F.8.2-1: what Retrieve may ask for and has to give",
        [
            (
                "PS3.4 F.8.2.1.1, with its macros written out. Types are given as asked / answered (PS3.4 "
                "5.4.2.2); a dash "
                "is for what is inside an item, which N-GET cannot ask for by itself (F.8.2.1.2). "
                "Reason For Performed Procedure Code Sequence (0040,1012), Archive Requested (0040,A494) and "
                "the specimen "
                "attributes have no row here; the manager returns them when they are stored."
            ),
            *_marks(RETRIEVE_ROWS),
            _table(
                ("Attribute", "Tag", "VR", "VM", "N-GET", "Condition", "Macro", "Mark"),
                (
                    (*_named(row), f"{row.scu}/{row.scp}", _condition(row.when), row.macro or "", row.check)
                    for row in RETRIEVE_ROWS
                ),
            ),
            "## Conditions",
            _table(("Name", "Holds"), ((f"`{name}`", text) for name, text in RETRIEVE_CONDITIONS.items())),
        ],
    )


def rules_page() -> str:
    """Write the rules, what decides the conditions, and which rows never refuse."""
    unread = [row for row in ROWS if not row.verified]
    return _page(
        "Rules",
        [
            (
                "What is held against a data set, and what comes of it under each profile of a source. Every "
                "finding has "
                "the id of its rule, the path of the attribute and the section of the Standard, and never a value."
            ),
            (
                "- `strict`: refuses what the Standard forbids.\n"
                "- `lenient` (default): refuses only what no profile can take; everything else is stored as "
                "sent, with a "
                "warning. This departs from PS3.4 5.4.2.1, by which a missing mandatory attribute is refused.\n"
                "- `off`: looks only for what no profile can take."
            ),
            (
                "A warning is an HTTP `Warning: 299` header and the DIMSE warning 0107H. A dash means that the profile "
                "does not look; the statuses are those of a refusal, so a rule that never refuses has none."
            ),
            _table(
                ("Rule", "Section", "What holds", "DIMSE", "HTTP", *(profile.value for profile in Profile)),
                (_rule(rule) for rule in RULES.values()),
            ),
            "## Conditional attributes",
            (
                "Types 1C and 2C are looked at as far as the data set decides whether their condition holds. What is "
                "needed and missing is `missing-conditional` in a Create and `missing-in-update` in an Update; what is "
                "needed and empty is `empty-type-1`."
            ),
            _table(
                ("Condition", "Section", "Holds", "Decided by", "Left open"),
                (
                    (
                        f"`{name}`",
                        condition.section,
                        CONDITION_TEXTS[name],
                        f"`conditions.{condition.needed.__name__}`"
                        if condition.needed
                        else f"`{condition.decided_in}`",
                        condition.left_open or "",
                    )
                    for name, condition in CONDITIONS.items()
                ),
            ),
            "## What no data set decides",
            (
                "- Whether Coding Scheme Designator names its codes without a version (`scheme_ambiguous`).\n"
                "- Whether every instance that was made is listed when a step ends (PS3.4 F.7.2.2.2). That none "
                "is listed "
                "at all in a completed step is told by `final-references`.\n"
                "- Whether a sequence that got shorter was meant to (PS3.18 B.38); told by `sequence-shrunk`.\n"
                "- Whether a series is in another step already (PS3.3 7.3.1.9): that takes the other step.\n"
                "- Whether an attribute outside Table F.7.2-1 belongs to a module of the step: such attributes "
                "are kept."
            ),
            "## Rows that never refuse",
            (
                "Rows of [Table F.7.2-1](table-f-7-2-1.md) that were not read in the Standard (marks I, U and "
                "X) warn in "
                "every profile but `off`, whatever the table above says. They are:"
            ),
            _table(
                ("Attribute", "Path", "Mark"),
                ((row.keyword or "all other attributes", _path(row), row.check) for row in unread),
            ),
            (
                "The same holds for VR and VM of the attributes of Supplement 233 among them, for what an "
                "Update owes only "
                "by its receiver's column (the value of a code, 3/1C), and for `single-item` but in Issuer of "
                "Patient ID "
                "Qualifiers Sequence (0010,0024)."
            ),
        ],
    )


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n\n".join((f"# {title}", _GENERATED, *parts)) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _marks(rows: Sequence[Row]) -> tuple[str, str]:
    used = {mark: sum(row.check == mark for row in rows) for mark in _MARKS}
    told = "\n".join(f"- {mark}: {_MARKS[mark]} ({count} rows)" for mark, count in used.items() if count)
    return "The mark says where a row comes from; only rows marked T or D may refuse.", told


def _named(row: Row) -> tuple[str, str, str, str]:
    nesting = "&gt;" * (len(row.path) - 1)
    if row.tag == RESIDUAL:
        return f"{nesting}*all other attributes*", "", "", ""
    tag = f"({row.tag[:4]},{row.tag[4:]})"
    return f"{nesting}{row.keyword}", tag, row.vr or "", row.vm or ""


def _condition(name: str | None) -> str:
    return f"`{name}`" if name else ""


def _decider(condition: Condition) -> str:
    return f"`{condition.decided_in or f'conditions.{condition.predicate}'}`"


def _path(row: Row) -> str:
    return "".join(RESIDUAL if tag == RESIDUAL else f"({tag[:4]},{tag[4:]})" for tag in row.path)


def _rule(rule: Rule) -> tuple[str, ...]:
    severities = (_SEVERITIES[rule.severities[profile]] for profile in Profile)
    refuses = Severity.REFUSE in rule.severities.values()
    statuses = (f"{rule.dimse_status:04X}H", str(rule.http_status)) if refuses else ("-", "-")
    return f"`{rule.id}`", rule.section, rule.title, *statuses, *severities


def main() -> None:
    """Write the pages."""
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
