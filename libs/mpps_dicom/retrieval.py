"""Table F.8.2-1 of PS3.4: what N-GET, and so Retrieve (PS3.18 15.6), may ask for and has to give."""

from dataclasses import dataclass
from typing import Final

from mpps_dicom.tables import RESIDUAL, Column, Duty, Row, compile_scope, read_table

UNDEFINED: Final = "-"
"""Type of an SCU for what is inside an item and cannot be asked for by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrievable(Row):
    """One row of the table. Types are those of PS3.4 5.4.2.2."""

    scu: str
    scp: str
    when: str | None
    """Name of the condition of a type 1C."""

    @property
    def requestable(self) -> bool:
        """Whether N-GET may name it: top-level attributes only (F.8.2.1.2)."""
        return len(self.path) == 1 and self.tag != RESIDUAL

    def duty_in(self, column: Column) -> Duty | None:
        """Give what an answer owes: attributes an SCP has to support, those of type 2 if only empty (5.4.2.2)."""
        if column is Column.RETRIEVE and self.scp in {"1", "2"}:
            return Duty(self.tag, present=True, filled=self.scp == "1", verified=self.verified)
        return None


_RAW_ROWS, _CONDITIONS = read_table("table_f_8_2_1.json")

RETRIEVE_ROWS: Final = tuple(Retrievable(**row) for row in _RAW_ROWS)
"""Every row of the table, in its order."""

RETRIEVE_TABLE: Final = compile_scope(RETRIEVE_ROWS, (Column.RETRIEVE,))
"""The top level of the table."""

RETRIEVE_CONDITIONS: Final = _CONDITIONS
"""The conditions of the table by name."""
