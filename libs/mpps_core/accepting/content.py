"""What is made of a body before it is written: read, judge, merge, compress. Pure functions over bytes.

They take and return plain values, so that large bodies can be worked on in another process.
"""

import msgspec

from mpps_core.payload import compress, decompress
from mpps_dicom import (
    Finding,
    Profile,
    Refused,
    StepOperation,
    StepStatus,
    Summary,
    Transition,
    changed_charset,
    check_create,
    check_final,
    check_instance_uid,
    check_update,
    decode_json,
    encode_json,
    merge,
    read_json,
    select,
    shrunk_sequences,
    status_of,
    summarise,
    tags_of,
    transition,
)


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """Canonical DICOM JSON, compressed."""

    data: bytes
    size: int  #: bytes before compression


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a step before an Update."""

    data: bytes  #: compressed
    size: int  #: bytes before compression
    status: StepStatus


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An operation ready to be written."""

    operation: Packed
    state: Packed  #: the step's data set after the operation
    requested: StepStatus | None  #: the status in the body
    status: StepStatus  #: the step's status after the operation
    summary: Summary  #: of the body alone
    findings: tuple[Finding, ...]


def prepare_create(body: bytes, uid: str, profile: Profile) -> Prepared:
    """Make a Create (PS3.18 15.4, PS3.4 F.7.2.1) ready. Raises Refused."""
    read = read_json(body, uid=uid)
    requested = status_of(read.data_set)
    status = _granted(transition(None, StepOperation.CREATE, requested))
    findings = read.findings + check_instance_uid(uid, profile) + check_create(read.data_set, profile)
    packed = _pack(encode_json(read.data_set))
    return Prepared(
        operation=packed,
        state=packed,
        requested=requested,
        status=status,
        summary=summarise(read.data_set),
        findings=findings,
    )


def prepare_update(body: bytes, uid: str, profile: Profile, current: Current) -> Prepared:
    """Make an Update (PS3.18 15.5, PS3.4 F.7.2.2) of a step ready. Raises Refused."""
    read = read_json(body, uid=uid)
    requested = status_of(read.data_set)
    status = _granted(transition(current.status, StepOperation.UPDATE, requested))
    before = decompress(current.data)
    findings = read.findings + check_update(read.data_set, tags_of(before), profile)
    findings += changed_charset(before, read.data_set, profile)
    findings += shrunk_sequences(before, read.data_set)
    operation = encode_json(read.data_set)
    after = merge(before, operation)
    if status.is_final:
        findings += check_final(decode_json(after), profile)
    return Prepared(
        operation=_pack(operation),
        state=_pack(after),
        requested=requested,
        status=status,
        summary=summarise(read.data_set),
        findings=findings,
    )


def canonical(body: bytes, uid: str) -> bytes:
    """Return the canonical JSON of a body without judging it further. Raises Refused."""
    return encode_json(read_json(body, uid=uid).data_set)


def select_fields(data: bytes, fields: tuple[tuple[str, ...], ...]) -> bytes:
    """Return the canonical JSON of a data set reduced to these fields (PS3.18 15.6.1.2)."""
    return encode_json(select(decode_json(data), fields))


def _granted(moved: Transition) -> StepStatus:
    """Return the status that follows. Raises Refused."""
    if moved.result is None:
        raise Refused(() if moved.refusal is None else (moved.refusal,))
    return moved.result


def _pack(data: bytes) -> Packed:
    return Packed(data=compress(data), size=len(data))
