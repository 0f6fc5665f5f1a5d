"""Search by index: the same answers as without one, and really by index."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest

from mpps_core.step import StepFilter
from mpps_dicom import StepStatus, Summary
from mpps_store.memory import MemoryStore
from mpps_store.sqlite import SqliteStore, catalogue
from mpps_store.sqlite.directory import DATABASE
from mpps_store.sqlite.terms import ENTERED, enter_some
from tests.conformance.store.making import NOW, creation, update
from tests.integration.sqlite.opening import opened
from tests.support.aio import run

FILTERS: list[dict[str, Any]] = [
    {"patient_id": "P3"},
    {"accession": "A7"},
    {"study": "1.2.5", "modality": "CT"},
    {"text": "roe"},
    {"text": "p"},
    {"text": "2.25.1"},
    {"text": "roe", "source": "relay"},
    {"text": "p", "modality": "MR", "received_to": NOW + 20},
    {"modality": "MR", "station": "AE1"},
    {"station": "AE2", "status": StepStatus.IN_PROGRESS},
    {"source": "relay"},
]


def summary(number: int) -> Summary:
    return Summary(
        patient_ids=(f"P{number % 10}",),
        patient_names=(("Doe^Jane", "Roe^Richard=Röe^R")[number % 2],),
        accession_numbers=(f"A{number}",),
        study_uids=(f"1.2.{number}",),
        modalities=("CT", "MR", "US")[number % 3 :],
        station_aes=(f"AE{number % 4}",),
    )


async def compare(store: SqliteStore, reference: MemoryStore) -> None:
    for given in FILTERS:
        wanted = StepFilter(**given)
        after = None
        while True:
            page = await store.list_steps(wanted, after, 7)
            assert page == await reference.list_steps(wanted, after, 7), given
            after = page.next_position
            if after is None:
                break


async def enter(store: SqliteStore, limit: int) -> None:
    await store._write.do(lambda connection: enter_some(connection, limit))


@pytest.mark.parametrize("few", [20_000, 3])
def test_answers_do_not_depend_on_how_far_terms_are_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(catalogue, "_FEW", few)

    async def main() -> None:
        reference = MemoryStore()
        async with opened(tmp_path) as store:
            writes = [creation(f"2.25.{n}", at=NOW + n // 2, summary=summary(n)) for n in range(60)]
            for write in writes:
                await store.write_operation(write)
                await reference.write_operation(write)
            for write in writes[::7]:
                later = update(
                    write.step,
                    summary=write.step.summary.joined(Summary(patient_names=("Roe^Late",))),
                    sources=("ct1", "relay"),
                    deleted=write is writes[14],
                )
                await enter(store, 5)
                await compare(store, reference)
                await store.write_operation(later)
                await reference.write_operation(later)
                await compare(store, reference)
            await enter(store, 100)
            await compare(store, reference)

    run(main())


def test_terms_are_entered_when_there_is_nothing_else_to_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            for number in range(5):
                await store.write_operation(creation(f"2.25.{number}", summary=summary(number)))
            async with asyncio.timeout(10):
                while await store._lister.do(lambda c: int(c.execute(f"SELECT {ENTERED}").get)) < 5:
                    await asyncio.sleep(0.005)
            found = await store.list_steps(StepFilter(accession="A3"), None, 10)
            assert [step.uid for step in found.items] == ["2.25.3"]

    run(main())


def plans(connection: apsw.Connection, wanted: StepFilter, after: tuple[float, str] | None) -> list[str]:
    """Return what SQLite says it does for a list of steps."""
    queries: list[tuple[str, Any]] = []

    def trace(_: apsw.Cursor, sql: str, values: Any) -> bool:
        queries.append((sql, values))
        return True

    connection.exec_trace = trace
    catalogue.list_steps(connection, wanted, after, 10)
    connection.exec_trace = None
    return [
        str(row[3])
        for sql, values in queries
        if sql.startswith("SELECT s.")
        for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
    ]


@pytest.mark.parametrize("after", [None, (NOW, "2.25.1")])
@pytest.mark.parametrize("given", [{}, {"status": StepStatus.IN_PROGRESS}, {"received_from": NOW}, *FILTERS])
def test_no_list_of_steps_reads_the_whole_table(
    tmp_path: Path, given: dict[str, Any], after: tuple[float, str] | None
) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            for number in range(20):
                await store.write_operation(creation(f"2.25.{number}", summary=summary(number)))
            await enter(store, 100)

    run(main())
    connection = apsw.Connection(str(tmp_path / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found = plans(connection, StepFilter(**given), after)
    finally:
        connection.close()
    assert found
    for line in found:
        assert not line.startswith("SCAN") or "USING INDEX" in line or "CONSTANT" in line, found
