"""The account sees what it is there to see."""

from tests.faults.account import Account, take
from tests.faults.modality import Sent
from tests.faults.subscriber import Arrived

_UID = "2.25.1"
_SENT = [Sent(_UID, 3, acknowledged=3)]
_STORED = {_UID: [0, 1, 2]}


def _came(*numbers: int, answer: int = 200) -> list[Arrived]:
    return [Arrived(_UID, number, answer, number - 1, 100, 0.0) for number in numbers]


def _taken(*numbers: int) -> Account:
    return take(_SENT, _STORED, {"ris": _came(*numbers)})


def test_what_went_well_is_counted() -> None:
    account = _taken(1, 2, 3)
    assert (account.acknowledged, account.stored, account.delivered, account.duplicates) == (3, 3, 3, 0)
    assert not account.wrong


def test_the_newest_operation_may_come_again() -> None:
    account = _taken(1, 2, 2, 3, 3)
    assert account.duplicates == 2
    assert not account.wrong


def test_an_older_operation_after_a_newer_one_breaks_the_order() -> None:
    assert _taken(1, 2, 1, 3).count("order") == 1


def test_an_operation_before_the_one_it_follows_breaks_the_order() -> None:
    assert _taken(1, 3, 2).count("order") == 2


def test_an_operation_that_never_came_is_lost() -> None:
    assert _taken(1, 2).wrong == {"lost": [f"ris {_UID}/3 never came"]}


def test_an_operation_that_was_only_answered_503_is_lost() -> None:
    came = [*_came(1, 2), *_came(3, answer=503)]
    assert take(_SENT, _STORED, {"ris": came}).count("lost") == 1


def test_an_acknowledged_operation_that_is_not_stored_is_lost() -> None:
    assert take(_SENT, {_UID: [0, 1]}, {"ris": _came(1, 2)}).count("lost") == 1
    assert take(_SENT, {}, {}).count("lost") == 1


def test_an_operation_that_was_repeated_by_its_modality_is_stored_twice() -> None:
    stored = {_UID: [0, 1, 1, 2]}
    came = [Arrived(_UID, number, 200, marker, 100, 0.0) for number, marker in enumerate([0, 1, 1, 2], 1)]
    assert not take(_SENT, stored, {"ris": came}).wrong


def test_operations_stored_in_another_order_are_lost() -> None:
    assert take(_SENT, {_UID: [0, 2, 1]}, {}).count("lost") >= 1


def test_another_body_under_a_number_is_wrong() -> None:
    came = [*_came(1), Arrived(_UID, 2, 200, 2, 100, 0.0), *_came(3)]
    assert take(_SENT, _STORED, {"ris": came}).count("other content") == 1


def test_an_operation_that_nobody_stored_is_wrong() -> None:
    assert _taken(1, 2, 3, 4).count("unknown") == 1
