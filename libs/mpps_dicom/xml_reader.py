"""Reading of the Native DICOM Model in XML that came from outside (PS3.19 A.1), by the mapping of PS3.18 F.3.1.

The document is turned into the members DICOM JSON would have while it is parsed, without a tree in between, and
those go through the walk of ``reader``; only what JSON has no word for is judged here. The parser is expat: a
document type is refused where it begins, so there are no entities, and expat never opens anything.
"""

import math
import re
from typing import Any, ClassVar, Final
from xml.parsers import expat

from mpps_dicom.dictionary import ATTRIBUTES, attribute_of, is_private, is_tag
from mpps_dicom.paths import Where
from mpps_dicom.private import blocks_of, creator_in, free_block
from mpps_dicom.reader import MAX_DEPTH, ReadBody, check_path_uid, read_members
from mpps_dicom.rules import Report, refusal
from mpps_dicom.vr import VRS, Kind

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

MAX_SIZE: Final = 256 << 20
"""Bytes of one document. XML says in up to four bytes what JSON says in one."""

_CHUNK: Final = 1 << 20
_LONGEST_TOKEN: Final = 8 << 20

GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_ROOT, _ATTRIBUTE, _VALUE, _NAME, _GROUP, _COMPONENT, _INLINE, _BULK, _LEVEL = range(9)
_TEXT: Final = frozenset({_VALUE, _COMPONENT, _INLINE})
"""States in which text is content; elsewhere only white space may stand."""


def _children(**states: int) -> dict[str, int]:
    return states | {f"{NAMESPACE} {name}": state for name, state in states.items()}


_NOTHING: Final[dict[str, int]] = {}
_CHILDREN: Final = (
    _children(NativeDicomModel=_LEVEL),
    _children(Value=_VALUE, PersonName=_NAME, Item=_LEVEL, InlineBinary=_INLINE, BulkData=_BULK),
    _NOTHING,
    _children(**dict.fromkeys(GROUPS, _GROUP)),
    _children(**dict.fromkeys(COMPONENTS, _COMPONENT)),
    _NOTHING,
    _NOTHING,
    _NOTHING,
    _children(DicomAttribute=_ATTRIBUTE),
)
"""What may stand in an element of each state, with the namespace and without, and the state it leads to."""

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1
_NUMERIC: Final = frozenset({code for code, vr in VRS.items() if vr.kind is Kind.NUMBER} | {"SV", "UV"})
"""VRs whose values become numbers. DS and IS do not, as their spelling is part of them."""


def read_xml(body: bytes, *, uid: str) -> ReadBody:
    """Read one data set sent as XML for the instance ``uid``; what comes out is what ``read_json`` would give.

    The namespace may be there or not; values may stand in any order as long as their numbers are 1 to n. Private
    attributes go into the block that their level has for ``privateCreator``, or into a new one. Numbers become
    numbers, but DS and IS stay as they are spelt. A keyword of another tag is ignored with a warning; elements that
    the model does not have, and text between elements, are left out with one.

    Raises Refused with every structural fault found; PS3.19 A.1, PS3.18 F.3.1.
    """
    check_path_uid(uid)
    report = Report()
    return read_members(_parsed(body, report), uid=uid, report=report)


def _parsed(body: bytes, report: Report) -> dict[str, Any]:
    if len(body) > MAX_SIZE:
        raise refusal("xml-size", f"The body has more than {MAX_SIZE >> 20} MiB.")
    document = _Document(report)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    try:
        for start in range(0, len(body), _CHUNK):
            parser.Parse(body[start : start + _CHUNK], False)  # noqa: FBT003 - more to come
            # Older versions of expat begin a tag or comment anew with every chunk until they have its end.
            if start + _CHUNK - parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise refusal("xml-size", f"A tag or comment is longer than {_LONGEST_TOKEN >> 20} MiB.")
        parser.Parse(b"", True)  # noqa: FBT003 - the end
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise refusal("not-xml", f"The body is not well-formed XML ({place}).") from None
    except (LookupError, ValueError):
        raise refusal("not-xml", "The body is in a character encoding that is not supported.") from None
    return document.data_set


def _refuse_doctype(*_declared: object) -> None:
    raise refusal("xml-doctype", "The body has a document type, which is not accepted.")


class _Level:
    """The data set or an item, while it is read."""

    __slots__ = ("members", "private", "where")

    def __init__(self, where: Where) -> None:
        self.where = where
        self.members: dict[str, Any] = {}
        self.private: list[tuple[str, str, dict[str, Any]]] = []
        """Tag as written, creator and element of those whose block is known only at the end of the level."""


class _Attribute:
    """One attribute while it is read."""

    __slots__ = ("bulk", "element", "inline", "numbers", "regular", "tag", "values", "vr")

    def __init__(self, tag: str, vr: str | None) -> None:
        self.tag = tag
        self.vr = vr
        self.element: dict[str, Any] = {} if vr is None else {"vr": vr}
        self.values: list[Any] = []
        self.numbers: list[str | None] = []
        self.regular = True
        self.inline: str | None = None
        self.bulk = False

    def numbered(self, number: str | None) -> None:
        """Take the number of the value that begins."""
        self.numbers.append(number)
        if number != str(len(self.numbers)):
            self.regular = False


class _Document:
    """What expat calls: one method per event, one opener and one closer per state."""

    __slots__ = (
        "_attributes",
        "_component",
        "_group",
        "_group_name",
        "_levels",
        "_name",
        "_report",
        "_skipped",
        "_states",
        "_text",
        "data_set",
    )

    def __init__(self, report: Report) -> None:
        self.data_set: dict[str, Any] = {}
        self._report = report
        self._states = [_ROOT]
        self._levels: list[_Level] = []
        self._attributes: list[_Attribute] = []
        self._text: list[str] = []
        self._skipped = 0
        self._name: dict[str, str] = {}
        self._group: dict[str, str] = {}
        self._group_name = self._component = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element, or count it when it is within one that is left out."""
        if self._skipped:
            self._skipped += 1
            return
        states = self._states
        state = _CHILDREN[states[-1]].get(name)
        if state is None:
            self._leave_out()
            return
        states.append(state)
        self._OPENERS[state](self, name, attributes)

    def end(self, _name: str) -> None:
        """Close what ``start`` opened."""
        if self._skipped:
            self._skipped -= 1
        else:
            self._CLOSERS[self._states.pop()](self)

    def text(self, data: str) -> None:
        """Collect text where it is content."""
        if self._skipped:
            return
        if self._states[-1] in _TEXT:
            self._text.append(data)
        elif not data.isspace():
            self._tell("unknown-member", "Text between elements was left out.")

    def _leave_out(self) -> None:
        if self._states == [_ROOT]:
            raise refusal("not-native-model", "The root element is not NativeDicomModel.")
        self._skipped = 1
        self._tell("unknown-member", "An element that the Native DICOM Model does not have here was left out.")

    def _tell(self, rule: str, detail: str) -> None:
        """Tell something of the place that is being read."""
        if self._attributes and self._states[-1] != _LEVEL:
            self._tell_of(self._attributes[-1].tag, rule, detail)
        else:
            self._report.add(rule, detail, where=self._levels[-1].where if self._levels else None)

    def _tell_of(self, tag: str, rule: str, detail: str) -> None:
        # What is no tag could be anything, so it is not shown.
        self._report.add(rule, detail, where=self._levels[-1].where, tag=tag if is_tag(tag) else None)

    # Levels: the data set and its items.

    def _open_level(self, _name: str, attributes: dict[str, str]) -> None:
        if not self._attributes:
            level = _Level(None)
            self.data_set = level.members
        else:
            attribute = self._attributes[-1]
            number = attributes.get("number")
            attribute.numbered(number)
            index = int(number) - 1 if number and _NUMBER.fullmatch(number) else len(attribute.values)
            level = _Level((self._levels[-1].where, attribute.tag, index))
            attribute.values.append(level.members)
        if len(self._levels) > MAX_DEPTH:
            raise refusal("nesting", f"Sequences nest more than {MAX_DEPTH} deep.")
        self._levels.append(level)

    def _close_level(self) -> None:
        level = self._levels[-1]
        if level.private:
            self._place_private(level)
        self._levels.pop()

    def _place_private(self, level: _Level) -> None:
        """Give private attributes the block of their creator (PS3.5 7.8.1), which XML leaves out."""
        members = level.members
        blocks = blocks_of(members)
        for tag, creator, element in level.private:
            group, block = tag[:4], tag[4:6]
            if creator_in(f"{group}00{block}", members.get(f"{group}00{block}")) != creator:
                known = blocks.get((group, creator))
                block = known or free_block(members, group) or ""
                if not block:
                    self._tell_of(tag, "private-block", "There is no room for another private creator in the group.")
                    continue
                if known is None:
                    blocks[group, creator] = block
                    members[f"{group}00{block}"] = {"vr": "LO", "Value": [creator]}
            self._put(f"{group}{block}{tag[6:]}", element)

    def _put(self, tag: str, element: dict[str, Any]) -> None:
        members = self._levels[-1].members
        if members.setdefault(tag, element) is not element:
            self._tell_of(tag, "given-twice", "The attribute is there twice.")

    # Attributes.

    def _open_attribute(self, _name: str, attributes: dict[str, str]) -> None:
        get = attributes.get
        tag = get("tag", "")
        attribute = _Attribute(tag, get("vr"))
        self._attributes.append(attribute)
        keyword = get("keyword")
        known = ATTRIBUTES.get(tag)
        if known is not None and keyword in {None, known.keyword} and "privateCreator" not in attributes:
            # As nearly all are.
            self._put(tag, attribute.element)
            return
        if keyword is not None and is_tag(tag):
            known = attribute_of(tag)
            if known is not None and keyword != known.keyword:
                self._tell_of(tag, "keyword-differs", "The keyword is not that of the tag and was ignored.")
        creator = (get("privateCreator") or "").strip("\0 ")
        if is_tag(tag) and is_private(tag):
            if creator:
                self._levels[-1].private.append((tag, creator, attribute.element))
                return
            if tag[4:6] == "00" and (tag[6] == "0" or attribute.vr != "LO"):
                detail = "A private attribute names no creator; it was read under the tag as written."
                self._tell_of(tag, "private-creator", detail)
        elif creator:
            self._tell_of(tag, "private-creator", "Only private attributes have a creator; it was ignored.")
        self._put(tag, attribute.element)

    def _close_attribute(self) -> None:
        attribute = self._attributes.pop()
        values = attribute.values
        if values:
            if not attribute.regular:
                values = self._in_order(attribute)
            if attribute.vr in _NUMERIC:
                values = [_as_number(value) for value in values]
            attribute.element["Value"] = values
        if attribute.inline is not None:
            attribute.element["InlineBinary"] = attribute.inline
        if attribute.bulk:
            attribute.element["BulkDataURI"] = ""

    def _in_order(self, attribute: _Attribute) -> list[Any]:
        """Put values into the order of their numbers, which have to be 1 to n."""
        numbers = [int(number) if number and _NUMBER.fullmatch(number) else 0 for number in attribute.numbers]
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        if any(numbers[index] != place for place, index in enumerate(order, start=1)):
            self._tell_of(attribute.tag, "value-number", "The numbers of the values are not 1 to n.")
        return [attribute.values[index] for index in order]

    # Values.

    def _open_value(self, _name: str, attributes: dict[str, str]) -> None:
        self._attributes[-1].numbered(attributes.get("number"))

    def _close_value(self) -> None:
        self._attributes[-1].values.append(self._taken() or None)

    def _taken(self) -> str:
        text = "".join(self._text)
        self._text.clear()
        return text

    def _open_name(self, _name: str, attributes: dict[str, str]) -> None:
        self._attributes[-1].numbered(attributes.get("number"))
        self._name = {}

    def _close_name(self) -> None:
        groups = {group: self._name[group] for group in GROUPS if self._name.get(group)}
        self._attributes[-1].values.append(groups or None)

    def _open_group(self, name: str, _attributes: dict[str, str]) -> None:
        self._group_name = _local(name)
        if self._group_name in self._name:
            self._tell("given-twice", "A person name has the same group twice.")
        self._group = {}

    def _close_group(self) -> None:
        # Delimiters at the end say nothing (PS3.5 6.2.1).
        components = "^".join(self._group.get(component, "") for component in COMPONENTS)
        self._name[self._group_name] = components.rstrip("^")

    def _open_component(self, name: str, _attributes: dict[str, str]) -> None:
        self._component = _local(name)
        if self._component in self._group:
            self._tell("given-twice", "A person name has the same component twice.")

    def _close_component(self) -> None:
        self._group[self._component] = self._taken()

    def _open_binary(self, _name: str, _attributes: dict[str, str]) -> None:
        if self._attributes[-1].inline is not None:
            self._tell("given-twice", "The attribute has two InlineBinary.")

    def _close_inline(self) -> None:
        # Base64 may be broken into lines in XML, never in JSON.
        self._attributes[-1].inline = "".join(self._taken().split())

    def _close_bulk(self) -> None:
        self._attributes[-1].bulk = True

    _OPENERS: ClassVar = (
        _open_level,  # the document itself is never opened again
        _open_attribute,
        _open_value,
        _open_name,
        _open_group,
        _open_component,
        _open_binary,
        _open_binary,
        _open_level,
    )
    _CLOSERS: ClassVar = (
        _close_level,
        _close_attribute,
        _close_value,
        _close_name,
        _close_group,
        _close_component,
        _close_inline,
        _close_bulk,
        _close_level,
    )
    # What begins and ends each state, in the order of the states.


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _as_number(value: Any) -> Any:
    """Give the number that a text is; anything else stays, and has the wrong type then."""
    text = value.strip(" \t\r\n") if type(value) is str else ""
    if _INTEGER.fullmatch(text) and _SMALLEST <= (number := int(text)) <= _LARGEST:
        return number
    if _REAL.fullmatch(text) and math.isfinite(real := float(text)):
        return real
    return value
