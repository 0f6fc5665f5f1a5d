"""``mpps steps``: what was reported, and where it has arrived."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from mpps_cli.client import API, Client
from mpps_cli.failure import WRONG_USAGE, Failure
from mpps_cli.options import DEFAULT_URL, AsJson, Token, Url
from mpps_cli.output import print_facts, print_json, print_table

app = typer.Typer(no_args_is_help=True, help="List and show steps.")


class Status(StrEnum):
    """Performed Procedure Step Status."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


@app.command("list", epilog='Example: mpps steps list --status "IN PROGRESS" --modality CT')
def list_steps(
    search: Annotated[
        str | None,
        typer.Option("--search", help="Start of UID, patient id or name, or accession number.", show_default=False),
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", show_default=False)] = None,
    modality: Annotated[str | None, typer.Option("--modality", show_default=False)] = None,
    station: Annotated[str | None, typer.Option("--station", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most steps to list.")] = 50,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """List steps, newest first. Patients are named in --json only."""
    wanted = {
        "q": search,
        "status": status.value if status else None,
        "modality": modality,
        "station": station,
    }
    items = Client(url, token).pages("/steps", limit=limit, **wanted)
    if as_json:
        print_json(items)
        return
    rows = [
        (
            step["uid"],
            step["status"],
            step["version"],
            step["modalities"],
            step["station_names"] or step["station_aes"],
            _seconds(step["received_at"]),
        )
        for step in items
    ]
    print_table(("UID", "STATUS", "VERSION", "MODALITY", "STATION", "RECEIVED"), rows)


@app.command(epilog="Example: mpps steps show 2.25.322702149612382427831622257283358435297")
def show(
    uid: Annotated[str, typer.Argument(metavar="UID", show_default=False)],
    dataset: Annotated[bool, typer.Option("--dataset", help="Print its current data set as DICOM JSON.")] = False,
    operation: Annotated[
        int | None, typer.Option("--operation", min=1, help="Print this operation as received.", show_default=False)
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show a step: its operations, their warnings, and where it stands with each subscriber."""
    if not (uid.isascii() and uid.replace(".", "").isdigit()):
        raise Failure(f"{uid} is not a UID", hint="digits and dots; `mpps steps list` has them", code=WRONG_USAGE)
    client = Client(url, token)
    if dataset or operation is not None:
        part = "dataset" if operation is None else f"operations/{operation}"
        reply = client.request("GET", f"{API}/steps/{uid}/{part}")
        if not reply.ok:
            raise client.failure(reply)
        print_json(reply.json())
        return
    step = client.api("GET", f"/steps/{uid}")
    if as_json:
        print_json(step)
        return
    _print(step)


def _print(step: dict[str, Any]) -> None:
    print_facts(
        [
            ("UID", step["uid"]),
            ("status", step["status"]),
            ("version", step["version"]),
            ("modality", step["modalities"]),
            ("station", step["station_names"] or step["station_aes"]),
            ("patient", step["patient_ids"]),
            ("accession", step["accession_numbers"]),
            ("start", step["start"]),
            ("end", step["end"]),
            ("received", _seconds(step["received_at"])),
            ("updated", _seconds(step["updated_at"])),
        ]
    )
    typer.echo()
    operations = [
        (each["number"], each["kind"], each["status"], _seconds(each["received_at"]), each["source"], each["bytes"])
        for each in step["operations"]
    ]
    print_table(("OPERATION", "KIND", "STATUS", "RECEIVED", "SOURCE", "BYTES"), operations)
    for each in step["operations"]:
        for finding in each["findings"]:
            typer.echo(f"  {each['number']}: {finding['path']}: {finding['detail']} [{finding['rule']}]")
    if step["lanes"]:
        typer.echo()
        lanes = [
            (
                lane["subscription"],
                lane["state"],
                f"{lane['cursor']} of {lane['version']}",
                lane["attempts"],
                lane["reason"],
            )
            for lane in step["lanes"]
        ]
        print_table(("SUBSCRIBER", "STATE", "HAS", "FAILED ATTEMPTS", "REASON"), lanes)


def _seconds(time: str) -> str:
    """Cut an RFC 3339 time to whole seconds."""
    return time[:19] + "Z"
