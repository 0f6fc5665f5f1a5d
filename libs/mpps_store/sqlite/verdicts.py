"""What an error of the driver means for a write: a table over every exception that the driver has.

Errors of the driver never leave this package; the core sees its own ``StoreError`` only.
"""

import enum
from typing import Final

import apsw

from mpps_core.errors import RevisionLost, StoreError, StoreUnavailable


class Verdict(enum.Enum):
    """What is to be done about an error."""

    TAKEN = enum.auto()  #: this unit alone fails: a key is in use
    BAD = enum.auto()  #: this unit alone fails: it cannot be done, now or later
    OUTAGE = enum.auto()  #: the whole batch is rolled back; later ones are tried normally
    BROKEN = enum.auto()  #: the whole batch fails and the connection is of no use any more


VERDICTS: Final[dict[type[apsw.Error], Verdict]] = {
    apsw.AbortError: Verdict.OUTAGE,
    apsw.AuthError: Verdict.OUTAGE,
    apsw.BindingsError: Verdict.BAD,
    apsw.BusyError: Verdict.OUTAGE,
    apsw.CantOpenError: Verdict.OUTAGE,
    apsw.ConnectionClosedError: Verdict.BROKEN,
    apsw.ConnectionNotClosedError: Verdict.BROKEN,
    apsw.ConstraintError: Verdict.TAKEN,
    apsw.CorruptError: Verdict.BROKEN,
    apsw.CursorClosedError: Verdict.BROKEN,
    apsw.EmptyError: Verdict.BROKEN,
    apsw.Error: Verdict.BROKEN,
    apsw.ExecTraceAbort: Verdict.OUTAGE,
    apsw.ExecutionCompleteError: Verdict.BAD,
    apsw.ExtensionLoadingError: Verdict.BAD,
    apsw.ForkingViolationError: Verdict.BROKEN,
    apsw.FormatError: Verdict.BROKEN,
    apsw.FullError: Verdict.OUTAGE,
    apsw.IOError: Verdict.BROKEN,
    apsw.IncompleteExecutionError: Verdict.BAD,
    apsw.InternalError: Verdict.BROKEN,
    apsw.InterruptError: Verdict.OUTAGE,
    apsw.InvalidContextError: Verdict.BAD,
    apsw.LockedError: Verdict.OUTAGE,
    apsw.MismatchError: Verdict.BAD,
    apsw.MisuseError: Verdict.BROKEN,
    apsw.NoFTS5Error: Verdict.BAD,
    apsw.NoLFSError: Verdict.OUTAGE,
    apsw.NoMemError: Verdict.OUTAGE,
    apsw.NotADBError: Verdict.BROKEN,
    apsw.NotFoundError: Verdict.BAD,
    apsw.PermissionsError: Verdict.OUTAGE,
    apsw.ProtocolError: Verdict.BROKEN,
    apsw.RangeError: Verdict.BAD,
    apsw.ReadOnlyError: Verdict.OUTAGE,
    apsw.SQLError: Verdict.BAD,
    apsw.SchemaChangeError: Verdict.OUTAGE,
    apsw.ThreadingViolationError: Verdict.BROKEN,
    apsw.TooBigError: Verdict.BAD,
    apsw.VFSFileClosedError: Verdict.BROKEN,
    apsw.VFSNotImplementedError: Verdict.BROKEN,
}

_CLEAN_IN_COMMIT: Final = (
    apsw.AuthError,
    apsw.BusyError,
    apsw.CantOpenError,
    apsw.FullError,
    apsw.LockedError,
    apsw.NoLFSError,
    apsw.PermissionsError,
    apsw.ReadOnlyError,
)


def verdict_on(error: Exception) -> Verdict:
    """Return what to do about an error in a statement. An unknown one of the driver's is taken for the worst."""
    if isinstance(error, apsw.Error):
        return VERDICTS.get(type(error), Verdict.BROKEN)
    # The rest are values that cannot be bound or a defect of ours; neither goes away by repeating it.
    return Verdict.OUTAGE if isinstance(error, MemoryError | OSError) else Verdict.BAD


def is_clean_in_commit(error: Exception) -> bool:
    """Tell whether a COMMIT that failed like this has certainly written nothing (rule 6).

    A full disk is told before the last frame is complete; a sync that fails is another error, and not clean.
    """
    return isinstance(error, _CLEAN_IN_COMMIT)


def as_store_error(error: Exception) -> StoreError:
    """Return the error of the core for an error that spoilt a read, or a write that has not been committed."""
    if isinstance(error, StoreError):
        return error
    match verdict_on(error):
        case Verdict.TAKEN:
            return RevisionLost("the key is taken")
        case Verdict.BAD:
            return StoreError(f"the store cannot do this: {describe(error)}")
        case Verdict.OUTAGE | Verdict.BROKEN:
            return StoreUnavailable(f"the store cannot be used now: {describe(error)}")


def describe(error: BaseException) -> str:
    """Return an error in few words that hold no value of a data set."""
    if isinstance(error, apsw.Error):
        text = str(error).removeprefix(f"{type(error).__name__}: ") or type(error).__name__
        code = apsw.mapping_extended_result_codes.get(getattr(error, "extendedresult", 0))
        return f"{text} ({code})" if code else text
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__
