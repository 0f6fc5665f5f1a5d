"""``mpps subscriptions``: who gets what."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from mpps_cli.client import Client
from mpps_cli.failure import WRONG_USAGE, Failure
from mpps_cli.options import DEFAULT_URL, AsJson, Token, Url
from mpps_cli.output import print_json, print_table

app = typer.Typer(no_args_is_help=True, help="List, add, remove and test subscriptions.")

_Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.", show_default=False)]


class Dialect(StrEnum):
    """How an Update is written."""

    QUERY = "query"
    PATH = "path"
    PATCH = "patch"


@app.command("list", epilog="Example: mpps subscriptions list --json")
def list_subscriptions(url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """List subscriptions and how they stand."""
    items = Client(url, token).pages("/subscriptions", limit=10_000)
    if as_json:
        print_json(items)
        return
    rows = [
        (
            item["id"],
            item["kind"],
            item["target"].get("url"),
            item["state"] if item["enabled"] else "off",
            item["breaker"]["state"],
            item["behind"],
            item["parked"],
            item["declared"],
        )
        for item in items
    ]
    print_table(("ID", "KIND", "TARGET", "STATE", "BREAKER", "BEHIND", "PARKED", "IN A FILE"), rows)


@app.command(epilog="Example: mpps subscriptions add ris https://ris.example/dicomweb --start open")
def add(
    subscription: _Id,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="Base address of its DICOMweb service.", show_default=False)
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name for people.", show_default=False)] = None,
    start: Annotated[
        str,
        typer.Option("--start", metavar="START", help="now, open, or since=TIME, as in since=2026-11-01T00:00:00Z."),
    ] = "now",
    dialect: Annotated[Dialect, typer.Option("--dialect", help="How an Update is written.")] = Dialect.QUERY,
    in_flight: Annotated[int, typer.Option("--in-flight", min=1, help="Most attempts at the same time.")] = 4,
    per_second: Annotated[
        float | None, typer.Option("--per-second", help="Most attempts per second.", show_default=False)
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds until an attempt counts as unanswered.")] = 30.0,
    bearer: Annotated[
        str | None,
        typer.Option(
            "--bearer",
            envvar="MPPS_SUBSCRIBER_TOKEN",
            metavar="TOKEN",
            help="Bearer token that the subscriber wants.",
            show_default=False,
        ),
    ] = None,
    basic: Annotated[
        str | None,
        typer.Option(
            "--basic",
            envvar="MPPS_SUBSCRIBER_BASIC",
            metavar="USER:PASSWORD",
            help="User name and password that the subscriber wants.",
            show_default=False,
        ),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep lanes for it, but send nothing yet.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Add a subscription. Give secrets by the environment, not as options that others can see in process lists."""
    members = {
        "id": subscription,
        "name": name,
        "target": {"url": target, "dialect": dialect.value, "auth": _auth(bearer, basic)},
        "start": _start(start),
        "limits": {"in_flight": in_flight, "per_second": per_second, "timeout_s": timeout},
        "enabled": not off,
    }
    item = Client(url, token).api("POST", "/subscriptions", members)
    if as_json:
        print_json(item)
        return
    typer.echo(f"added {item['id']}: {item['target']['url']} gets every operation, start {start}")


@app.command(epilog="Example: mpps subscriptions remove ris")
def remove(subscription: _Id, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Remove a subscription and wait until nothing more is sent to it."""
    item = Client(url, token, timeout=60).api("DELETE", f"/subscriptions/{subscription}", wait=30)
    if as_json:
        print_json(item)
    elif item["state"] == "applied":
        typer.echo(f"removed {subscription}; nothing more is sent to it")
    else:
        typer.echo(f"removed {subscription}; what was under way may still arrive there")


@app.command("test", epilog="Example: mpps subscriptions test ris")
def reach(subscription: _Id, url: Url = DEFAULT_URL, token: Token = None, as_json: AsJson = False) -> None:
    """Have the manager reach a subscriber, without changing anything there. Ends with 1 when that fails."""
    result = Client(url, token, timeout=60).api("POST", f"/subscriptions/{subscription}/test")
    if as_json:
        print_json(result)
    status = f" (HTTP {result['http_status']})" if result.get("http_status") else ""
    told = f"{subscription}: {result['detail']}{status}"
    if not result["ok"]:
        raise Failure(told, hint="its steps wait and go out in order once it can be reached")
    if not as_json:
        typer.echo(f"{told} It took {result['duration_s'] * 1000:.0f} ms.")


def _auth(bearer: str | None, basic: str | None) -> dict[str, Any]:
    if bearer is not None and basic is not None:
        raise Failure("--bearer and --basic do not go together", code=WRONG_USAGE)
    if bearer is not None:
        return {"kind": "bearer", "token": bearer}
    if basic is not None:
        user, colon, password = basic.partition(":")
        if not colon:
            raise Failure("--basic is USER:PASSWORD", code=WRONG_USAGE)
        return {"kind": "basic", "username": user, "password": password}
    return {"kind": "none"}


def _start(start: str) -> Any:
    if start in {"now", "open"}:
        return start
    word, equals, time = start.partition("=")
    if word != "since" or not equals:
        raise Failure(f"--start {start} is not known", hint="now, open or since=TIME", code=WRONG_USAGE)
    return {"since": time}
