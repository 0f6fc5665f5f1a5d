"""Comparing a subscriber's copy with ours (rules 20 and 21)."""

from typing import Any

import orjson
import pytest

from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.forwarding.comparing import Comparison, compare
from mpps_core.forwarding.interfaces import Retrieved
from tests.unit.core.values import dimse, http


def data_set(status: str | None = "COMPLETED", others: dict[str, Any] | None = None) -> bytes:
    attributes: dict[str, Any] = {"00100020": {"vr": "LO", "Value": ["4711"]}, **(others or {})}
    if status is not None:
        attributes["00400252"] = {"vr": "CS", "Value": [status]}
    return orjson.dumps(dict(sorted(attributes.items())))


def found(theirs: bytes) -> Retrieved:
    return Retrieved(supported=True, found=True, data_set=theirs, answer=http(200))


@pytest.mark.parametrize(
    ("theirs", "comparison"),
    [
        (data_set(), Comparison.SAME),
        # A subscriber may add attributes of its own.
        (data_set(others={"00081160": {"vr": "IS", "Value": [1]}}), Comparison.SAME),
        (data_set(others={"00100020": {"vr": "LO", "Value": ["4712"]}}), Comparison.OTHER_CONTENT),
        (orjson.dumps({"00400252": {"vr": "CS", "Value": ["COMPLETED"]}}), Comparison.OTHER_CONTENT),
        (data_set("DISCONTINUED"), Comparison.OTHER_STATUS),
        (data_set("IN PROGRESS"), Comparison.OTHER_STATUS),
        (data_set(None), Comparison.OTHER_STATUS),
        (data_set("DONE"), Comparison.OTHER_STATUS),
        (b"{}", Comparison.OTHER_STATUS),
        (b'{"00400252":{"vr":"CS"}}', Comparison.OTHER_STATUS),
    ],
)
def test_the_status_decides_and_then_the_content(theirs: bytes, comparison: Comparison) -> None:
    assert compare(found(theirs), data_set()) is comparison


@pytest.mark.parametrize("ours", ["COMPLETED", "completed", "COMPLETED\0", " Completed "])
def test_a_status_spelled_otherwise_is_the_same_status(ours: str) -> None:
    """Quirk 19: what was sent is kept as it was, and a subscriber may have put it right."""
    assert compare(found(data_set("COMPLETED")), data_set(ours)) in {Comparison.SAME, Comparison.OTHER_CONTENT}
    assert compare(found(data_set("DISCONTINUED")), data_set(ours)) is Comparison.OTHER_STATUS


def test_inprogress_is_in_progress() -> None:
    assert compare(found(data_set("IN PROGRESS")), data_set("INPROGRESS")) is Comparison.OTHER_CONTENT


@pytest.mark.parametrize(
    ("answer", "comparison"),
    [
        (http(404), Comparison.ABSENT),
        (http(410), Comparison.ABSENT),
        (http(200), Comparison.ABSENT),  # an empty list
        (http(204), Comparison.ABSENT),
        (dimse(0x0112), Comparison.ABSENT),
        # It cannot be asked now.
        (http(500), Comparison.FAILED),
        (http(503), Comparison.FAILED),
        (http(429), Comparison.FAILED),
        (http(408), Comparison.FAILED),
        (dimse(0x0213), Comparison.FAILED),
        *((Answer(channel=Channel.NONE, failure=failure), Comparison.FAILED) for failure in Failure),
        # It may be written to and not be asked.
        (http(401), Comparison.IMPOSSIBLE),
        (http(403), Comparison.IMPOSSIBLE),
        (http(302), Comparison.IMPOSSIBLE),
        (http(409), Comparison.IMPOSSIBLE),
        (dimse(0x0124), Comparison.IMPOSSIBLE),
    ],
)
def test_without_a_copy_the_answer_says_why(answer: Answer, comparison: Comparison) -> None:
    assert compare(Retrieved(supported=True, answer=answer), data_set()) is comparison


def test_a_subscriber_that_cannot_be_asked_is_not() -> None:
    assert compare(Retrieved(supported=False, answer=http(501)), data_set()) is Comparison.IMPOSSIBLE
