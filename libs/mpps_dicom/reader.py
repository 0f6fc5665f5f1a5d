"""Reading of DICOM JSON that came from outside (PS3.18 Annex F): structure only, the same for every source.

One walk over the parsed body finds every structural fault and brings the data set into canonical form. It is
on the path of every operation, so an attribute that is as it should be costs three look-ups; everything else
is sorted out in functions of its own. The readers of other encodings make the same members and end in the same
walk, so that there is one set of rules.
"""

import binascii
import codecs
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mpps_dicom.dictionary import ATTRIBUTES, is_group_length, is_tag, tag_of
from mpps_dicom.findings import Finding
from mpps_dicom.json_model import DataSet, values_of
from mpps_dicom.paths import Where
from mpps_dicom.rules import Report, refusal
from mpps_dicom.uids import MPPS_CLASS, is_path_uid
from mpps_dicom.vr import VRS, Kind

MAX_DEPTH: Final = 64
"""Sequences within sequences; what is deeper is an attack or a mistake."""

_SOP_CLASS_UID: Final = "00080016"
_SOP_INSTANCE_UID: Final = "00080018"

_FORMS: Final = ("Value", "InlineBinary", "BulkDataURI")
_EMPTY: Final = ("vr",)
_VALUE: Final = ("vr", "Value")
_BINARY: Final = ("vr", "InlineBinary")
_SHAPES: Final[dict[tuple[str, ...], tuple[str, ...]]] = {shape: shape for shape in (_EMPTY, _VALUE, _BINARY)}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_GROUP_SET: Final = frozenset(_GROUPS)
_NAME_SHAPES: Final = frozenset(
    shape for size in range(len(_GROUPS) + 1) for shape in itertools.combinations(_GROUPS, size)
)

# What the parser says, and what we say instead: its own words are not ours to promise.
_NOT_JSON: Final = (
    ("empty", "it is empty"),
    ("UTF-8", "it is not valid UTF-8"),
    ("surrogate", "it has half of a surrogate pair"),
    ("infinity", "it has a number that no double can hold"),
    ("end of data", "it ends too early"),
    ("after document", "it goes on after its end"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBody:
    """A data set as it was received, in canonical form, and what was noticed on the way."""

    data_set: DataSet
    findings: tuple[Finding, ...]


def read_json(body: bytes, *, uid: str) -> ReadBody:
    """Read one data set sent for the instance ``uid``: an object, or an array of exactly one.

    Group lengths, (0008,0016) and (0008,0018) are left out. A SOP Instance UID unlike ``uid`` is refused; a SOP
    Class UID unlike that of MPPS is left out with a warning, as it changes nothing about what is stored.
    Members of an attribute that the model does not have (drafts of it had ``keyword``, ``privateCreator``) are
    left out with a warning, as no other encoding could carry them.
    Numbers are doubles or 64 bit integers; of a name given twice in one object the last wins.

    Raises Refused with every structural fault found.
    """
    check_path_uid(uid)
    return read_members(_one_object(_parsed(body)), uid=uid, report=Report())


def check_path_uid(uid: str) -> None:
    """Raise Refused when an instance UID cannot stand in a URL."""
    if not is_path_uid(uid):
        raise refusal("path-uid", "The UID in the URL is not made of 1 to 64 digits and dots.")


def read_members(data_set: dict[str, Any], *, uid: str | None, report: Report) -> ReadBody:
    """Read members as JSON has them, whatever encoding they came in; the objects given become those of the result.

    ``report`` may hold findings already. Without ``uid`` the identifiers of the data set are left out unseen.
    Raises Refused with every structural fault found.
    """
    if not data_set:
        report.add("empty-object", "The data set has no attributes.")
    data_set = _read_level(data_set, None, 0, report)
    instance, sop_class = data_set.pop(_SOP_INSTANCE_UID, None), data_set.pop(_SOP_CLASS_UID, None)
    if uid is not None:
        _check_identity(instance, sop_class, uid, report)
    findings = report.close()
    if not data_set:
        raise refusal("empty-object", "The data set has no attributes beside those that are not stored.")
    return ReadBody(data_set=data_set, findings=findings)


def _parsed(body: bytes) -> Any:
    try:
        # A byte order mark may be ignored (RFC 8259 section 8.1), and some encoders cannot do without one.
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        message = error.msg
        place = f"line {error.lineno}, column {error.colno}"
    if "depth" in message or "recursion" in message.lower():
        raise refusal("nesting", f"The JSON text nests too deep ({place}); sequences may nest {MAX_DEPTH} deep.")
    cause = next((words for hint, words in _NOT_JSON if hint in message), "there is something that JSON does not have")
    raise refusal("not-json", f"The body is not JSON in UTF-8: {cause} ({place}).")


def _one_object(body: Any) -> dict[str, Any]:
    if type(body) is list:
        if len(body) != 1:
            raise refusal(
                "not-one-object", f"The body is an array of {len(body)}; it has to hold exactly one data set."
            )
        body = body[0]
    if type(body) is not dict:
        raise refusal("not-one-object", f"The body is {_type_name(body)}; a data set is a JSON object.")
    return body


def _check_identity(instance: Any, sop_class: Any, uid: str, report: Report) -> None:
    """Hold the identifiers a data set should not contain (PS3.4 5.4.2.3) against those of the request."""
    if _unpadded(instance) not in ([uid], []):
        report.add(
            "instance-differs",
            "The SOP Instance UID in the data set is not that of the URL; it should not be sent at all.",
            tag=_SOP_INSTANCE_UID,
        )
    if _unpadded(sop_class) not in ([MPPS_CLASS], []):
        report.add(
            "class-differs",
            "The SOP Class UID in the data set is not that of Modality Performed Procedure Step; it was left out.",
            tag=_SOP_CLASS_UID,
        )


def _unpadded(element: Any) -> list[Any]:
    """Give what values there are, without padding; the attribute may be absent or have been refused already."""
    values = values_of(element) if type(element) is dict else []
    texts = (value.strip("\0 ") if type(value) is str else value for value in values)
    return [text for text in texts if text not in ("", None)]


def _read_level(data_set: dict[str, Any], where: Where, depth: int, report: Report) -> dict[str, Any]:
    """Read the attributes of the data set or of an item; give them in canonical form."""
    previous = ""
    canonical = True
    for name, element in data_set.items():
        if name not in ATTRIBUTES:
            if not is_tag(name):
                _report_name(data_set, name, where, report)
                continue
            if is_group_length(name):
                canonical = False
                continue
        if name < previous:
            canonical = False
        previous = name
        try:
            shape = _SHAPES[tuple(element)]
            vr = element["vr"]
            fault_in = _FAULTS[vr]
        except (KeyError, TypeError):
            repaired = _repaired(element, where, name, report)
            if repaired is None:
                continue
            element = data_set[name] = repaired  # noqa: PLW2901 - the name is there already, so the size stays
            shape = _SHAPES[tuple(repaired)]
            vr = repaired["vr"]
            fault_in = _FAULTS[vr]
        if shape is _EMPTY:
            continue
        if shape is _VALUE and vr == "SQ":
            _read_items(element["Value"], (where, name, depth), report)
            continue
        fault = fault_in(element["Value"]) if shape is _VALUE else _fault_in_inline(vr, element["InlineBinary"])
        if fault is not None:
            report.add(*fault, where=where, tag=name)
    if canonical:
        return data_set
    return {name: data_set[name] for name in sorted(data_set) if not is_group_length(name)}


def _read_items(items: Any, sequence: tuple[Where, str, int], report: Report) -> None:
    """Read the items of a sequence: where it is, its tag, and how deep its level is."""
    where, tag, depth = sequence
    if type(items) is not list:
        report.add(*_not_an_array(items), where=where, tag=tag)
    elif depth == MAX_DEPTH:
        # The place itself would be a name of a thousand words.
        report.add("nesting", f"Sequences nest more than {MAX_DEPTH} deep.")
    else:
        for index, item in enumerate(items):
            if type(item) is dict:
                items[index] = _read_level(item, (where, tag, index), depth + 1, report)
            else:
                report.add(*_wrong_type(index, item, Kind.SEQUENCE), where=where, tag=tag)


def _report_name(data_set: dict[str, Any], name: str, where: Where, report: Report) -> None:
    """Report a name that is no tag; it is shown only where it is plain what was meant, as it could be anything."""
    meant = tag_of(name) or next(
        (form for form in (name.upper(), name.strip("()").replace(",", "")) if is_tag(form)), None
    )
    if meant is not None:
        report.add("name-not-a-tag", "The name has to be eight upper-case hexadecimal digits.", where=where, tag=meant)
        return
    number = list(data_set).index(name) + 1
    detail = f"Name no. {number} is not a tag of eight upper-case hexadecimal digits."
    report.add("name-not-a-tag", detail, where=where)


def _repaired(element: Any, where: Where, tag: str, report: Report) -> dict[str, Any] | None:
    """Give an attribute with its members in order and no others; None when it is refused."""
    if type(element) is not dict:
        report.add("attribute-not-an-object", f"The attribute is {_type_name(element)}.", where=where, tag=tag)
        return None
    vr = element.get("vr")
    forms = [form for form in _FORMS if form in element]
    unknown = len(element) - len(forms) - ("vr" in element)
    refused = True
    if vr is None:
        report.add("vr-missing", "The attribute has no vr.", where=where, tag=tag)
    elif type(vr) is not str or vr not in VRS:
        report.add("vr-unknown", "The vr is none of PS3.5.", where=where, tag=tag)
    elif "BulkDataURI" in forms:
        detail = "Bulk data by reference is not accepted; values have to be in the body."
        report.add("bulk-data-uri", detail, where=where, tag=tag)
    elif len(forms) > 1:
        report.add("two-value-forms", "There are both Value and InlineBinary.", where=where, tag=tag)
    else:
        refused = False
    if refused:
        return None
    if unknown:
        detail = f"Members beside vr and Value or InlineBinary were left out ({unknown})."
        report.add("unknown-member", detail, where=where, tag=tag)
    return {"vr": vr, **{form: element[form] for form in forms}}


def _type_name(value: Any) -> str:
    return _TYPE_NAMES.get(type(value), "something else")


_TYPE_NAMES: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


_Fault = tuple[str, str]
"""A rule and the sentence for it."""


def _not_an_array(values: Any) -> _Fault:
    return "value-not-an-array", f"Value is {_type_name(values)}."


def _wrong_type(index: int, value: Any, kind: Kind) -> _Fault:
    return "value-type", f"Value no. {index + 1} is {_type_name(value)}; the JSON type of its VR is {kind.value}."


def _fault_in_inline(vr: str, inline: Any) -> _Fault | None:
    if VRS[vr].kind is not Kind.BINARY:
        return "value-form", f"InlineBinary is not for VR {vr}."
    if type(inline) is not str:
        return "value-type", f"InlineBinary is {_type_name(inline)}, not a string."
    try:
        binascii.a2b_base64(inline, strict_mode=True)
    except ValueError:
        return "not-base64", "InlineBinary is not base64."
    return None


_FaultIn = Callable[[Any], _Fault | None]


def _only(kind: Kind, *types: type) -> _FaultIn:
    """Make the reader of values that their JSON type alone tells right from wrong; null is an empty value."""
    allowed = frozenset({*types, type(None)})

    def fault_in(values: Any) -> _Fault | None:
        if type(values) is not list:
            return _not_an_array(values)
        for value in values:
            if type(value) not in allowed:
                return _wrong_type(next(i for i, v in enumerate(values) if v is value), value, kind)
        return None

    return fault_in


def _fault_in_tags(values: Any) -> _Fault | None:
    fault = _fault_in_texts(values)
    if fault is None and not all(value is None or is_tag(value) for value in values):
        return "value-type", f"A value is not a {Kind.TAG.value}."
    return fault


def _fault_in_names(values: Any) -> _Fault | None:
    fault = _fault_in_objects(values)
    if fault is None:
        for index, name in enumerate(values):
            if name is None:
                continue
            if not all(type(group) is str for group in name.values()):
                return "value-type", f"Value no. {index + 1} has a person name group that is not a string."
            if tuple(name) not in _NAME_SHAPES:
                if not name.keys() <= _GROUP_SET:
                    return "value-type", f"Value no. {index + 1} has a group other than {', '.join(_GROUPS)}."
                values[index] = {group: name[group] for group in _GROUPS if group in name}
    return fault


def _fault_in_binary(values: Any) -> _Fault | None:
    return None if values == [] else ("value-form", "Values of this VR are in InlineBinary, not in Value.")


_fault_in_texts = _only(Kind.TEXT, str)
_fault_in_objects = _only(Kind.PERSON_NAME, dict)

_FAULT_OF_KIND: Final[dict[Kind, _FaultIn]] = {
    Kind.TEXT: _fault_in_texts,
    Kind.NUMBER: _only(Kind.NUMBER, int, float),
    Kind.DECIMAL: _only(Kind.DECIMAL, int, float, str),
    Kind.TAG: _fault_in_tags,
    Kind.PERSON_NAME: _fault_in_names,
    Kind.SEQUENCE: _not_an_array,  # never called with items, which are read level by level
    Kind.BINARY: _fault_in_binary,
}

_FAULTS: Final = {code: _FAULT_OF_KIND[representation.kind] for code, representation in VRS.items()}
"""What tells a fault in the content of ``Value``, by VR. A type is exact: ``True`` is no number."""
