"""The statements of the Standard: each is tested or not claimed, and what it names exists."""

import ast
import re
from functools import cache

import pytest

from scripts.make_coverage import PAGE, ROOT, STATEMENTS, Statement, coverage_page, statements

EVERY = statements()
SOURCES = {"20", "24c", "24d", "24e", "25a", "25b", "25d", "25e", "26a", "26a*", "FT", "TF", "DESIGN"}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(function.name for function in functions if function.name.startswith("test_"))


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage_page(), "run python -m scripts.make_coverage"


def test_ids_are_unique() -> None:
    assert len({statement.id for statement in EVERY}) == len(EVERY)


@pytest.mark.parametrize("statement", EVERY, ids=lambda statement: statement.id)
def test_each_statement_is_tested_or_not_claimed(statement: Statement) -> None:
    assert (statement.test is None) is not (statement.not_claimed is None)
    assert re.match(r"(PS3\.\d+|IHE RAD) \S", statement.section)
    assert statement.source in SOURCES
    assert statement.text.endswith(".")
    if statement.test is None:
        assert statement.not_claimed
        assert statement.not_claimed.startswith(("Waits for ", "Declined", "Cannot be claimed"))
        return
    path, _, name = statement.test.partition("::")
    assert name in names_in(path)


def test_statements_are_written_as_one_reads_them() -> None:
    assert STATEMENTS.read_text(encoding="utf-8").count("[[statements]]") == len(EVERY)
