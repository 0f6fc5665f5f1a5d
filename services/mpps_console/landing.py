"""What the landing page shows, as plain words and numbers: never anything of a patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mpps_console.examples import Command, commands
from mpps_console.parts import ConsoleParts, DoorInfo, Notice
from mpps_console.standing import Standing, SubscriptionStanding, standing
from mpps_console.times import device_time, utc
from mpps_core.errors import StoreError
from mpps_core.step import Step, StepFilter

LAST_STEPS: Final = 12

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_LOW, _MIDDLE = 90, 5_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time: for machines, and how long ago it was."""

    iso: str
    ago: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow:
    """A subscription as a line of the page. ``tone`` is ``good``, ``live``, ``busy``, ``bad`` or ``quiet``."""

    id: str
    name: str
    kind: str
    tone: str
    words: str
    behind: int
    parked: int
    waiting_since: Moment | None
    declared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A step as a line of the page."""

    uid: str
    status: str
    tone: str
    modality: str
    station: str
    start: str
    end: str
    received: Moment
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number and what it counts."""

    label: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Everything on the page. Where keys are configured, only what anybody may know."""

    version: str
    manager_id: str | None
    uptime: str
    tone: str
    health: str
    doors: tuple[DoorInfo, ...]
    tiles: tuple[Tile, ...]
    guarded: bool
    notices: tuple[Notice, ...] = ()
    subscriptions: tuple[SubscriptionRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
    commands: tuple[Command, ...] = ()


async def landing(parts: ConsoleParts, base: str, *, guarded: bool) -> Landing:
    """Return what the page shows to a reader who reached us at ``base``, and who shows no key.

    ``guarded``: keys are configured. An unreachable store is something to show, not an error.
    """
    try:
        stands: Standing | None = await standing(parts)
        steps = () if guarded else (await parts.catalogue.list_steps(StepFilter(), None, LAST_STEPS)).items
    except StoreError:
        stands, steps = None, ()
    tone, health = _health(stands)
    now = parts.clock.wall()
    open_to_all = not guarded
    return Landing(
        version=parts.manager.version,
        manager_id=parts.manager.id if open_to_all else None,
        uptime=lasting(parts.clock.monotonic() - parts.manager.started),
        tone=tone,
        health=health,
        doors=tuple(parts.manager.doors()),
        tiles=_tiles(stands),
        guarded=guarded,
        notices=tuple(parts.manager.notices()) if open_to_all else (),
        subscriptions=tuple(_row(item, now) for item in stands.subscriptions) if stands and open_to_all else (),
        steps=_step_rows(steps, now),
        commands=commands(base, datetime.fromtimestamp(now, UTC).astimezone()) if open_to_all else (),
    )


def lasting(seconds: float) -> str:
    """Say in words how long something lasts or is ago: the two digits that matter."""
    seconds = max(0.0, seconds)
    if seconds < _LOW:
        return f"{seconds:.0f} s"
    if seconds < _MIDDLE:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def _health(stands: Standing | None) -> tuple[str, str]:
    if stands is None:
        return "bad", "The store cannot be used now"
    if any(item.breaker.state != "closed" for item in stands.subscriptions):
        return "busy", "Taking steps; a subscriber needs attention"
    if stands.parked:
        return "busy", "Taking steps; some lanes are parked"
    return "good", "Taking steps"


def _tiles(stands: Standing | None) -> tuple[Tile, ...]:
    if stands is None:
        return tuple(Tile(label=label, value="?") for label in ("Steps", "In progress", "Lanes behind", "Lanes parked"))
    return (
        Tile(label="Steps", value=f"{stands.counts.steps_total:,}"),
        Tile(label="In progress", value=f"{stands.counts.steps_open:,}"),
        Tile(label="Lanes behind", value=f"{stands.behind:,}", tone="busy" if stands.behind else ""),
        Tile(label="Lanes parked", value=f"{stands.parked:,}", tone="bad" if stands.parked else ""),
    )


def _row(stands: SubscriptionStanding, now: float) -> SubscriptionRow:
    item, counts = stands.subscription, stands.counts
    tone, words = _words(stands)
    since = counts.oldest_undelivered
    return SubscriptionRow(
        id=item.id,
        name="" if item.name.casefold() == item.id else item.name,
        kind=item.kind,
        tone=tone,
        words=words,
        behind=counts.behind,
        parked=counts.parked,
        waiting_since=None if since is None else _moment(since, now),
        declared=item.declared,
    )


def _words(stands: SubscriptionStanding) -> tuple[str, str]:
    if not stands.subscription.enabled:
        return "quiet", "disabled"
    breaker = stands.breaker
    if breaker.state != "closed":
        words = "being tried" if breaker.state == "probing" else "waiting"
        return "bad", f"{words}: {breaker.reason}" if breaker.reason else words
    if not stands.applied:
        return "busy", "being applied"
    if stands.counts.parked:
        return "bad", "some parked"
    return ("busy", "behind") if stands.counts.behind else ("good", "level")


def _step_rows(steps: Sequence[Step], now: float) -> tuple[StepRow, ...]:
    tones = {"IN PROGRESS": "live", "COMPLETED": "good"}
    return tuple(
        StepRow(
            uid=step.uid,
            status=step.status.value,
            tone=tones.get(step.status.value, "quiet"),
            modality=", ".join(step.summary.modalities),
            station=", ".join(step.summary.station_names or step.summary.station_aes),
            start=_clock_time(step.summary.start),
            end=_later_time(step.summary.start, step.summary.end),
            received=_moment(step.received_at, now),
            version=step.version,
        )
        for step in steps
    )


def _clock_time(text: str | None) -> str:
    """Return a device's time to the second, with a space where ISO 8601 has a T."""
    return (device_time(text) or "").partition(".")[0].replace("T", " ")


def _later_time(start: str | None, end: str | None) -> str:
    """Return the end of a step, without the day where that is the one it began on."""
    began, ended = _clock_time(start), _clock_time(end)
    day = began.partition(" ")[0]
    return ended.removeprefix(f"{day} ") if day else ended


def _moment(at: float, now: float) -> Moment:
    return Moment(iso=utc(at), ago=f"{lasting(now - at)} ago")
