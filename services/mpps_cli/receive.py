"""``mpps receive``: be a subscriber."""

import asyncio
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from mpps_cli.failure import WRONG_USAGE, Failure
from mpps_cli.options import AsJson
from mpps_cli.receiver import Arrival, Receiver, status_in
from mpps_cli.settings import Address, address_of

app = typer.Typer()


@app.command(
    epilog="Example: mpps receive --keep arrived --answer 503,503,201, then "
    "mpps subscriptions add mine http://127.0.0.1:8247/dicomweb"
)
def receive(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8247",
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep each operation as a file there.", show_default=False),
    ] = None,
    answer: Annotated[
        str,
        typer.Option(
            "--answer",
            metavar="STATUS,…",
            help="Answers to the first operations, then as a real server does.",
            show_default=False,
        ),
    ] = "",
    delay: Annotated[float, typer.Option("--delay", min=0.0, help="Seconds that each answer takes.")] = 0.0,
    accept_all: Annotated[
        bool, typer.Option("--accept-all", help="Refuse nothing: no 404 for unknown steps, no 409 for known ones.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many accepted operations.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Be a subscriber: print what arrives, keep it, answer as told.

    Like a real origin server it answers 404 to an Update of a step that it does not know, and 409 to a Create of
    one that it does or an Update of one that is final.
    """
    try:
        address = address_of(listen)
    except ValueError as error:
        raise Failure(f"--listen: {error}", code=WRONG_USAGE) from None
    printer = _Printer(as_json=as_json)
    receiver = Receiver(
        keep=keep, answers=_answers(answer), delay=delay, accept_all=accept_all, on_arrival=printer.arrival
    )
    asyncio.run(_run(receiver, address, count, printer))


async def _run(receiver: Receiver, address: Address, count: int | None, printer: "_Printer") -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        url = await receiver.start(address.host, address.port)
    except OSError as error:
        raise Failure(f"{address} cannot be listened on: {error.strerror or error}", hint="try --listen") from None
    printer.ready(url)
    printer.enough = None if count is None else (count, stopped)
    await stopped.wait()
    await receiver.stop()


class _Printer:
    """Prints a line for each arrival. Nothing of the patient."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._accepted = 0
        self.enough: tuple[int, asyncio.Event] | None = None  #: after so many accepted operations, set this

    def ready(self, url: str) -> None:
        """Print where to send to."""
        typer.echo(json.dumps({"url": url}) if self._as_json else f"receiving at {url}")

    def arrival(self, arrival: Arrival) -> None:
        """Print what arrived."""
        self._print(arrival)
        self._accepted += arrival.accepted
        if self.enough is not None and self._accepted >= self.enough[0]:
            self.enough[1].set()

    def _print(self, arrival: Arrival) -> None:
        if self._as_json:
            facts = {
                "at": datetime.fromtimestamp(arrival.at, UTC).isoformat(),
                "uid": arrival.uid,
                "number": arrival.number,
                "kind": arrival.kind.value,
                "size": arrival.size,
                "answer": arrival.answer,
                "repeated": arrival.repeated,
            }
            typer.echo(json.dumps(facts))
            return
        at = datetime.fromtimestamp(arrival.at, UTC).astimezone().strftime("%H:%M:%S")
        number = "-" if arrival.number is None else f"#{arrival.number}"
        status = _status(arrival.body)
        again = "  again" if arrival.repeated else ""
        typer.echo(f"{at}  {arrival.answer}  {arrival.kind:6}  {number:4}  {arrival.uid}  {status}{again}")


def _status(body: bytes) -> str:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "not JSON"
    data_set = value[0] if isinstance(value, list) and value else value
    return status_in(data_set) or "" if isinstance(data_set, dict) else ""


def _answers(text: str) -> list[int]:
    try:
        statuses = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        statuses = [0]
    if any(status not in range(200, 600) for status in statuses):
        raise Failure(
            f"--answer: {text} is not a list of HTTP statuses", hint="for example 503,503,201", code=WRONG_USAGE
        )
    return statuses
