"""``mpps up``: run the manager."""

from pathlib import Path
from typing import Annotated

import typer

from mpps_cli.configuration import SettingsInvalid, load
from mpps_cli.options import ConfigFile
from mpps_cli.running import run_up

app = typer.Typer()


@app.command(epilog="Example: mpps up --data ./mpps-data --http 127.0.0.1:8246")
def up(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Data directory; ./mpps-data if not set.", show_default=False),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(
            "--http",
            metavar="HOST:PORT",
            help="Where to listen; 127.0.0.1:8246 if not set. Port 0 takes a free one.",
            show_default=False,
        ),
    ] = None,
    no_dimse: Annotated[
        bool, typer.Option("--no-dimse", help="Open no DIMSE door. This version has none, so this changes nothing.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Run the manager: every role on this machine, with the embedded store.

    It prints a line for each door, and `ready`. SIGTERM or Ctrl-C ends it in order, a second one at once.
    """
    del no_dimse
    options = {"data.directory": ("--data", data), "http.listen": ("--http", http)}
    given = {name: option for name, option in options.items() if option[1] is not None}
    try:
        resolved = load(config, given)
    except SettingsInvalid as error:
        raise error.as_failure() from None
    run_up(
        resolved.settings, files=sorted({origin for origin in resolved.origins.values() if origin.endswith(".toml")})
    )
