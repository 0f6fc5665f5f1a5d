"""Values of an attribute held against their VR (PS3.5 6.2): length, form and characters, range."""

import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from mpps_dicom.vr import VRS, Kind, ValueRepresentation

Fault: TypeAlias = tuple[str, str]
"""A rule and the sentence for it."""
Checker: TypeAlias = Callable[[list[Any]], Fault | None]


def _explained(representation: ValueRepresentation, value: str) -> Fault:
    code, longest = representation.code, representation.max_length
    if longest is not None and len(value) > longest:
        return "value-length", f"A value has {len(value)} characters; VR {code} has room for {longest}."
    if code == "UI":
        return "uid-syntax", "A UID is not made of components as PS3.5 9.1 asks for."
    return "value-repertoire", f"A value does not have the form or the characters of VR {code}."


def _text_checker(representation: ValueRepresentation) -> Checker:
    if representation.form is None:
        return _no_fault
    matches = representation.form.fullmatch
    longest = representation.max_length or sys.maxsize

    def check(values: list[Any]) -> Fault | None:
        for value in values:
            if value and (len(value) > longest or matches(value) is None):
                return _explained(representation, value)
        return None

    return check


def _number_checker(representation: ValueRepresentation) -> Checker:
    if representation.bounds is None:
        return _no_fault
    low, high = representation.bounds
    code = representation.code

    def check(values: list[Any]) -> Fault | None:
        for value in values:
            if value is not None and not (low <= value <= high and value == int(value)):
                return "value-range", f"A value is not an integer from {low} to {high}, as VR {code} asks for."
        return None

    return check


def _decimal_checker(representation: ValueRepresentation) -> Checker:
    check_text = _text_checker(representation)
    check_number = _number_checker(representation)

    def check(values: list[Any]) -> Fault | None:
        texts = [value for value in values if type(value) is str and value]
        fault = check_text(texts) if texts else None
        if fault is not None or representation.bounds is None:
            return fault
        numbers = [int(value) if type(value) is str else value for value in values if value != ""]
        return check_number(numbers)

    return check


def _name_checker(representation: ValueRepresentation) -> Checker:
    check_group = _text_checker(representation)

    def check(values: list[Any]) -> Fault | None:
        for name in values:
            if name:
                fault = check_group(list(name.values()))
                if fault is not None:
                    return fault
        return None

    return check


def _no_fault(_values: list[Any]) -> Fault | None:
    return None


_CHECKER_OF_KIND: Final[dict[Kind, Callable[[ValueRepresentation], Checker]]] = {
    Kind.TEXT: _text_checker,
    Kind.NUMBER: _number_checker,
    Kind.DECIMAL: _decimal_checker,
    Kind.PERSON_NAME: _name_checker,
}

CHECKERS: Final = {
    code: _CHECKER_OF_KIND[representation.kind](representation)
    if representation.kind in _CHECKER_OF_KIND
    else _no_fault
    for code, representation in VRS.items()
}
"""How the values of each VR are checked; only the first faulty value of an attribute is told."""
