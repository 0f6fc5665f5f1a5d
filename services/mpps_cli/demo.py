"""``mpps demo``: a whole hospital in one terminal."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mpps_cli.failure import Failure
from mpps_cli.hospital import Hospital, Step, Subscriber
from mpps_cli.options import AsJson
from mpps_cli.output import print_json
from mpps_cli.proof import Verdict, prove

app = typer.Typer()

_LEVEL_SECONDS: Final = 20.0
_EVENTS_SHOWN: Final = 6
_COLOURS: Final = {"COMPLETED": "green", "DISCONTINUED": "magenta", "IN PROGRESS": "yellow", "well": "green"}


@app.command(epilog="Example: mpps demo")
def demo(
    plain: Annotated[bool, typer.Option("--plain", help="Print lines, on a terminal too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a whole hospital in one terminal: one manager, three subscribers, one of them sick.

    Modalities report CT, MR, ultrasound and angiography steps. One subscriber is well, one is slow, and one answers
    503 for a while and then dies. At the end it is proved that each of them has every operation, in order. Ends
    with 1 if that does not hold.
    """
    console = Console()
    events = _Events(console, live=console.is_terminal and not plain, silent=as_json)
    with tempfile.TemporaryDirectory(prefix="mpps-demo-") as directory:
        hospital = Hospital(Path(directory), events.tell)
        code = asyncio.run(_played(hospital, events))
    verdicts = {
        subscriber.id: prove({step.uid: step.accepted for step in hospital.steps}, subscriber.receiver.arrivals)
        for subscriber in hospital.subscribers
    }
    if as_json:
        print_json({name: {**_members(verdict), "holds": verdict.holds} for name, verdict in verdicts.items()})
    else:
        _print_proof(console, hospital, verdicts)
    if code != 0:
        raise Failure(f"the manager ended with exit code {code}")
    if not all(verdict.holds for verdict in verdicts.values()):
        raise Failure("not every subscriber has every operation in order", hint="this is a defect; please report it")


async def _played(hospital: Hospital, events: "_Events") -> int:
    """Let it all happen; return the exit code of the manager. Raises Failure."""
    async with hospital.open():
        with events.showing(lambda: _board(hospital, events)):
            illness = asyncio.create_task(hospital.illness())
            reports = [hospital.report(step, after=0.4 * index, every=1.2) for index, step in enumerate(hospital.steps)]
            try:
                await asyncio.gather(*reports, illness)
            finally:
                illness.cancel()
            events.tell("every modality is done; waiting for the subscribers")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEVEL_SECONDS):
                    await hospital.level()
        return await hospital.manager.stop()


class _Events:
    """What happens, as lines; or, on a terminal, below a table that is always up to date."""

    def __init__(self, console: Console, *, live: bool, silent: bool) -> None:
        self._console = console
        self._live = live and not silent
        self._silent = silent
        self._begun = time.monotonic()
        self.last: list[str] = []

    def tell(self, text: str) -> None:
        """Tell that something happened."""
        line = f"{time.monotonic() - self._begun:5.1f} s  {text}"
        self.last = [*self.last[1 - _EVENTS_SHOWN :], line]
        if not self._live and not self._silent:
            typer.echo(line)

    @contextlib.contextmanager
    def showing(self, board: Callable[[], Group]) -> Iterator[None]:
        """Show the table while something goes on, if there is a terminal to show it on."""
        if not self._live:
            yield
            return
        with Live(console=self._console, refresh_per_second=8, get_renderable=board):
            yield


def _board(hospital: Hospital, events: _Events) -> Group:
    table = Table(title="who has what", title_justify="left")
    for title in ("step", "status", "accepted"):
        table.add_column(title)
    for subscriber in hospital.subscribers:
        colour = _COLOURS.get(subscriber.state, "red")
        state = "slow" if subscriber is hospital.slow else subscriber.state
        table.add_column(Text.assemble(f"{subscriber.id}\n", (state, colour)), justify="right")
    for step in hospital.steps:
        status = Text(step.status or "-", style=_COLOURS.get(step.status, "dim"))
        cells = [_cell(step, subscriber) for subscriber in hospital.subscribers]
        table.add_row(step.name, status, f"{len(step.accepted)}/{step.operations}", *cells)
    return Group(table, Text("\n".join(events.last), style="dim"))


def _cell(step: Step, subscriber: Subscriber) -> Text:
    has, accepted = subscriber.has(step), len(step.accepted)
    return Text(f"{has}/{accepted}", style="green" if has == accepted else "yellow")


def _print_proof(console: Console, hospital: Hospital, verdicts: dict[str, Verdict]) -> None:
    accepted = sum(len(step.accepted) for step in hospital.steps)
    console.print(f"\nThe manager accepted {accepted} operations of {len(hospital.steps)} steps. What subscribers got:")
    table = Table()
    for title in ("", "got", "missing", "order wrong", "differ", "extra", "again", "proof"):
        table.add_column(title, justify="left" if title in {"", "proof"} else "right", no_wrap=True)
    for name, verdict in verdicts.items():
        got = verdict.expected - verdict.missing
        counts = (verdict.missing, verdict.out_of_order, verdict.different, verdict.unexpected, verdict.repeated)
        holds = Text("holds", "green") if verdict.holds else Text("fails", "bold red")
        table.add_row(name, f"{got} of {verdict.expected}", *map(str, counts), holds)
    console.print(table)
    console.print(
        "It holds when everything arrived, each step in order. Again: sent twice, because an answer was lost."
    )


def _members(verdict: Verdict) -> dict[str, int]:
    return {name: getattr(verdict, name) for name in verdict.__struct_fields__}
