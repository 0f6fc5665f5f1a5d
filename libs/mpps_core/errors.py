"""What can go wrong in the core, as a tree.

CoreError
├── StoreError
│   ├── StoreUnavailable      nothing was written; try again later
│   ├── OutcomeUnknown        it may or may not have been written (rule 2)
│   ├── RevisionLost          another write came first, or the key is taken
│   └── NotFound              the thing asked for is not stored
├── AcceptError               an operation was not accepted
│   ├── AlreadyExists         Create of a UID that is in use
│   ├── UnknownStep           Update or Retrieve of a step that is not there
│   ├── StepDeleted           … that was there and was deleted
│   ├── StepFinal             Update after the final state
│   ├── TooManyOperations     rule 5
│   └── TryLater              the store cannot take it now
└── ConfigurationError        what was asked for cannot be
"""


class CoreError(Exception):
    """Something went wrong in the manager."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").splitlines()[0]
        super().__init__(self.detail)


class StoreError(CoreError):
    """The store could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store cannot be used now; nothing was written."""


class OutcomeUnknown(StoreError):
    """The store did not say whether the write was applied."""


class RevisionLost(StoreError):
    """Another write came first."""


class NotFound(StoreError):
    """No such thing is stored."""


class AcceptError(CoreError):
    """The operation was not accepted."""


class AlreadyExists(AcceptError):
    """The SOP Instance UID is already in use (0111H)."""

    def __init__(self, *, same_content: bool) -> None:
        self.same_content = same_content
        super().__init__()


class UnknownStep(AcceptError):
    """No performed procedure step with this UID is known (0112H)."""


class StepDeleted(AcceptError):
    """The performed procedure step was known and has been deleted."""


class StepFinal(AcceptError):
    """Performed Procedure Step Object may no longer be updated (0110H, Error ID A710H)."""


class TooManyOperations(AcceptError):
    """The step has as many operations as one step may have."""


class TryLater(AcceptError):
    """The manager cannot take the operation now; nothing was acknowledged. Repeat it."""

    def __init__(self, detail: str | None = None, *, retry_after: float = 5.0) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class ConfigurationError(CoreError):
    """What was configured cannot be."""
