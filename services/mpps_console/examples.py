"""Commands to paste: a small step that every rule of the Standard is content with, as curl sends it."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mpps_dicom import new_uid

_RESOURCE: Final = "/dicomweb/modality-performed-procedure-steps"
_EMPTY: Final[dict[str, str]] = {
    # Type 2: there, and known to nobody.
    "00081032": "SQ",
    "00081120": "SQ",
    "00100030": "DA",
    "00100040": "CS",
    "00200010": "SH",
    "00400242": "SH",
    "00400243": "SH",
    "00400250": "DA",
    "00400251": "TM",
    "00400254": "LO",
    "00400255": "LO",
    "00400260": "SQ",
    "00400340": "SQ",
}
_EMPTY_SCHEDULED: Final[dict[str, str]] = {
    "00080050": "SH",
    "00081110": "SQ",
    "00321060": "LO",
    "00400007": "LO",
    "00400008": "SQ",
    "00400009": "SH",
    "00401001": "SH",
}
_EMPTY_SERIES: Final[dict[str, str]] = {
    "00080054": "AE",
    "00081050": "PN",
    "0008103E": "LO",
    "00081070": "PN",
    "00400220": "SQ",
}
_CT_IMAGE: Final = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command with a name and what it is for."""

    name: str
    title: str
    text: str


def commands(base: str, now: datetime, *, with_token: bool = False) -> tuple[Command, ...]:
    """Return the commands that create, update and retrieve a step with a new UID.

    ``base`` is where the reader reached us, ``http://127.0.0.1:8246``; ``now`` the local time of the device that
    the reader plays. With ``with_token`` they take a key from the environment.
    """
    uid = new_uid(secrets.randbits(128))
    url = f"{base}{_RESOURCE}/{uid}"
    token = ' \\\n  -H "Authorization: Bearer $MPPS_TOKEN"' if with_token else ""
    return (
        Command(name="create", title="Create: the modality begins", text=_post(url, token, _created(now))),
        Command(name="update", title="Update: the modality is done", text=_post(f"{url}?update", token, _done(now))),
        Command(
            name="retrieve",
            title="Retrieve: what the manager has",
            text=f"curl -sS -i '{url}' \\\n  -H 'Accept: application/dicom+json'{token}",
        ),
    )


def _post(url: str, token: str, data_set: dict[str, Any]) -> str:
    return (
        f"curl -sS -i '{url}' \\\n  -H 'Content-Type: application/dicom+json'{token} \\\n  --data-binary @- <<'JSON'\n"
        f"[{_object(data_set, '')}]\nJSON"
    )


def _object(attributes: dict[str, Any], indent: str) -> str:
    """Write a data set with one attribute a line: enough to read, and to change before it is sent."""
    lines = ",\n".join(f'{indent} "{tag}": {_attribute(value, indent)}' for tag, value in sorted(attributes.items()))
    return f"{{\n{lines}\n{indent}}}"


def _attribute(attribute: dict[str, Any], indent: str) -> str:
    if attribute["vr"] == "SQ" and "Value" in attribute:
        items = ", ".join(_object(item, indent + "  ") for item in attribute["Value"])
        return f'{{"vr": "SQ", "Value": [{items}]}}'
    return json.dumps(attribute)


def _created(now: datetime) -> dict[str, Any]:
    return {
        **_empty(_EMPTY),
        "00080060": _value("CS", "CT"),
        "00100010": _value("PN", {"Alphabetic": "Test^Patient"}),
        "00100020": _value("LO", "TEST-1"),
        "00400241": _value("AE", "CT1"),
        "00400244": _value("DA", f"{now:%Y%m%d}"),
        "00400245": _value("TM", f"{now:%H%M%S}"),
        "00400252": _value("CS", "IN PROGRESS"),
        "00400253": _value("SH", "PPS1"),
        "00400270": _value("SQ", {**_empty(_EMPTY_SCHEDULED), "0020000D": _new_uid()}),
    }


def _done(now: datetime) -> dict[str, Any]:
    image = {"00081150": _value("UI", _CT_IMAGE), "00081155": _new_uid()}
    series = {
        **_empty(_EMPTY_SERIES),
        "00081140": _value("SQ", image),
        "00181030": _value("LO", "HEAD"),
        "0020000E": _new_uid(),
    }
    return {
        "00400250": _value("DA", f"{now:%Y%m%d}"),
        "00400251": _value("TM", f"{now:%H%M%S}"),
        "00400252": _value("CS", "COMPLETED"),
        "00400340": _value("SQ", series),
    }


def _value(vr: str, value: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _empty(attributes: dict[str, str]) -> dict[str, Any]:
    return {tag: {"vr": vr} for tag, vr in attributes.items()}


def _new_uid() -> dict[str, Any]:
    return _value("UI", new_uid(secrets.randbits(128)))
