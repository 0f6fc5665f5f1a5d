"""The tree of errors is as it is drawn."""

import inspect

import pytest

from mpps_core import errors


def drawn() -> list[tuple[str, str | None]]:
    """Read (name, name of the parent) from the drawing at the top of the module."""
    found: list[tuple[str, str | None]] = []
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines()[2:]:
        branch, mark, rest = line.partition("── ")
        name = (rest if mark else line).split()[0]
        depth = len(branch) // 4 + 1 if mark else 0
        above[depth:] = [name]
        found.append((name, above[depth - 1] if depth else None))
    return found


def test_every_class_is_drawn_below_its_parent() -> None:
    classes = [each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__]
    actual = {(each.__name__, None if each is errors.CoreError else each.__mro__[1].__name__) for each in classes}
    assert set(drawn()) == actual
    assert len(drawn()) == len(classes) == 14


@pytest.mark.parametrize("name", [name for name, _ in drawn()])
def test_every_error_tells_something_without_being_given_words(name: str) -> None:
    kind = getattr(errors, name)
    error = kind(same_content=True) if name == "AlreadyExists" else kind()
    assert error.detail == str(error)
    assert error.detail.endswith((".", ").", ")"))
    assert "\n" not in error.detail


def test_details_may_be_given() -> None:
    assert errors.StoreUnavailable("the disk is full").detail == "the disk is full"
    assert errors.TryLater("busy", retry_after=7.0).retry_after == 7.0
    assert errors.TryLater().retry_after == 5.0
