"""The conditions of types 1C and 2C in Table F.7.2-1, each under its name and with what decides it.

A condition on the code itself is decided for the three attributes of a code together, in ``codes``; one on the
text of the whole data set in ``repertoire``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mpps_dicom.json_model import DataSet, items_of, values_of
from mpps_dicom.requirements import Requirement
from mpps_dicom.tables import Column, Scope

CODE_VALUE: Final = "00080100"
LONG_CODE_VALUE: Final = "00080119"
URN_CODE_VALUE: Final = "00080120"
_LOCAL_NAMESPACE: Final = "00400031"
_UNIVERSAL_ENTITY: Final = "00400032"
_SCHEME: Final = "00080102"
_CATEGORY: Final = "00100046"
_SPECIFIED: Final = ("131232", "DCM")

Predicate: TypeAlias = Callable[[DataSet], bool]
"""Tells from the level an attribute belongs to whether it is needed there."""


def has_value(level: DataSet, tag: str) -> bool:
    """Tell whether the attribute is there with something in it; blanks and NULs are nothing."""
    element = level.get(tag)
    if element is None:
        return False
    for value in element.get("Value") or ():
        if type(value) is not str or value.strip("\0 "):
            return value is not None
    return "InlineBinary" in element


def universal_entity_absent(level: DataSet) -> bool:
    """Tell whether Local Namespace Entity ID is needed (PS3.4 Table F.7.2-1, PS3.3 Table 10-17)."""
    return not has_value(level, _UNIVERSAL_ENTITY)


def local_entity_absent(level: DataSet) -> bool:
    """Tell whether Universal Entity ID is needed (PS3.4 Table F.7.2-1, PS3.3 Table 10-17)."""
    return not has_value(level, _LOCAL_NAMESPACE)


def universal_entity_present(level: DataSet) -> bool:
    """Tell whether Universal Entity ID Type is needed (PS3.4 Table F.7.2-1, PS3.3 Tables 10-17, 10-18)."""
    return has_value(level, _UNIVERSAL_ENTITY)


def code_given(level: DataSet) -> bool:
    """Tell whether Coding Scheme Designator is needed (PS3.4 Tables F.7.2-1a to F.7.2-1f)."""
    return has_value(level, CODE_VALUE) or has_value(level, LONG_CODE_VALUE)


def category_specified(level: DataSet) -> bool:
    """Tell whether the comment and reference of a sex parameter are needed (Supplement 233, inferred rows)."""
    return any(
        _SPECIFIED[0] in values_of(code.get(CODE_VALUE)) and _SPECIFIED[1] in values_of(code.get(_SCHEME))
        for code in items_of(level, _CATEGORY)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of the table: where it stands, and what decides it."""

    name: str
    section: str
    needed: Predicate | None = None
    decided_in: str | None = None
    """The module that decides it together with others, where no predicate of one level can."""
    left_open: str | None = None
    """Which part the data set cannot decide, and why."""

    @property
    def predicate(self) -> str | None:
        """Name of the predicate that decides it."""
        return None if self.needed is None else self.needed.__name__


_MACROS: Final = "PS3.4 Tables F.7.2-1a to F.7.2-1f"

CONDITIONS: Final = {
    condition.name: condition
    for condition in (
        Condition(name="text_beyond_default", section="PS3.4 F.7.2.1.1", decided_in="repertoire"),
        Condition(name="text_beyond_default_in_update", section="PS3.4 F.7.2.2.1", decided_in="repertoire"),
        Condition(name="universal_entity_absent", section="PS3.4 F.7.2.1.1", needed=universal_entity_absent),
        Condition(name="local_entity_absent", section="PS3.4 F.7.2.1.1", needed=local_entity_absent),
        Condition(name="universal_entity_present", section="PS3.4 F.7.2.1.1", needed=universal_entity_present),
        Condition(name="universal_entity_present_10_18", section="PS3.3 Table 10-18", needed=universal_entity_present),
        Condition(name="short_code", section=_MACROS, decided_in="codes"),
        Condition(name="long_code", section=_MACROS, decided_in="codes"),
        Condition(name="urn_code", section=_MACROS, decided_in="codes"),
        Condition(name="code_given", section=_MACROS, needed=code_given),
        Condition(
            name="scheme_ambiguous",
            section=_MACROS,
            decided_in="codes",
            left_open="Whether a designator names its codes without a version is known to the coding scheme only; "
            "what is decided is that there is no version without a designator.",
        ),
        Condition(name="category_specified", section="PS3.3 C.4.13", needed=category_specified),
    )
}
"""Every condition of the table by its name."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """An attribute of type 1C (``filled``) or 2C at one level, with what tells that it is needed there."""

    tag: str
    needed: Predicate
    filled: bool
    verified: bool


def conditionals_in(scope: Scope[Requirement], column: Column) -> tuple[Conditional, ...]:
    """Give the attributes of a level that a predicate decides in that column."""
    found = []
    for tag, row in scope.rows.items():
        name = row.condition_in(column)
        needed = CONDITIONS[name].needed if name else None
        if needed is not None:
            filled = row.type_in(column) == "1C"
            found.append(Conditional(tag, needed, filled=filled, verified=row.verified))
    return tuple(found)
