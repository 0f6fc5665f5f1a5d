"""Applying an update to the state of a step (PS3.4 F.7.2.2.2 and F.7.2.2.3, PS3.7 10.1.3.1.5).

Attributes that are sent replace those of the state, sequences whole; all others stay. It is done on slices of
the JSON text: a state of many megabytes is never turned into objects.
"""

from typing import Any, Final

import msgspec
import orjson

from mpps_dicom.charsets import UNICODE, holds
from mpps_dicom.findings import Finding, Profile, Severity
from mpps_dicom.json_model import DataSet, values_of
from mpps_dicom.rules import Report, finding_of

_CHARACTER_SET: Final = "00080005"
_UNICODE_ELEMENT: Final = msgspec.Raw(orjson.dumps({"vr": "CS", "Value": [UNICODE]}))


class _Sequence(msgspec.Struct):
    """As much of a sequence as is needed to count its items."""

    vr: str = ""
    Value: list[msgspec.Raw] = []


_attributes = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(_Sequence)


def merge(state: bytes, update: bytes) -> bytes:
    """Give the state after an update; both, and the result, are canonical JSON as ``encode_json`` writes it.

    The Create's Specific Character Set stays and that of the update is left out, unless it cannot hold the
    merged text, or there is none and the text goes beyond ASCII: then it becomes ISO_IR 192.
    """
    merged = _attributes.decode(state)
    charset = merged.get(_CHARACTER_SET)
    changes = _attributes.decode(update)
    changes.pop(_CHARACTER_SET, None)
    merged.update(changes)
    if charset is None:
        if not (state.isascii() and update.isascii()):
            merged[_CHARACTER_SET] = _UNICODE_ELEMENT
    elif not update.isascii() and not _can_hold(charset, merged):
        merged[_CHARACTER_SET] = _UNICODE_ELEMENT
    return b"{" + b",".join(b'"%s":%s' % (tag.encode(), bytes(merged[tag])) for tag in sorted(merged)) + b"}"


def _can_hold(charset: msgspec.Raw, merged: dict[str, msgspec.Raw]) -> bool:
    terms = [term for term in values_of(orjson.loads(bytes(charset))) if isinstance(term, str)]
    if UNICODE in terms:
        return True
    characters: set[str] = set()
    for text in merged.values():
        slice_of_text = bytes(text)
        if not slice_of_text.isascii():
            characters.update(slice_of_text.decode())
    return holds(terms, characters)


def shrunk_sequences(state: bytes, update: DataSet) -> tuple[Finding, ...]:
    """Warn of each top-level sequence that the update makes shorter (PS3.18 B.38, note).

    An update repeats every item of a sequence, so fewer may mean that some were forgotten.
    """
    sent = {tag: len(values_of(element)) for tag, element in update.items() if element["vr"] == "SQ"}
    if not sent:
        return ()
    stored = _attributes.decode(state)
    before = {tag: _count(stored[tag]) for tag in sent if tag in stored}
    return tuple(
        finding_of(
            "sequence-shrunk",
            f"The sequence had {count} items and now has {sent[tag]}.",
            severity=Severity.WARN,
            tag=tag,
        )
        for tag, count in before.items()
        if sent[tag] < count
    )


def changed_charset(state: bytes, update: DataSet, profile: Profile) -> tuple[Finding, ...]:
    """Tell when an update says another Specific Character Set than the state has (PS3.4 F.7.2.2.1).

    It is for the modality to keep to one; ``merge`` lives with either, so this never refuses.
    """
    report = Report(profile)
    stored = _attributes.decode(state).get(_CHARACTER_SET)
    if _CHARACTER_SET in update and stored is not None:
        before = [term for term in values_of(orjson.loads(bytes(stored))) if term]
        now = [term for term in values_of(update[_CHARACTER_SET]) if term]
        if before != now:
            detail = "The set is not that of the Create; the stored one stays while it holds the text."
            report.add("character-set-differs", detail, tag=_CHARACTER_SET)
    return report.close()


def _count(element: msgspec.Raw) -> int:
    try:
        stored = _items.decode(element)
    except msgspec.ValidationError:
        return 0
    return len(stored.Value) if stored.vr == "SQ" else 0


def tags_of(state: bytes) -> frozenset[str]:
    """Give the top-level tags of a canonical state, for the rule that attributes are created before they are set."""
    found: dict[str, Any] = _attributes.decode(state)
    return frozenset(found)
