"""``mpps config``: write, show and check the settings."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mpps_cli.configuration import DEFAULT_FILE, Resolved, SettingsInvalid, leaves, load, plain
from mpps_cli.failure import Failure
from mpps_cli.options import AsJson, ConfigFile
from mpps_cli.reference import commented_toml, toml_value

app = typer.Typer(no_args_is_help=True, help="Write, show and check the settings.")


@app.command(epilog="Example: mpps config init")
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; - is the screen.")] = DEFAULT_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented mpps.toml with every setting and its default."""
    if str(file) == "-":
        typer.echo(commented_toml(), nl=False)
        return
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(commented_toml())
    except FileExistsError:
        raise Failure(f"{file} is there already", hint="--force replaces it") from None
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror or error}") from None
    typer.echo(f"{file} written; nothing in it is set yet")


@app.command(epilog="Example: MPPS_FORWARDING__MAX_DELAY=60 mpps config show")
def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the settings in force, secrets masked, and where each came from."""
    resolved = resolve(config)
    if as_json:
        facts = {
            name: {"value": plain(value), "from": resolved.origins.get(name, "default")}
            for name, value in leaves(resolved.settings)
        }
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    lines = [
        (f"{name} = {'' if value is None else toml_value(plain(value))}".rstrip(" ="), name)
        for name, value in leaves(resolved.settings)
    ]
    for text, name in lines:
        typer.echo(f"{text:60}  # {resolved.origins.get(name, 'default')}")


@app.command(epilog="Example: mpps config check /etc/mpps/mpps.toml")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to check.", show_default=False)],
) -> None:
    """Check a file, with the environment as it is now."""
    resolved = resolve(file)
    typer.echo(f"{file} is good: {len(resolved.origins)} settings are not at their default")


def resolve(file: Path | None) -> Resolved:
    """Read the settings. Raises Failure."""
    try:
        return load(file)
    except SettingsInvalid as error:
        raise error.as_failure() from None
