"""``mpps restore``: put a saved store back."""

from pathlib import Path
from typing import Annotated

import typer

from mpps_cli.config import resolve
from mpps_cli.failure import Failure
from mpps_cli.options import AsJson, ConfigFile, DataDirectory
from mpps_cli.output import print_json
from mpps_core.errors import CoreError
from mpps_store.sqlite import restore as put_back

app = typer.Typer()


@app.command(epilog="Example: mpps restore mpps-2026-11-21.sqlite3 --data ./mpps-data")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `mpps backup` saved.", show_default=False)],
    data: DataDirectory = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a saved store into an empty data directory that no manager uses.

    What was accepted after the backup is not in it; subscribers may get again what they got after it.
    """
    directory = data or resolve(config).settings.data.directory
    try:
        put_back(file, directory)
    except CoreError as error:
        raise Failure(
            f"{file} was not restored into {directory}: {error.detail}",
            hint="name an empty or new directory with --data, and the file that `mpps backup` saved",
        ) from None
    if as_json:
        print_json({"file": str(file), "directory": str(directory)})
    else:
        typer.echo(f"{file} restored into {directory}; `mpps up --data {directory}` runs it")
