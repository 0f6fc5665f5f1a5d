"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

DEFAULT_URL: Final = "http://127.0.0.1:8246"

Url: TypeAlias = Annotated[
    str, typer.Option("--url", envvar="MPPS_URL", metavar="URL", help="Address of the running manager.")
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="MPPS_TOKEN", metavar="TOKEN", help="Bearer token of one of its keys.", show_default=False
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file; mpps.toml if there is one.", show_default=False),
]
DataDirectory: TypeAlias = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory; data.directory of the settings.", show_default=False),
]
