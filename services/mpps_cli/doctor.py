"""``mpps doctor``: what is wrong here, and what to do about it."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import apsw
import typer

from mpps_cli.bootstrap import VERSION, door_of
from mpps_cli.client import Client
from mpps_cli.configuration import Resolved, SettingsInvalid, load
from mpps_cli.failure import FAILED, Failure
from mpps_cli.options import AsJson, ConfigFile, DataDirectory, Token
from mpps_cli.output import print_json
from mpps_cli.settings import Address, Settings, address_of
from mpps_core.errors import ConfigurationError
from mpps_store.sqlite.directory import DATABASE, refuse_network
from mpps_web.doors import refusal_of, warning_of

app = typer.Typer()

_FREE_WARN: Final = 2 * 1024**3
_FREE_FAIL: Final = 256 * 1024**2
_SQLITE_SOUND: Final = (3, 51, 3)  # before it, two writing connections could corrupt a database
_EARLIEST: Final = datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp()
_MOST_SKEW: Final = 2.0


class Verdict(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """One thing that was looked at."""

    verdict: Verdict
    about: str
    detail: str
    advice: str = ""  #: what to do about it


@app.command(epilog="Example: mpps doctor --config /etc/mpps/mpps.toml")
def doctor(data: DataDirectory = None, config: ConfigFile = None, token: Token = None, as_json: AsJson = False) -> None:
    """Say what is wrong here, and what to do about it. Ends with 1 when something fails."""
    findings = []
    for finding in _examined(data, config, token):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json([finding._asdict() for finding in findings])
    if any(finding.verdict is Verdict.FAIL for finding in findings):
        raise typer.Exit(FAILED)


def _print(finding: Finding) -> None:
    colours = {Verdict.OK: typer.colors.GREEN, Verdict.WARN: typer.colors.YELLOW, Verdict.FAIL: typer.colors.RED}
    word = typer.style(f"{finding.verdict:4}", fg=colours[finding.verdict])
    typer.echo(f"{word}  {finding.about}: {finding.detail}")
    if finding.advice:
        typer.echo(f"      → {finding.advice}")


def _examined(data: Path | None, config: Path | None, token: str | None) -> Iterator[Finding]:
    options = {} if data is None else {"data.directory": ("--data", data)}
    try:
        resolved = load(config, options)
    except SettingsInvalid as error:
        for fault in error.faults:
            yield Finding(Verdict.FAIL, "settings", fault, "`mpps config init -` prints all settings")
        return
    settings = resolved.settings
    yield _settings(resolved)
    yield from _doors(settings)
    yield from _directory(settings.data.directory)
    yield _sqlite()
    yield _clock()
    yield from _manager(settings, token)


def _settings(resolved: Resolved) -> Finding:
    count = len(resolved.origins)
    return Finding(Verdict.OK, "settings", f"{count} of them not at the default (`mpps config show`)")


def _doors(settings: Settings) -> Iterator[Finding]:
    door = door_of(settings)
    refusal, warning = refusal_of(door), warning_of(door)
    if refusal is not None:
        yield Finding(Verdict.FAIL, "doors", refusal, "without that `mpps up` does not start")
    elif warning is not None:
        yield Finding(Verdict.WARN, "doors", warning, "set http.tls and security.keys")
    for name, file in (("http.tls.cert", settings.http.tls.cert), ("http.tls.key", settings.http.tls.key)):
        if file is not None and not os.access(file, os.R_OK):
            yield Finding(Verdict.FAIL, name, f"{file} cannot be read", "name a PEM file that this user may read")


def _directory(directory: Path) -> Iterator[Finding]:
    about = f"data directory {directory}"
    place = directory
    if not directory.exists():
        place = next(parent for parent in directory.absolute().parents if parent.exists())
        yield Finding(Verdict.OK, about, "is not there yet; `mpps up` makes it")
    elif not directory.is_dir():
        yield Finding(Verdict.FAIL, about, "is not a directory", "name another one: data.directory or --data")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding(Verdict.FAIL, about, f"{place} cannot be written to", "give it to the user that runs `mpps up`")
    try:
        refuse_network(place)
    except ConfigurationError as error:
        yield Finding(Verdict.FAIL, about, error.detail, "put it on a disk of this machine")
    if (directory / DATABASE).exists() and directory.stat().st_mode & 0o077:
        yield Finding(Verdict.WARN, about, "others than its owner may look into it", f"chmod 700 {directory}")
    yield _space(about, place)


def _space(about: str, place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    size = f"{free / 1024**3:.1f} GiB free"
    if free < _FREE_FAIL:
        return Finding(Verdict.FAIL, about, size, "make room; a full disk means 503 to every modality")
    if free < _FREE_WARN:
        return Finding(Verdict.WARN, about, size, "make room soon; a full disk means 503 to every modality")
    return Finding(Verdict.OK, about, size)


def _sqlite() -> Finding:
    found = apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < _SQLITE_SOUND:
        return Finding(Verdict.FAIL, "SQLite", f"version {found} can corrupt databases", "install apsw 3.51.3 or newer")
    return Finding(Verdict.OK, "SQLite", f"version {found}")


def _clock() -> Finding:
    now = time.time()
    if now < _EARLIEST:
        return Finding(Verdict.FAIL, "clock", f"it says {datetime.fromtimestamp(now).astimezone():%Y-%m-%d}", "set it")
    return Finding(Verdict.OK, "clock", f"{datetime.fromtimestamp(now).astimezone():%Y-%m-%d %H:%M:%S %z}")


def _manager(settings: Settings, token: str | None) -> Iterator[Finding]:
    """Look at whoever has our port, and if it is a manager, ask it."""
    address = address_of(settings.http.listen)
    about = f"port {address}"
    trouble = _bound(address)
    if trouble is None:
        yield Finding(Verdict.OK, about, "is free; no manager runs here")
        return
    scheme = "https" if settings.http.tls.cert else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - where it is asked at
    client = Client(f"{scheme}://{Address(host=host, port=address.port)}", token, timeout=15)
    try:
        ready = client.request("GET", "/readyz")
    except Failure as failure:
        yield Finding(Verdict.FAIL, about, f"{trouble}, and what is there is no manager ({failure})", "--http")
        return
    answer = ready.json()
    if not isinstance(answer, dict) or "ready" not in answer:
        yield Finding(Verdict.FAIL, about, f"{trouble}, by something that is no manager", "stop it, or set http.listen")
        return
    missing = "; ".join(f"{name}: {reason}" for name, reason in answer["missing"].items())
    if missing:
        yield Finding(Verdict.FAIL, about, f"a manager runs, but is not ready: {missing}", "see its log")
    else:
        yield Finding(Verdict.OK, about, f"a manager runs and is ready: {client.url}")
    yield from _asked(lambda: _skew(client))
    yield from _asked(lambda: _subscribers(client))


def _bound(address: Address) -> str | None:
    """Return why we could not listen there; None when we could. Nothing is ever listened on."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None


def _asked(ask: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from ask()
    except Failure as failure:
        advice = failure.hint or ""
        yield Finding(Verdict.WARN, "manager", f"it could not be asked: {failure.reasons[0]}", advice)


def _skew(client: Client) -> Iterator[Finding]:
    reply = client.request("GET", "/healthz")
    try:
        skew = abs(parsedate_to_datetime(reply.headers["date"]).timestamp() - time.time())
    except (KeyError, ValueError):
        return
    if skew > _MOST_SKEW:
        yield Finding(Verdict.WARN, "clock", f"the manager's differs by {skew:.0f} s", "synchronise clocks (NTP)")


def _subscribers(client: Client) -> Iterator[Finding]:
    version = client.api("GET", "/overview")["manager"]["version"]
    if version != VERSION:
        detail = f"it is version {version}, this command {VERSION}"
        yield Finding(Verdict.WARN, "manager", detail, "restart it to run the installed version")
    for item in client.pages("/subscriptions", limit=10_000):
        about = f"subscriber {item['id']}"
        if not item["enabled"]:
            yield Finding(Verdict.WARN, about, "is switched off; its steps wait", "enable it, or remove it")
            continue
        result = client.api("POST", f"/subscriptions/{item['id']}/test")
        behind = f"; {item['behind']} steps wait for it" if item["behind"] else ""
        verdict = Verdict.OK if result["ok"] else Verdict.FAIL
        advice = "" if result["ok"] else "its steps wait and go out in order once it can be reached"
        yield Finding(verdict, about, result["detail"].rstrip(".") + behind, advice)
        if item["parked"]:
            detail = f"{item['parked']} steps were refused by it and wait for a person"
            yield Finding(Verdict.WARN, about, detail, "GET /api/v1/lanes?state=parked lists them")
