"""Table F.7.2-1 of PS3.4: what N-CREATE, N-SET and the final state ask of each attribute."""

from dataclasses import dataclass
from typing import Final

from mpps_dicom.tables import RESIDUAL, Column, Duty, Row, Scope, compile_scope, read_table

__all__ = ["CONDITION_TEXTS", "NOT_UPDATABLE", "RESIDUAL", "ROWS", "TABLE", "Column", "Duty", "Requirement", "Scope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement(Row):
    """One row of the table. Types are those of PS3.4 5.4.2.1: 1, 1C, 2, 2C, 3."""

    n_create_scu: str
    n_create_scp: str
    n_set_scu: str | None
    n_set_scp: str | None
    final_state: str | None
    final_state_effective: str
    when_create: str | None
    """Name of the condition of a type 1C or 2C."""
    when_set: str | None

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

    def condition_in(self, column: Column) -> str | None:
        """Name the condition of a type 1C or 2C in that column; None where the type has none."""
        kind = self.type_in(column)
        if kind is None or not kind.endswith("C"):
            return None
        return self.when_create if column is Column.CREATE else self.when_set

    def duty_in(self, column: Column) -> Duty | None:
        """Give what a data set owes in that column whatever else it has."""
        kind = self.type_in(column)
        if column is Column.UPDATE and kind == "3" and self.n_set_scp == "1":
            return Duty(self.tag, present=False, filled=True, verified=self.verified)
        if kind in {"1", "2"}:
            return Duty(self.tag, present=True, filled=kind == "1", verified=self.verified)
        return None


_RAW_ROWS, CONDITION_TEXTS = read_table("table_f_7_2_1.json")
"""``CONDITION_TEXTS``: the conditions of the table by name."""

ROWS: Final = tuple(Requirement(**row) for row in _RAW_ROWS)
"""Every row of the table, in its order."""

TABLE: Final = compile_scope(ROWS, (Column.CREATE, Column.UPDATE, Column.FINAL))
"""The top level of the table."""

NOT_UPDATABLE: Final = {tag: row.verified for tag, row in TABLE.rows.items() if not row.updatable}
"""Top-level attributes that an N-SET must not name, with whether that was read in the Standard."""
