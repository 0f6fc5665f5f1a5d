"""The DICOM JSON Model of PS3.18 Annex F: the form data sets have inside, and its bytes."""

from typing import Any, TypeAlias, cast

import orjson

DataSet: TypeAlias = dict[str, dict[str, Any]]
"""A DICOM JSON object in canonical form: ascending upper-case tags and ``vr`` first at every level, no group
lengths, and at the top neither SOP Class UID (0008,0016) nor SOP Instance UID (0008,0018)."""


def encode_json(data_set: DataSet) -> bytes:
    """Write a canonical data set as UTF-8 JSON without white space; equal data sets give equal bytes."""
    return orjson.dumps(data_set)


def decode_json(data: bytes) -> DataSet:
    """Read what ``encode_json`` wrote. Bytes from elsewhere go through ``read_json``."""
    return cast("DataSet", orjson.loads(data))


def values_of(element: dict[str, Any] | None) -> list[Any]:
    """Give the values of an attribute; none when it is absent, empty or binary."""
    values = element.get("Value") if element else None
    return values if isinstance(values, list) else []


def items_of(data_set: DataSet, tag: str) -> list[DataSet]:
    """Give the items of a sequence; none when it is absent, empty or something else."""
    return [item for item in values_of(data_set.get(tag)) if isinstance(item, dict)]


def is_empty(element: dict[str, Any]) -> bool:
    """Tell whether an attribute has zero length: no value, or nothing but nulls, blanks and NULs."""
    if element.get("InlineBinary"):
        return False
    for value in element.get("Value") or ():
        if type(value) is dict:
            if element["vr"] == "SQ" or any(group.strip("\0 ") for group in value.values()):
                return False
        elif value is not None and (type(value) is not str or value.strip("\0 ")):
            return False
    return True
