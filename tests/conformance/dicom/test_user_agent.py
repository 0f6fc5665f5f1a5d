"""What the manager makes of answers where it is the user agent (PS3.18 15.4.3, 15.5.3)."""

import pytest

from mpps_core.forwarding.answers import Answer, Channel, Meaning, meaning_of
from mpps_dicom import StepOperation

CREATE, UPDATE = StepOperation.CREATE, StepOperation.UPDATE


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("operation", [CREATE, UPDATE])
def test_either_success_is_success(operation: StepOperation, status: int) -> None:
    """The table has 201 for Create, the example of B.37 has 200."""
    assert meaning_of(Answer(channel=Channel.HTTP, status=status), operation) is Meaning.DELIVERED


@pytest.mark.parametrize(
    ("operation", "status", "meaning"),
    [
        (CREATE, 409, Meaning.ALREADY_THERE),
        (UPDATE, 404, Meaning.LOST_THERE),
        (CREATE, 400, Meaning.REFUSED),
        (UPDATE, 400, Meaning.REFUSED),
        (CREATE, 503, Meaning.RETRY),
        (UPDATE, 503, Meaning.RETRY),
    ],
)
def test_failures_are_what_the_transaction_says(operation: StepOperation, status: int, meaning: Meaning) -> None:
    assert meaning_of(Answer(channel=Channel.HTTP, status=status), operation) is meaning
