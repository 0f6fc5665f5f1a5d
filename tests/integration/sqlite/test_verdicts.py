"""Errors of the driver: each has a verdict, and none leaves the adapter."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from mpps_core.errors import RevisionLost, StoreError, StoreUnavailable
from mpps_store.sqlite.verdicts import VERDICTS, Verdict, as_store_error, describe, is_clean_in_commit, verdict_on
from tests.conformance.store.making import creation
from tests.integration.sqlite.opening import opened, until_ready
from tests.support.aio import run


def errors_of_the_driver() -> Iterator[type[apsw.Error]]:
    waiting: list[type[apsw.Error]] = [apsw.Error]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += found.__subclasses__()


@pytest.mark.parametrize("kind", sorted(errors_of_the_driver(), key=str))
def test_every_error_of_the_driver_has_a_verdict(kind: type[apsw.Error]) -> None:
    assert kind in VERDICTS
    assert isinstance(as_store_error(kind("text")), StoreError)
    assert describe(kind("text"))


def test_the_table_names_nothing_that_does_not_exist() -> None:
    assert set(VERDICTS) == set(errors_of_the_driver())


def test_only_errors_that_come_before_the_last_frame_are_clean_in_a_commit() -> None:
    clean = {kind.__name__ for kind in VERDICTS if is_clean_in_commit(kind())}
    assert clean == {
        "AuthError",
        "BusyError",
        "CantOpenError",
        "FullError",
        "LockedError",
        "NoLFSError",
        "PermissionsError",
        "ReadOnlyError",
    }


def test_what_the_driver_adds_later_is_taken_for_the_worst() -> None:
    class NewError(apsw.Error):
        pass

    assert verdict_on(NewError()) is Verdict.BROKEN
    assert not is_clean_in_commit(NewError())
    assert isinstance(as_store_error(NewError()), StoreUnavailable)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (apsw.ConstraintError("x"), RevisionLost),
        (apsw.FullError("x"), StoreUnavailable),
        (apsw.CorruptError("x"), StoreUnavailable),
        (MemoryError(), StoreUnavailable),
        (OSError(5, "Input/output error"), StoreUnavailable),
        (TypeError("bad"), StoreError),
        (StoreUnavailable("as it is"), StoreUnavailable),
    ],
)
def test_errors_become_those_of_the_core(error: Exception, expected: type[StoreError]) -> None:
    assert type(as_store_error(error)) is expected


@pytest.mark.parametrize("kind", [kind for kind in VERDICTS if kind is not apsw.ConstraintError])
def test_no_error_of_the_driver_reaches_a_caller(tmp_path: Path, kind: type[apsw.Error]) -> None:
    """Whatever is raised while a batch is applied or read, callers get an error of the core and the store goes on."""

    def broken(connection: apsw.Connection) -> None:
        del connection
        raise kind("a fault of the test")

    async def main() -> None:
        async with opened(tmp_path) as store:
            for worker in (store._write, store._reader, store._lister):
                with pytest.raises(StoreError) as caught:
                    await worker.do(broken)
                assert type(caught.value) is (StoreError if VERDICTS[kind] is Verdict.BAD else StoreUnavailable)
            await until_ready(store)
            await store.write_operation(creation("2.25.1"))
            assert await store.read_step("2.25.1") is not None
            assert (await store.counts()).steps_total == 1

    run(main())
