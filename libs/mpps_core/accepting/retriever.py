"""Retrieving what is stored (PS3.18 15.6): nothing hidden, nothing invented."""

import msgspec

from mpps_core.accepting.interfaces import BlobStore, OperationStore, StepStore
from mpps_core.accepting.processing import Contents
from mpps_core.errors import NotFound, StepDeleted, StoreError, TryLater, UnknownStep
from mpps_core.payload import Payload
from mpps_core.step import Operation, Step


class StoredDataSet(msgspec.Struct, frozen=True, kw_only=True):
    """A data set as it is kept."""

    data: bytes  #: canonical DICOM JSON, one object
    version: int  #: of the step, or number of the operation


class Retriever:
    """Reads steps, their data sets and their operations."""

    def __init__(self, *, steps: StepStore, operations: OperationStore, blobs: BlobStore, contents: Contents) -> None:
        self._steps = steps
        self._operations = operations
        self._blobs = blobs
        self._contents = contents

    async def step(self, uid: str) -> Step:
        """Return a step. Raises UnknownStep, StepDeleted or TryLater."""
        try:
            step = await self._steps.read_step(uid)
        except StoreError as error:
            raise TryLater(f"the store cannot be used now ({error.detail})") from error
        if step is None:
            raise UnknownStep
        if step.deleted:
            raise StepDeleted
        return step

    async def data_set(self, uid: str, fields: tuple[tuple[str, ...], ...] | None = None) -> StoredDataSet:
        """Return the current state of a step, reduced to ``fields`` if given. Raises as ``step``."""
        missing: str | None = None
        while True:
            step = await self.step(uid)
            try:
                data = await self.unpacked(step.dataset)
            except NotFound:
                if step.dataset.blob == missing:
                    raise TryLater("the data set of the step cannot be read") from None
                missing = step.dataset.blob
                continue  # the state was superseded between the two reads
            if fields is not None:
                data = await self._contents.select(data, fields)
            return StoredDataSet(data=data, version=step.version)

    async def operation(self, uid: str, number: int) -> tuple[Operation, StoredDataSet]:
        """Return one operation as it was received, in canonical form. Raises as ``step``; UnknownStep if it is not."""
        await self.step(uid)
        try:
            operation = await self._operations.read_operation(uid, number)
            if operation is None:
                raise UnknownStep(f"the step has no operation {number}")
            return operation, StoredDataSet(data=await self.unpacked(operation.payload), version=number)
        except StoreError as error:
            raise TryLater(f"the store cannot be used now ({error.detail})") from error

    async def unpacked(self, payload: Payload) -> bytes:
        """Return the canonical DICOM JSON of a payload. Raises NotFound (swept since it was read) or TryLater."""
        try:
            data = payload.data if payload.data is not None else await self._blobs.read_blob(payload.blob or "")
        except NotFound:
            raise
        except StoreError as error:
            raise TryLater(f"the store cannot be used now ({error.detail})") from error
        return await self._contents.unpack(data, payload.size)
