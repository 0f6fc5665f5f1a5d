"""Query parameters of the API.

One that is not described is a fault: a filter with a typing error in its name would filter nothing.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mpps_console.times import seconds_of
from mpps_core.desk import ID_PATTERN, MAX_WAIT

MOST: Final = 500
"""Most items of a page."""

_TEXT: Final = 256


def _absent_if_empty(value: Any) -> Any:
    return None if value == "" else value


def _time(value: Any) -> float | None:
    return seconds_of(value) if value else None


def _wait(value: Any) -> float:
    if value == "":
        return MAX_WAIT
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise ValueError("must be a number of seconds, or nothing") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError("must not be negative")
    return min(seconds, MAX_WAIT)


Text = Annotated[str, Field(max_length=_TEXT)]
Time = Annotated[
    float | None,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-01T00:00:00Z"]}),
]
Status = Annotated[Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"] | None, BeforeValidator(_absent_if_empty)]
State = Annotated[Literal["behind", "level", "parked", "closed"] | None, BeforeValidator(_absent_if_empty)]
Wait = Annotated[
    float | None,
    BeforeValidator(_wait),
    WithJsonSchema({"type": "string", "examples": ["", "10"]}),
]
SubscriptionId = Annotated[Annotated[str, Field(pattern=ID_PATTERN)] | None, BeforeValidator(_absent_if_empty)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(_Query):
    """What every list takes."""

    limit: int = Field(default=50, ge=1, le=MOST, description="Most items of the page.")
    cursor: str = Field(default="", max_length=1024, description="`next_cursor` of the page before.")


class StepsQuery(PageQuery):
    """Filters of the list of steps; empty ones filter nothing."""

    q: Text = Field(default="", description="Beginning of a UID, patient id, patient name or accession number.")
    patient_id: Text = ""
    accession: Text = Field(default="", description="Accession number.")
    study: Text = Field(default="", description="Study Instance UID.")
    status: Status = None
    modality: Text = Field(default="", examples=["CT"])
    station: Text = Field(default="", description="AE title or name of the performing station.")
    source: Text = Field(default="", description="Id of a source.")
    from_: Time = Field(default=None, alias="from", description="Created at or after.")
    to: Time = Field(default=None, description="Created at or before.")


class LanesQuery(PageQuery):
    """Filters of the list of lanes."""

    subscription: SubscriptionId = Field(default=None, description="Id of a subscription.")
    state: State = None
    uid: Text = Field(default="", description="UID of a step.")


class AttemptsQuery(PageQuery):
    """Filters of the list of attempts."""

    subscription: SubscriptionId = Field(default=None, description="Id of a subscription.")
    uid: Text = Field(default="", description="UID of a step.")
    outcome: Text = Field(default="", examples=["delivered"])
    from_: Time = Field(default=None, alias="from", description="Begun at or after.")


class WaitQuery(_Query):
    """Waiting for a change to be applied."""

    wait: Wait = Field(
        default=None,
        description="Answer only when the change is applied, or after this many seconds; at most, and without a "
        "number, 30. The answer's `state` says which it was.",
    )
