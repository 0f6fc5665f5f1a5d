"""Table F.7.2-1 of PS3.4: what N-CREATE, N-SET and the final state ask of each attribute.

The table is package data (``data/table_f_7_2_1.json``). It is read once and compiled into one scope
per nesting level, so that a check looks only at the few attributes that are mandatory there.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

import orjson

RESIDUAL: Final = "*"
"""Last tag in the path of a row "All other attributes of the module"."""

_VERIFIED: Final = frozenset("TD")
"""Check marks of rows that were read in the Standard; rows with others (I, U, X) may warn but never refuse."""


class Column(StrEnum):
    """The columns of the table that a data set can be held against."""

    CREATE = "create"
    UPDATE = "update"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One row of the table. Types are those of PS3.4 5.4.2.1: 1, 1C, 2, 2C, 3."""

    path: tuple[str, ...]
    keyword: str | None
    vr: str | None
    vm: str | None
    n_create_scu: str
    n_create_scp: str
    n_set_scu: str | None
    n_set_scp: str | None
    final_state: str | None
    final_state_effective: str
    when_create: str | None
    when_set: str | None
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

    @property
    def updatable(self) -> bool:
        """False where the N-SET column says "Not allowed"."""
        return self.n_set_scu is not None

    def type_in(self, column: Column) -> str | None:
        """Give the type that holds for a data set in that column; None where the column says nothing.

        N-SET: a row 3/1 may be left out, but not be sent empty, so it is no duty and yet of type 1 when present.
        Final state: only what the table prints there, which is what an update could still have set.
        """
        if column is Column.CREATE:
            return self.n_create_scu
        if column is Column.UPDATE:
            return self.n_set_scu
        return None if self.final_state is None else self.final_state_effective


@dataclass(frozen=True, slots=True)
class Duty:
    """An attribute that must be there (``present``) or must not be empty when it is (``filled``)."""

    tag: str
    present: bool
    filled: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """One nesting level of the table: the top level, or the items of one sequence."""

    rows: dict[str, Requirement] = field(default_factory=dict)
    items: dict[str, "Scope"] = field(default_factory=dict)
    duties: dict[Column, tuple[Duty, ...]] = field(default_factory=dict)


def _read() -> tuple[Requirement, ...]:
    table: dict[str, Any] = orjson.loads(files(__package__).joinpath("data", "table_f_7_2_1.json").read_bytes())
    conditions = table["conditions"]
    requirements = []
    for cells in table["rows"]:
        row = dict(zip(table["columns"], cells, strict=True))
        row["path"] = tuple(row["path"].split("."))
        for when in ("when_create", "when_set"):
            row[when] = None if row[when] is None else conditions[row[when]]
        requirements.append(Requirement(**row))
    return tuple(requirements)


def _duties(scope: Scope, column: Column) -> tuple[Duty, ...]:
    duties = []
    for tag, row in scope.rows.items():
        kind = row.type_in(column)
        if column is Column.UPDATE and kind == "3" and row.n_set_scp == "1":
            duties.append(Duty(tag, present=False, filled=True, verified=row.verified))
        elif kind in {"1", "2"}:
            duties.append(Duty(tag, present=True, filled=kind == "1", verified=row.verified))
    return tuple(duties)


def _compile(rows: tuple[Requirement, ...]) -> Scope:
    top = Scope()
    scopes: dict[tuple[str, ...], Scope] = {(): top}
    for row in rows:
        above = scopes[row.path[:-1]]
        if row.tag == RESIDUAL:
            continue
        above.rows[row.tag] = row
        if row.vr == "SQ":
            scopes[row.path] = above.items[row.tag] = Scope()
    for scope in scopes.values():
        scope.duties.update({column: _duties(scope, column) for column in Column})
    return top


ROWS: Final = _read()
"""Every row of the table, in its order."""

TABLE: Final = _compile(ROWS)
"""The top level of the table."""

NOT_UPDATABLE: Final = {tag: row.verified for tag, row in TABLE.rows.items() if not row.updatable}
"""Top-level attributes that an N-SET must not name, with whether that was read in the Standard."""
