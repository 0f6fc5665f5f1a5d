"""Statements that make lists and counts."""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apsw

from mpps_core.attempt import AttemptFilter
from mpps_core.lane import Lane
from mpps_core.reading import AttemptPage, LaneCounts, LanePage, StoreCounts
from mpps_core.step import Step, StepFilter, StepPage
from mpps_store.searching import cut, folded, step_matches
from mpps_store.sqlite.rows import (
    ATTEMPT_COLUMNS,
    LANE_COLUMNS,
    RECEIVED_AT,
    STEP_COLUMNS,
    Row,
    attempt_of,
    lane_of,
    step_of,
    to_json,
)
from mpps_store.sqlite.terms import ACCESSION, ENTERED, MODALITY, NAME, PATIENT_ID, SOURCE, STATION, STUDY, Term

_FEW: Final = 20_000  # steps found by text that are sorted; more are so common that the newest ones are found at once
_LAST: Final = "\U0010ffff"  # sorts after whatever follows a prefix

_STANDING: Final = {
    "": "TRUE",
    "behind": "due IS NOT NULL AND state IS NULL",
    "level": "due IS NULL AND state IS NULL",
    "parked": "state = 'parked'",
    "closed": "state = 'closed'",
}

# Numbers of all subscriptions that have lanes, removed ones too, found by leaping from one to the next.
_WITH_LANES: Final = """
WITH RECURSIVE leap (number) AS (
    SELECT min(subscription) FROM ledger
    UNION ALL
    SELECT (SELECT min(subscription) FROM ledger WHERE subscription > number) FROM leap WHERE number IS NOT NULL
)
SELECT number FROM leap WHERE number IS NOT NULL
"""
_STEP_COUNTS: Final = (
    "SELECT count(*) FROM steps WHERE status = 'IN PROGRESS' AND deleted = 0",
    "SELECT count(*) FROM steps WHERE deleted = 0",
    "SELECT count(*) FROM steps WHERE unrouted_since IS NOT NULL",
)
_LANE_COUNTS: Final = """
SELECT s.number,
       (SELECT count(*) FROM ledger WHERE subscription = s.number AND due IS NOT NULL AND state IS NULL),
       (SELECT count(*) FROM ledger WHERE subscription = s.number AND state = 'parked'),
       (SELECT min(since) FROM ledger WHERE subscription = s.number AND due IS NOT NULL AND state IS NULL)
FROM subscriptions s ORDER BY s.number
"""


def list_steps(
    connection: apsw.Connection, wanted: StepFilter, after: tuple[float, str] | None, limit: int
) -> StepPage:
    """Return steps newest first, without inline payload bytes, tombstones aside."""
    found: list[Step] = []
    for row in _candidates(connection, wanted, after):
        step = step_of(row)
        if step_matches(step, wanted):
            found.append(step)
            if len(found) > limit:
                break
    items, last = cut(found, limit)
    return StepPage(items=items, next_position=None if last is None else (last.received_at, last.uid))


def list_lanes(
    connection: apsw.Connection,
    *,
    subscription: int | None,
    state: str,
    uid: str,
    after: tuple[float, str, int] | None,
    limit: int,
) -> LanePage:
    """Return lanes newest first by (born, uid, subscription)."""
    numbers = [subscription] if subscription is not None else [number for (number,) in connection.execute(_WITH_LANES)]
    conditions: list[str] = [_STANDING[state]]
    values: list[Any] = []
    if uid:
        conditions.append("uid = ?")
        values.append(uid)
    if after is not None:
        conditions.append("(born, uid, subscription) < (?, ?, ?)")
        values.extend(after)
    query = (
        f"SELECT {LANE_COLUMNS} FROM ledger WHERE subscription = ? AND {' AND '.join(conditions)} "
        "ORDER BY born DESC, uid DESC LIMIT ?"
    )
    found = (lane_of(row) for number in numbers for row in connection.execute(query, (number, *values, limit + 1)))
    items, last = cut(heapq.nlargest(limit + 1, found, key=_lane_position), limit)
    return LanePage(items=items, next_position=None if last is None else _lane_position(last))


def list_attempts(connection: apsw.Connection, wanted: AttemptFilter, after: str | None, limit: int) -> AttemptPage:
    """Return attempts, newest first by id."""
    # A plus sign keeps a condition from choosing the index: that of the UID is the best, that of the time in the
    # wrong order.
    conditions = {
        "uid = ?": wanted.uid or None,
        "+subscription = ?" if wanted.uid else "subscription = ?": wanted.subscription,
        "outcome = ?": wanted.outcome or None,
        "+at >= ?": wanted.since,
        "id < ?": after,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    rows = connection.execute(
        f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE {' AND '.join(given) or 'TRUE'} ORDER BY id DESC LIMIT ?",
        (*given.values(), limit + 1),
    )
    items, last = cut([attempt_of(row) for row in rows], limit)
    return AttemptPage(items=items, next_position=None if last is None else last.id)


def counts(connection: apsw.Connection) -> StoreCounts:
    """Return how the store stands."""
    steps_open, steps_total, unrouted = (connection.execute(query).get for query in _STEP_COUNTS)
    lanes = tuple(
        LaneCounts(subscription=number, behind=behind, parked=parked, oldest_undelivered=oldest)
        for number, behind, parked, oldest in connection.execute(_LANE_COUNTS)
    )
    return StoreCounts(steps_open=steps_open, steps_total=steps_total, unrouted=unrouted, lanes=lanes)


def _lane_position(lane: Lane) -> tuple[float, str, int]:
    return lane.born, lane.uid, lane.subscription


def _candidates(connection: apsw.Connection, wanted: StepFilter, after: tuple[float, str] | None) -> Iterable[Row]:
    """Return rows of steps, in the order of the page, that hold all that match, and perhaps others."""
    rare, common = _given_terms(wanted)
    if not rare and wanted.text and (keys := _found_by_text(connection, wanted.text)) is not None:
        narrowed = _Query("steps s", "s.received_at", wanted, after)
        narrowed.add(f"s.id IN ({keys}) AND s.id <= {ENTERED}", *_text_values(wanted.text))
        others = common
    elif rare or common:
        # The step's own row is looked up for each entry of the rarest term, in the order of that term.
        narrowed = _Query("terms t CROSS JOIN steps s ON s.id = t.step", "t.received_at", wanted, after)
        first, *others = rare + common
        narrowed.add("t.kind = ? AND t.value = ?", *first)
    else:
        return _Query("steps s", "s.received_at", wanted, after).rows(connection)
    for term in others:
        narrowed.add(
            "EXISTS (SELECT 1 FROM terms o WHERE o.kind = ? AND o.value = ? AND o.received_at = s.received_at "
            "AND o.step = s.id)",
            *term,
        )
    beyond = _Query("steps s", "+s.received_at", wanted, after)
    beyond.add(f"s.id > {ENTERED}")
    for condition, value in _spelt_out(wanted):
        beyond.add(condition, value)
    return heapq.merge(narrowed.rows(connection), beyond.rows(connection), key=_step_position, reverse=True)


def _spelt_out(wanted: StepFilter) -> Iterator[tuple[str, str]]:
    """Yield conditions that spare most rows without a term from being decoded: what is wanted stands in their text."""
    for value in (wanted.study, wanted.accession, wanted.patient_id, wanted.station, wanted.modality):
        if value:
            yield "instr(s.summary, ?)", to_json(value)
    if wanted.source:
        yield "instr(s.sources, ?)", to_json(wanted.source)
    if wanted.text.isascii() and wanted.text:
        # Text that is not ASCII can fold to what is; such rows are left to be decided later.
        word = to_json(folded(wanted.text))[1:-1].lower()
        yield "(instr(lower(s.summary || s.uid), ?) OR s.summary GLOB '*[^' || char(1) || '-~]*')", word


class _Query:
    """A query for rows of steps, newest first, as it is put together."""

    def __init__(self, source: str, time: str, wanted: StepFilter, after: tuple[float, str] | None) -> None:
        self._source = source
        self._time = time
        self._conditions = ["s.deleted = 0"]
        self._values: list[Any] = []
        for condition, values in _column_conditions(wanted, after, time):
            self.add(condition, *values)

    def add(self, condition: str, *values: Any) -> None:
        self._conditions.append(condition)
        self._values += values

    def rows(self, connection: apsw.Connection) -> apsw.Cursor:
        return connection.execute(
            f"SELECT {STEP_COLUMNS} FROM {self._source} WHERE {' AND '.join(self._conditions)} "
            f"ORDER BY {self._time} DESC, s.uid DESC",
            self._values,
        )


def _step_position(row: Row) -> tuple[float, str]:
    return row[RECEIVED_AT], row[0]


def _given_terms(wanted: StepFilter) -> tuple[list[Term], list[Term]]:
    """Return what a filter asks for by index, rarest first: what names a patient or an order, and what does not."""
    rare = [(STUDY, wanted.study), (ACCESSION, folded(wanted.accession)), (PATIENT_ID, folded(wanted.patient_id))]
    common = [(STATION, wanted.station), (SOURCE, wanted.source), (MODALITY, wanted.modality)]
    return [term for term in rare if term[1]], [term for term in common if term[1]]


def _column_conditions(
    wanted: StepFilter, after: tuple[float, str] | None, time: str
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if wanted.status is not None:
        yield "s.status = ?", (wanted.status,)
    if wanted.received_from is not None:
        yield f"{time} >= ?", (wanted.received_from,)
    if wanted.received_to is not None:
        yield f"{time} <= ?", (wanted.received_to,)
    if after is not None:
        yield f"{time} <= ? AND ({time} < ? OR s.uid < ?)", (after[0], after[0], after[1])


_TEXT_QUERIES: Final = (
    *(
        f"SELECT step FROM terms WHERE kind = {kind} AND value >= ? AND value < ?"
        for kind in (PATIENT_ID, ACCESSION, NAME)
    ),
    "SELECT id FROM steps WHERE uid >= ? AND uid < ?",
)


def _found_by_text(connection: apsw.Connection, text: str) -> str | None:
    """Return a query for the keys of the steps that a free text finds, or ``None`` if it finds very many."""
    values = _text_values(text)
    for position, query in enumerate(_TEXT_QUERIES):
        found = connection.execute(
            f"SELECT count(*) FROM ({query} LIMIT {_FEW})", values[2 * position : 2 * position + 2]
        ).get
        if found >= _FEW:
            return None
    return " UNION ".join(_TEXT_QUERIES)


def _text_values(text: str) -> list[str]:
    word = folded(text)
    return [word, word + _LAST] * (len(_TEXT_QUERIES) - 1) + [text, text + _LAST]
