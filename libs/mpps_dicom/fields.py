"""The includefield parameter of Retrieve (PS3.18 15.6.1.2, 8.3.4.3): which attributes are wanted."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from mpps_dicom.dictionary import is_tag, tag_of, vr_of
from mpps_dicom.json_model import DataSet
from mpps_dicom.rules import refusal

Fields: TypeAlias = tuple[tuple[str, ...], ...] | None
"""Paths of tags from the top level down; None means everything."""

_ALL: Final = "all"
_HEX = re.compile(r"[0-9A-Fa-f]{8}")

_Wanted: TypeAlias = dict[str, Any]
"""Tag to what is wanted inside; an empty one wants the attribute whole."""


def parse_includefield(values: Sequence[str]) -> Fields:
    """Read the values of every ``includefield`` in a query: keywords or tags, nested by dots, parted by commas.

    None means all attributes: nothing was given, or the word ``all`` alone. Raises Refused for anything that is
    neither a keyword of PS3.6 nor a tag, for a path through an attribute that is no sequence, and for ``all``
    beside others.
    """
    texts = [text for value in values for text in value.split(",")]
    if texts in ([], [_ALL]):
        return None
    if _ALL in texts:
        raise refusal("includefield", "The word all cannot stand beside other values of includefield.")
    return tuple(dict.fromkeys(_path(text, number) for number, text in enumerate(texts, start=1)))


def _path(text: str, number: int) -> tuple[str, ...]:
    tags = []
    for step in text.split("."):
        tag = step.upper() if _HEX.fullmatch(step) else tag_of(step)
        if tag is None or not is_tag(tag):
            detail = f"Value no. {number} of includefield is neither a keyword nor a tag of eight hexadecimal digits."
            raise refusal("includefield", detail)
        tags.append(tag)
    if any(vr_of(tag) not in {"SQ", None} for tag in tags[:-1]):
        raise refusal("includefield", f"Value no. {number} of includefield goes into an attribute that is no sequence.")
    return tuple(tags)


def select(data_set: DataSet, fields: Fields) -> DataSet:
    """Give the attributes that are wanted and there. A sequence is whole, or has in every item what is wanted."""
    return data_set if fields is None else _selected(data_set, _tree(fields))


def _tree(paths: Iterable[tuple[str, ...]]) -> _Wanted:
    tree: _Wanted = {}
    for path in sorted(paths, key=len):
        level = tree
        for position, tag in enumerate(path):
            known = tag in level
            inner = level.setdefault(tag, {})
            if known and not inner:
                break  # wanted whole already
            if position + 1 < len(path):
                level = inner
    return tree


def _selected(data_set: DataSet, wanted: _Wanted) -> DataSet:
    return {
        tag: _inside(data_set[tag], wanted[tag])
        for tag in data_set
        if tag in wanted and _fits(data_set[tag], wanted[tag])
    }


def _fits(element: dict[str, Any], inner: _Wanted) -> bool:
    return not inner or element["vr"] == "SQ"


def _inside(element: dict[str, Any], inner: _Wanted) -> dict[str, Any]:
    if not inner or "Value" not in element:
        return element
    return {"vr": "SQ", "Value": [_selected(item, inner) for item in element["Value"]]}
