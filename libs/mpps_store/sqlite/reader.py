"""A thread that reads. What it reads is committed, and not older than the request to read it."""

import contextlib
from collections.abc import Callable

import apsw

from mpps_core.errors import StoreError
from mpps_store.sqlite.connections import discard
from mpps_store.sqlite.verdicts import Verdict, as_store_error, verdict_on
from mpps_store.sqlite.workers import Outcome, Unit, Worker


class Reader(Worker):
    """Reads with a connection of its own, which it opens again when it has gone bad.

    It is opened at once and kept: while it is there, nobody takes up from the WAL what a failed commit left in it.
    """

    def __init__(self, name: str, connect: Callable[[], apsw.Connection]) -> None:
        super().__init__(name)
        self._connect = connect
        self._connection: apsw.Connection | None = None

    def _run(self) -> None:
        with contextlib.suppress(apsw.Error, StoreError):
            self._connected()
        while (units := self._take()) is not None:
            self._tell(self._read(units))
        self._drop()

    def _read(self, units: list[Unit]) -> list[Outcome]:
        try:
            connection = self._connected()
            # One snapshot for all: it is taken now, after the last of them was asked for.
            connection.execute("BEGIN")
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._drop()
            return [Outcome(unit, error=as_store_error(error)) for unit in units]
        outcomes = [self._one(connection, unit) for unit in units]
        try:
            connection.execute("COMMIT")
        except apsw.Error:
            self._drop()
        return outcomes

    def _one(self, connection: apsw.Connection, unit: Unit) -> Outcome:
        try:
            return Outcome(unit, unit.apply(connection))
        except Exception as error:  # noqa: BLE001 - the same
            if verdict_on(error) is Verdict.BROKEN:
                self._drop()
            return Outcome(unit, error=as_store_error(error))

    def _connected(self) -> apsw.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            discard(self._connection)
            self._connection = None
