"""The terms by which steps are searched, entered when there is time for it.

A step's terms fall all over their tree, and entering them with the step would cost more than the rest of accepting
it. So they are entered later, many at once, in order of the steps' keys up to a mark; steps beyond the mark are
searched one by one. Nothing is lost by that: terms only say where to look.
"""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

from collections.abc import Iterator
from typing import Final

import apsw

from mpps_core.step import Step
from mpps_store.searching import folded, name_groups
from mpps_store.sqlite.rows import STEP_COLUMNS, step_of

PATIENT_ID: Final = 1
ACCESSION: Final = 2
STUDY: Final = 3
MODALITY: Final = 4
STATION: Final = 5
SOURCE: Final = 6
NAME: Final = 7

ENTERED: Final = "(SELECT value FROM meta WHERE key = 'terms_entered')"
"""SQL for the mark: the key of the last step whose terms are entered."""

Term = tuple[int, str]

_INSERT: Final = "INSERT INTO terms (kind, value, received_at, step) VALUES (?, ?, ?, ?)"
_DELETE: Final = "DELETE FROM terms WHERE kind = ? AND value = ? AND received_at = ? AND step = ?"


def enter_some(connection: apsw.Connection, limit: int) -> bool:
    """Enter the terms of the next steps, at most ``limit``; tell whether there may be more to enter."""
    rows = connection.execute(
        f"SELECT {STEP_COLUMNS}, s.id FROM steps s WHERE s.id > {ENTERED} ORDER BY s.id LIMIT ?", (limit,)
    ).fetchall()
    if not rows:
        return False
    entries = []
    for row in rows:
        step = step_of(row[:-1])
        entries += [(kind, value, step.received_at, row[-1]) for kind, value in terms_of(step)]
    entries.sort()  # neighbours share pages
    connection.executemany(_INSERT, entries)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'terms_entered'", (rows[-1][-1],))
    return len(rows) == limit


def change(connection: apsw.Connection, key: int, before: Step, after: Step) -> None:
    """Bring the terms of a step up to date if they are entered."""
    if key > connection.execute(f"SELECT {ENTERED}").get:
        return
    old, new = terms_of(before), terms_of(after)
    at = before.received_at
    connection.executemany(_DELETE, [(kind, value, at, key) for kind, value in sorted(old - new)])
    connection.executemany(_INSERT, [(kind, value, at, key) for kind, value in sorted(new - old)])


def terms_of(step: Step) -> set[Term]:
    """Return a step's terms; a tombstone has none."""
    return set() if step.deleted else set(_terms(step))


def _terms(step: Step) -> Iterator[Term]:
    summary = step.summary
    for value in summary.patient_ids:
        yield PATIENT_ID, folded(value)
    for value in summary.accession_numbers:
        yield ACCESSION, folded(value)
    for value in name_groups(step):
        yield NAME, folded(value)
    for kind, values in (
        (STUDY, summary.study_uids),
        (MODALITY, summary.modalities),
        (STATION, summary.station_aes),
        (STATION, summary.station_names),
        (SOURCE, step.sources),
    ):
        for value in values:
            yield kind, value
