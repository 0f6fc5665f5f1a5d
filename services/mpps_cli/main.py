"""The command ``mpps``. Subcommands are modules that are imported when they are called, so that help is quick."""

import importlib
import sys
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from mpps_cli.failure import Failure

COMMANDS: Final = {
    "up": "Run the manager: every role on this machine, with the embedded store.",
    "demo": "Show a whole hospital in one terminal: one manager, three subscribers, one of them sick.",
    "send": "Be a modality: create and update a step.",
    "receive": "Be a subscriber: print what arrives, keep it, answer as told.",
    "steps": "List and show steps.",
    "subscriptions": "List, add, remove and test subscriptions.",
    "config": "Write, show and check the settings.",
    "backup": "Save the store of a running manager to a file.",
    "restore": "Put a saved store into a data directory that no manager uses.",
    "doctor": "Say what is wrong here, and what to do about it.",
}
"""Subcommands and their one line of help; each is the module of this package with its name."""


class LateGroup(TyperGroup):
    """A group of which only the command that is called is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that the arguments name, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(name), rest


def load(name: str) -> Any:
    """Import a subcommand."""
    command = get_command(importlib.import_module(f"mpps_cli.{name}").app)
    command.name = name
    return command


app = typer.Typer(
    cls=LateGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Example: mpps demo, then mpps up in one terminal and mpps send --sample ct in another.",
)


def _placeholder() -> None:
    """Stand for a subcommand in the list of all."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(_placeholder)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mpps-manager {version('mpps-manager')}")
        raise typer.Exit


@app.callback()
def _manager(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Run and use an MPPS manager.

    Every modality reports to one address, and every interested system gets every report, in order.
    """


def main() -> None:
    """Run the command that the arguments name; failures are a line on stderr, then a hint."""
    try:
        app()
    except Failure as failure:
        for reason in failure.reasons:
            typer.echo(reason if reason.startswith(" ") else f"mpps: {reason}", err=True)
        if failure.hint:
            typer.echo(f"hint: {failure.hint}", err=True)
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
