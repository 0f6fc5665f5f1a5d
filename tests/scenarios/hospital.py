"""A real manager and three subscribers that are well, and holding what they got against what was sent.

What arrives is read by pydicom, attribute by attribute, and not by anything of ours.
"""

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
from pydicom.dataset import Dataset

from mpps_cli.client import Reply
from mpps_cli.modality import Modality, new_uid
from mpps_cli.receiver import Arrival, Receiver
from tests.support.aio import Background
from tests.support.manager import Manager
from tests.support.modalities import DataSet, Step

SUBSCRIBERS: Final = ("ris", "pacs", "billing")

SETTINGS: Final = """\
[forwarding]
poll = 0.5

[[sources]]
id = "modalities"
networks = ["127.0.0.0/8"]
"""

STATUS: Final = "00400252"
SCHEDULED_STEPS: Final = "00400270"
SERIES: Final = "00400340"
REASON: Final = "00400281"


class Hospital:
    """The manager, its subscribers, and what was reported."""

    def __init__(self, manager: Manager, background: Background) -> None:
        self.manager = manager
        self.receivers: dict[str, Receiver] = {}
        self._background = background
        self._modality = Modality(manager.base)

    def subscribe(self, name: str, **members: Any) -> Receiver:
        """Add a subscriber that is well."""
        receiver = self.receivers[name] = Receiver()
        self._background.call(receiver.start())
        self.manager.subscribe(name, receiver.url, **members)
        return receiver

    def unsubscribe(self, name: str) -> None:
        """Take a subscriber away."""
        self.manager.api("DELETE", f"/subscriptions/{name}", wait="")
        self._background.call(self.receivers.pop(name).stop(abruptly=True))

    def close(self) -> None:
        """Close every door."""
        for receiver in self.receivers.values():
            self._background.call(receiver.stop(abruptly=True))

    def send(self, uid: str, kind: str, data_set: DataSet | bytes) -> Reply:
        """Send one operation and return the answer."""
        body = data_set if isinstance(data_set, bytes) else orjson.dumps(data_set)
        return self._modality.send(uid, body, update=kind == "update").reply

    def report(self, step: Step, uid: str | None = None) -> str:
        """Report operations one after the other, each of which has to be accepted; return the UID."""
        uid = uid or new_uid()
        for kind, data_set in step:
            reply = self.send(uid, kind, data_set)
            assert reply.status == (201 if kind == "create" else 200), reply.body
        return uid

    def retrieve(self, uid: str) -> DataSet:
        """Return the state that the manager has of a step."""
        reply = self.manager.client.request("GET", f"/dicomweb/modality-performed-procedure-steps/{uid}")
        assert reply.status == 200
        (state,) = reply.json()
        return dict(state)

    def step(self, uid: str) -> Any:
        """Return what the management API says of a step."""
        return self.manager.api("GET", f"/steps/{uid}")

    def found(self, **query: str) -> set[str]:
        """Return the UIDs of the steps that a search finds."""
        return {item["uid"] for item in self.manager.client.pages("/steps", limit=500, **query)}

    def arrivals(self, name: str, uid: str, operations: int) -> list[Arrival]:
        """Wait until a subscriber has so many operations of a step, and return everything that came of it."""
        receiver = self.receivers[name]
        self._background.call(receiver.until(lambda: len(receiver.accepted(uid)) >= operations, 20.0), timeout=25.0)
        return [each for each in receiver.arrivals if each.uid == uid]

    def assert_everywhere(self, uid: str, step: Step, names: Sequence[str] = SUBSCRIBERS) -> None:
        """Check that each subscriber got each operation once, in order, with each attribute as it was sent."""
        for name in names:
            arrived = self.arrivals(name, uid, len(step))
            assert [each.number for each in arrived] == list(range(1, len(step) + 1)), name
            assert all(each.accepted for each in arrived), name
            for each, (kind, sent) in zip(arrived, step, strict=True):
                assert each.kind.value == kind
                assert_same(each.body, orjson.dumps(sent))


@contextmanager
def running(directory: Path) -> Iterator[Hospital]:
    """Run a hospital."""
    with Background() as background, Manager(directory / "data", settings=SETTINGS) as manager:
        hospital = Hospital(manager, background)
        try:
            for name in SUBSCRIBERS:
                hospital.subscribe(name)
            yield hospital
        finally:
            hospital.close()


def assert_same(arrived: bytes, sent: bytes) -> None:
    """Check that two data sets have the same attributes, with the same VR and the same values, at every level."""
    assert attributes(read(arrived)) == attributes(read(sent))
    # To pydicom, 80.0 is 80: numbers are to arrive digit by digit.
    assert value_of(arrived) == value_of(sent)


def read(body: bytes) -> Dataset:
    """Read DICOM JSON as pydicom does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values that devices should not send
        return Dataset.from_json(value_of(body))


def value_of(body: bytes) -> DataSet:
    """Return the one object of a body as plain JSON."""
    value = orjson.loads(body)
    return dict(value[0] if isinstance(value, list) else value)


def attributes(data_set: Dataset) -> dict[str, tuple[str, Any]]:
    """Return every attribute as (VR, value), nested as the data set is."""
    return {
        f"{element.tag:08X}": (
            element.VR,
            [attributes(item) for item in element.value] if element.VR == "SQ" else _plain(element.value),
        )
        for element in data_set
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str | bytes | int | float) or value is None:
        return value if type(value) in {str, bytes, int, float, type(None)} else str(value)
    if hasattr(value, "components"):  # a person's name: each group as it is
        return tuple(value.components)
    return [_plain(each) for each in value]


# Making steps


def copied(step: Step) -> Step:
    """Return a copy that may be changed."""
    return copy.deepcopy(step)


def element(vr: str, *values: Any) -> dict[str, Any]:
    """Return an attribute; without values, one of zero length."""
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def code(value: str, meaning: str, scheme: str = "DCM") -> DataSet:
    """Return an item of a code sequence."""
    return {
        "00080100": element("SH", value),
        "00080102": element("SH", scheme),
        "00080104": element("LO", meaning),
    }


def ordered(data_set: DataSet) -> DataSet:
    """Return a data set with its attributes in order."""
    return dict(sorted(data_set.items()))
