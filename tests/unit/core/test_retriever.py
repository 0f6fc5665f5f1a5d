"""Retrieving: nothing hidden, nothing invented (PS3.18 15.6)."""

import msgspec
import orjson
import pytest

from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.errors import NotFound, OutcomeUnknown, StepDeleted, StoreUnavailable, TryLater, UnknownStep
from mpps_core.payload import Payload, compress
from mpps_core.step import Step
from mpps_store.memory import MemoryStore
from tests.conformance.store import making
from tests.simulation.virtual_time import VirtualClock
from tests.unit.core.values import UID
from tests.unit.core.virtual import live

STATE = orjson.dumps(
    {
        "00100020": {"vr": "LO", "Value": ["4711"]},
        "00400270": {"vr": "SQ", "Value": [{"00080050": {"vr": "SH", "Value": ["A1"]}}, {"0020000D": {"vr": "UI"}}]},
    }
)


class Broken:
    """A store of which single methods fail."""

    def __init__(self) -> None:
        self.troubles: dict[str, Exception] = {}

    async def before(self, operation: str) -> None:
        if operation in self.troubles:
            raise self.troubles[operation]

    async def after(self, operation: str) -> None:
        del operation


class Shelf:
    """A retriever and its store."""

    def __init__(self) -> None:
        self.broken = Broken()
        self.store = MemoryStore(faults=self.broken)
        self.retriever = Retriever(steps=self.store, operations=self.store, blobs=self.store, contents=InlineContents())

    def keep(self, data: bytes = STATE, *, blob: str | None = None) -> Step:
        packed = compress(data)
        if blob is None:
            payload = Payload(size=len(data), stored=len(packed), data=packed)
        else:
            payload = Payload(size=len(data), stored=len(packed), blob=blob)
            self.store._write_blob(blob, UID, packed, making.NOW)
        write = making.creation(UID, dataset=payload)
        first = msgspec.structs.replace(write.operation, payload=payload)
        self.store._write_operation(msgspec.structs.replace(write, operation=first))
        return write.step


@pytest.mark.parametrize("blob", [None, "b1"])
def test_the_state_and_the_operations_come_back(blob: str | None) -> None:
    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        step = shelf.keep(blob=blob)
        assert await shelf.retriever.step(UID) == step
        stored = await shelf.retriever.data_set(UID)
        assert (stored.data, stored.version) == (STATE, 1)
        operation, received = await shelf.retriever.operation(UID, 1)
        assert (operation.number, received.data, received.version) == (1, STATE, 1)

    live(main)


def test_fields_may_be_chosen() -> None:
    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        shelf.keep()
        stored = await shelf.retriever.data_set(UID, (("00400270", "00080050"), ("00100010",)))
        assert orjson.loads(stored.data) == {
            "00400270": {"vr": "SQ", "Value": [{"00080050": {"vr": "SH", "Value": ["A1"]}}, {}]}
        }

    live(main)


def test_what_is_not_there() -> None:
    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        for asked in (shelf.retriever.step(UID), shelf.retriever.data_set(UID), shelf.retriever.operation(UID, 1)):
            with pytest.raises(UnknownStep):
                await asked
        shelf.keep()
        for number in (0, 2, -1):
            with pytest.raises(UnknownStep, match=f"no operation {number}"):
                await shelf.retriever.operation(UID, number)
        shelf.store._steps[UID] = msgspec.structs.replace(shelf.store._steps[UID], deleted=True)
        for asked in (shelf.retriever.step(UID), shelf.retriever.data_set(UID), shelf.retriever.operation(UID, 1)):
            with pytest.raises(StepDeleted):
                await asked

    live(main)


@pytest.mark.parametrize("method", ["read_step", "read_operation", "read_blob"])
@pytest.mark.parametrize("trouble", [StoreUnavailable(), OutcomeUnknown()])
def test_an_outage_is_for_later(method: str, trouble: Exception) -> None:
    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        shelf.keep(blob="b1")
        shelf.broken.troubles = {method: trouble}
        with pytest.raises(TryLater):
            await shelf.retriever.operation(UID, 1)
        if method != "read_operation":
            with pytest.raises(TryLater):
                await shelf.retriever.data_set(UID)

    live(main)


def test_a_state_that_is_superseded_and_swept_while_it_is_read_is_read_anew() -> None:
    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        step = shelf.keep(blob="b1")
        read_blob = shelf.store.read_blob

        async def swept(blob_id: str) -> bytes:
            if blob_id == "b1":
                del shelf.store._blobs["b1"]
                newer = STATE.replace(b"4711", b"4712")
                payload = Payload(size=len(newer), stored=1, data=compress(newer))
                shelf.store._write_operation(making.update(step, dataset=payload))
            return await read_blob(blob_id)

        shelf.store.read_blob = swept  # type: ignore[method-assign]
        stored = await shelf.retriever.data_set(UID)
        assert stored.version == 2
        assert b"4712" in stored.data

    live(main)


def test_a_blob_that_is_missing_is_no_reason_to_look_for_ever() -> None:
    """It cannot be, and yet a damaged store must not keep the event loop busy."""

    async def main(_: VirtualClock) -> None:
        shelf = Shelf()
        shelf.keep(blob="b1")
        del shelf.store._blobs["b1"]
        with pytest.raises(TryLater):
            await shelf.retriever.data_set(UID)
        with pytest.raises(NotFound):
            await shelf.retriever.unpacked(shelf.store._steps[UID].dataset)

    live(main, seconds=1.0)
