"""Which steps and attempts a filter means: the same answer from every adapter, whatever its indexes narrow down."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from mpps_core.attempt import Attempt, AttemptFilter
from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.step import Step, StepFilter

Item = TypeVar("Item")


def folded(text: str) -> str:
    """Return the form in which the free text of a search is compared: upper and lower case are the same."""
    return text.casefold()


def words_of(step: Step) -> Iterator[str]:
    """Yield what the free text of a search may be a prefix of, the UID aside, folded."""
    yield from map(folded, step.summary.patient_ids)
    yield from map(folded, step.summary.accession_numbers)
    yield from map(folded, name_groups(step))


def name_groups(step: Step) -> Iterator[str]:
    """Yield the component groups of the patient's names, as each is found by itself: ``山田^太郎`` beside Yamada."""
    for name in step.summary.patient_names:
        yield from filter(None, name.split("="))


def step_matches(step: Step, wanted: StepFilter) -> bool:
    """Tell whether a step is among those that the filter wants."""
    return _fields_match(step, wanted) and _text_matches(step, wanted.text)


def attempt_matches(attempt: Attempt, wanted: AttemptFilter) -> bool:
    """Tell whether an attempt is among those that the filter wants."""
    return (
        (wanted.subscription is None or attempt.subscription == wanted.subscription)
        and (not wanted.uid or attempt.uid == wanted.uid)
        and (not wanted.outcome or attempt.outcome == wanted.outcome)
        and (wanted.since is None or attempt.at >= wanted.since)
    )


def cut(items: Sequence[Item], limit: int) -> tuple[tuple[Item, ...], Item | None]:
    """Cut what was found, one more than asked for if there is more, to a page.

    Returns the page and its last item, after which the next page begins; ``None`` where this page is the last one.
    """
    page = tuple(items[:limit])
    return page, page[-1] if page and len(items) > limit else None


def outline_of(step: Step) -> StepOutline:
    """Return what routing must know of a step."""
    return StepOutline(
        uid=step.uid,
        slot=step.slot,
        version=step.version,
        status=step.status,
        summary=step.summary,
        sources=step.sources,
        received_at=step.received_at,
        updated_at=step.updated_at,
    )


def _fields_match(step: Step, wanted: StepFilter) -> bool:
    summary = step.summary
    given = (
        (wanted.patient_id, summary.patient_ids),
        (wanted.accession, summary.accession_numbers),
        (wanted.study, summary.study_uids),
        (wanted.modality, summary.modalities),
        (wanted.station, summary.station_aes + summary.station_names),
        (wanted.source, step.sources),
    )
    return (
        all(not value or value in values for value, values in given)
        and (wanted.status is None or step.status is wanted.status)
        and (wanted.received_from is None or step.received_at >= wanted.received_from)
        and (wanted.received_to is None or step.received_at <= wanted.received_to)
    )


def _text_matches(step: Step, text: str) -> bool:
    return not text or step.uid.startswith(text) or any(word.startswith(folded(text)) for word in words_of(step))
