"""Attribute tables of PS3.4 Annex F in a form that can be walked: rows, nesting levels, duties.

The tables are package data. Each is read once and compiled into one scope per nesting level, so that a check
looks only at the few attributes that are mandatory there.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, Generic, TypeVar

import orjson

RESIDUAL: Final = "*"
"""Last tag in the path of a row "All other attributes of the module"."""

_VERIFIED: Final = frozenset("TD")
"""Check marks of rows that were read in the Standard; rows with others (I, U, X) may warn but never refuse."""


class Column(StrEnum):
    """What a data set can be held against: three columns of Table F.7.2-1, and the SCP's side of Table F.8.2-1."""

    CREATE = "create"
    UPDATE = "update"
    FINAL = "final"
    RETRIEVE = "retrieve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every table says of an attribute."""

    path: tuple[str, ...]
    keyword: str | None
    vr: str | None
    vm: str | None
    macro: str | None
    check: str

    @property
    def tag(self) -> str:
        """The tag of the attribute itself, or ``*``."""
        return self.path[-1]

    @property
    def verified(self) -> bool:
        """Whether the row was read in the Standard, so that it may refuse."""
        return self.check in _VERIFIED

    def duty_in(self, column: Column) -> "Duty | None":
        """Give what a data set owes in that column whatever else it has; None when it owes nothing."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Duty:
    """An attribute that must be there (``present``) or must not be empty when it is (``filled``)."""

    tag: str
    present: bool
    filled: bool
    verified: bool


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Scope(Generic[R]):
    """One nesting level of a table: the top level, or the items of one sequence."""

    rows: dict[str, R] = field(default_factory=dict)
    items: dict[str, "Scope[R]"] = field(default_factory=dict)
    duties: dict[Column, tuple[Duty, ...]] = field(default_factory=dict)


def read_table(file: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Read a table of the package: its rows as dictionaries, with ``path`` as a tuple, and its conditions by name."""
    table: dict[str, Any] = orjson.loads(files(__package__).joinpath("data", file).read_bytes())
    rows = [dict(zip(table["columns"], cells, strict=True)) for cells in table["rows"]]
    for row in rows:
        row["path"] = tuple(row["path"].split("."))
    return rows, table["conditions"]


def compile_scope(rows: tuple[R, ...], columns: tuple[Column, ...]) -> Scope[R]:
    """Nest the rows of a table, in which a sequence comes before what is in it; give the top level."""
    top: Scope[R] = Scope()
    scopes: dict[tuple[str, ...], Scope[R]] = {(): top}
    for row in rows:
        above = scopes[row.path[:-1]]
        if row.tag == RESIDUAL:
            continue
        above.rows[row.tag] = row
        if row.vr == "SQ":
            scopes[row.path] = above.items[row.tag] = Scope()
    for scope in scopes.values():
        for column in columns:
            duties = (row.duty_in(column) for row in scope.rows.values())
            scope.duties[column] = tuple(duty for duty in duties if duty is not None)
    return top
