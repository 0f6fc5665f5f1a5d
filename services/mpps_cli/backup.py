"""``mpps backup``: save the store of a running manager."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from mpps_cli.client import API, Client
from mpps_cli.failure import Failure
from mpps_cli.options import DEFAULT_URL, AsJson, Token, Url
from mpps_cli.output import print_json

app = typer.Typer()


@app.command(epilog="Example: mpps backup mpps-2026-11-21.sqlite3")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to save it.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Save the store of a running manager to a file, as it is at one moment, while work goes on.

    The file holds patients' data; only its owner may read it.
    """
    if file.exists() and not force:
        raise Failure(f"{file} is there already", hint="--force replaces it")
    # Long: the copy is made before the first byte comes.
    client = Client(url, token, timeout=3600)
    part = file.with_name(f"{file.name}.part")
    try:
        with client.stream("POST", f"{API}/backup") as pieces:
            size = _write(part, pieces)
        part.replace(file)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        typer.echo(f"{file} saved, {size:,} bytes; `mpps restore` puts it into an empty data directory")


def _write(part: Path, pieces: Iterator[bytes]) -> int:
    """Write the pieces to a new file that only its owner may read, durably; return how many bytes there were."""
    part.unlink(missing_ok=True)
    size = 0
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        for piece in pieces:
            size += stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())
    return size
