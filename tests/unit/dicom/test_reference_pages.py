"""The generated reference pages of the DICOM rules."""

from pathlib import Path

import pytest

from mpps_dicom import RULES, Severity
from mpps_dicom.requirements import ROWS
from scripts.make_dicom_reference import pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_pages_are_not_stale(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == pages()[page], "run python -m scripts.make_dicom_reference"


def page_called(name: str) -> str:
    return next(text for page, text in pages().items() if page.name == name)


def test_every_rule_is_on_its_page_with_all_it_says() -> None:
    text = page_called("rules.md")
    for rule in RULES.values():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{rule.id}` |")]
        refuses = Severity.REFUSE in rule.severities.values()
        assert all(part in line for part in (rule.section, rule.title))
        assert (f"{rule.dimse_status:04X}H" in line) is refuses


def test_every_row_that_never_refuses_is_named() -> None:
    section = page_called("rules.md").partition("## Rows that never refuse")[2]
    unread = [row for row in ROWS if row.check in "IUX"]
    assert len(unread) == 44
    assert section.count("\n| ") - 2 == len(unread)
    assert all(row.keyword in section for row in unread if row.keyword)
