"""What an answer means: the table of answers, written down a second time, over everything that can be answered."""

import itertools
from typing import Final

import pytest

from mpps_core.forwarding.answers import A710, Answer, Channel, Failure, Fault, Meaning, fault_of, is_final, meaning_of
from mpps_dicom import StepOperation, StepStatus
from tests.unit.core.values import dimse, http

CREATE, UPDATE = StepOperation
BOTH = (CREATE, UPDATE)

DELIVERED, ALREADY_THERE, LOST_THERE, CLOSED_THERE, GONE, RETRY, MISCONFIGURED, REFUSED = Meaning

# Row by row as the table has it: which operation, which statuses, what they mean. The first row that fits counts.
HTTP_TABLE: Final[list[tuple[tuple[StepOperation, ...], tuple[range, ...], Meaning]]] = [
    (BOTH, (range(200, 300),), DELIVERED),
    ((CREATE,), (range(409, 410),), ALREADY_THERE),
    ((UPDATE,), (range(404, 405),), LOST_THERE),
    ((UPDATE,), (range(409, 410),), CLOSED_THERE),
    (BOTH, (range(410, 411),), GONE),
    ((CREATE,), (range(404, 405),), MISCONFIGURED),
    (BOTH, (range(401, 402), range(403, 404), range(300, 400), range(405, 407), range(415, 416)), MISCONFIGURED),
    (BOTH, (range(501, 502),), MISCONFIGURED),
    (BOTH, (range(408, 409), range(425, 426), range(429, 430), range(500, 600)), RETRY),
    (BOTH, (range(400, 500),), REFUSED),
    (BOTH, (range(100, 200),), RETRY),  # no final answer came
]

DIMSE_TABLE: Final[list[tuple[tuple[StepOperation, ...], tuple[range, ...], Meaning]]] = [
    (BOTH, (range(0x0002), range(0x0107, 0x0108), range(0x0116, 0x0117), range(0xB000, 0xC000)), DELIVERED),
    ((CREATE,), (range(0x0111, 0x0112),), ALREADY_THERE),
    ((UPDATE,), (range(0x0112, 0x0113),), LOST_THERE),
    (BOTH, (range(0x0118, 0x011A), range(0x0124, 0x0125)), MISCONFIGURED),
    (BOTH, (range(0x0105, 0x0107), range(0x0117, 0x0118), range(0x0120, 0x0122)), REFUSED),
    (BOTH, (range(0x10000),), RETRY),  # 0110H, 0210H to 0213H, A/C codes and whatever nobody has heard of
]

FAILURES: Final = {
    Failure.TIMEOUT: (RETRY, Fault.NETWORK),
    Failure.REFUSED: (RETRY, Fault.NETWORK),
    Failure.RESET: (RETRY, Fault.NETWORK),
    Failure.NAME: (RETRY, Fault.NETWORK),
    Failure.TLS: (MISCONFIGURED, Fault.NETWORK),
    Failure.FORBIDDEN_ADDRESS: (MISCONFIGURED, Fault.OURS),
    Failure.BAD_ANSWER: (RETRY, Fault.RECEIVER),
    Failure.LEASE_LOST: (RETRY, Fault.OURS),
}


def expected(
    table: list[tuple[tuple[StepOperation, ...], tuple[range, ...], Meaning]], kind: StepOperation, status: int
) -> Meaning:
    return next(meaning for kinds, ranges, meaning in table if kind in kinds and any(status in each for each in ranges))


@pytest.mark.parametrize("kind", BOTH)
def test_every_http_status_means_what_the_table_says(kind: StepOperation) -> None:
    for status in range(100, 600):
        assert meaning_of(http(status), kind) is expected(HTTP_TABLE, kind, status), status


@pytest.mark.parametrize("kind", BOTH)
def test_every_dimse_status_means_what_the_table_says(kind: StepOperation) -> None:
    for status in range(0x10000):
        assert meaning_of(dimse(status), kind) is expected(DIMSE_TABLE, kind, status), hex(status)


@pytest.mark.parametrize("status", [-1, 0, 42, 99, 600, 999, 10_000])
def test_a_status_that_is_none_is_tried_again(status: int) -> None:
    assert meaning_of(http(status), CREATE) is RETRY


@pytest.mark.parametrize(
    ("kind", "error_id", "meaning"),
    [
        (UPDATE, A710, CLOSED_THERE),
        (UPDATE, None, RETRY),
        (UPDATE, 0xA711, RETRY),
        (CREATE, A710, RETRY),
    ],
)
def test_processing_failure_closes_only_with_the_error_id_of_the_final_state(
    kind: StepOperation, error_id: int | None, meaning: Meaning
) -> None:
    assert meaning_of(dimse(0x0110, error_id=error_id), kind) is meaning


def test_the_error_id_changes_nothing_about_another_status() -> None:
    for status in (0x0000, 0x0105, 0x0111, 0x0112, 0x0213):
        assert meaning_of(dimse(status, error_id=A710), UPDATE) is meaning_of(dimse(status), UPDATE)


def test_every_failure_is_here() -> None:
    assert set(FAILURES) == set(Failure)


@pytest.mark.parametrize("failure", Failure)
def test_without_an_answer_the_failure_decides(failure: Failure) -> None:
    meaning, fault = FAILURES[failure]
    for kind, (channel, status) in itertools.product(BOTH, [(Channel.NONE, None), (Channel.HTTP, 200)]):
        answer = Answer(channel=channel, status=status, failure=failure)
        assert meaning_of(answer, kind) is meaning
        assert fault_of(answer, meaning) is fault


@pytest.mark.parametrize("channel", Channel)
def test_nothing_is_delivered_by_an_answer_without_a_status(channel: Channel) -> None:
    assert meaning_of(Answer(channel=channel), UPDATE) is RETRY


def test_every_meaning_says_whose_failure_it_is() -> None:
    """Architecture 6: ours, the network's or the receiver's; none where nothing failed."""
    faults = {meaning: fault_of(http(400), meaning) for meaning in Meaning}
    assert faults == {
        DELIVERED: None,
        ALREADY_THERE: None,
        GONE: None,
        LOST_THERE: Fault.RECEIVER,
        CLOSED_THERE: Fault.RECEIVER,
        RETRY: Fault.RECEIVER,
        MISCONFIGURED: Fault.OURS,
        REFUSED: Fault.RECEIVER,
    }


def test_only_two_statuses_are_final() -> None:
    assert [is_final(status) for status in (None, *StepStatus)] == [False, False, True, True]
