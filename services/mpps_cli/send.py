"""``mpps send``: be a modality."""

import enum
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from mpps_cli.client import findings_of
from mpps_cli.failure import WRONG_USAGE, Failure
from mpps_cli.modality import Modality, Sent, new_uid
from mpps_cli.options import DEFAULT_URL, AsJson, Token, Url
from mpps_cli.samples import SAMPLES, Sample, read_sample

app = typer.Typer()

_UID: Final = re.compile(r"[0-9.]{1,64}")
_PART_10: Final = slice(128, 132)


class As(enum.StrEnum):
    """What each file does."""

    CREATE = "create"
    UPDATE = "update"


@app.command(epilog="Example: mpps send ct-create.json ct-update.json ct-complete.json. Or: mpps send --sample ct")
def send(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="DICOM JSON: an object, or an array of one.", show_default=False),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="Where to send: https://…/dicomweb. The manager at --url if not given.",
            show_default=False,
        ),
    ] = None,
    uid: Annotated[
        str | None,
        typer.Option("--uid", metavar="UID", help="SOP Instance UID of the step; a new one if not given."),
    ] = None,
    each_as: Annotated[
        As | None,
        typer.Option(
            "--as",
            help="Let every file create a step, or update the one of --uid. "
            "Without it the first file creates and the others update.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        Sample | None, typer.Option("--sample", help="Send a sample step in place of files.", show_default=False)
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Write the files of --sample there and send nothing."),
    ] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Be a modality: create and update a step.

    The first file creates the step, under a new UID that is printed, and the others update it. It ends with 1 at
    the first operation that is not accepted.
    """
    if save is not None:
        _save(sample, save)
        return
    bodies = _bodies(files or [], sample)
    if uid is not None and not _UID.fullmatch(uid):
        raise Failure(f"{uid} is not a UID", hint="digits and dots, at most 64", code=WRONG_USAGE)
    if each_as is As.UPDATE and uid is None:
        raise Failure("--as update needs --uid", hint="the UID that the Create had", code=WRONG_USAGE)
    if each_as is As.CREATE and uid is not None and len(bodies) > 1:
        raise Failure("one UID cannot be created by several files", hint="leave --uid or --as out", code=WRONG_USAGE)
    modality = Modality(to or f"{url.rstrip('/')}/dicomweb", token)
    step = uid or new_uid()
    for index, (name, body) in enumerate(bodies):
        if each_as is As.CREATE and uid is None and index:
            step = new_uid()
        update = each_as is As.UPDATE or (each_as is None and index > 0)
        sent = modality.send(step, body, update=update)
        _tell(name, sent, as_json=as_json)


def _bodies(files: Sequence[Path], sample: Sample | None) -> list[tuple[str, bytes]]:
    if sample is not None:
        if files:
            raise Failure("--sample takes no files", code=WRONG_USAGE)
        return [(file, read_sample(file)) for file in SAMPLES[sample]]
    if not files:
        raise Failure("there is no file to send", hint="name one, or send a sample: --sample ct", code=WRONG_USAGE)
    return [(file.name, _read(file)) for file in files]


def _read(file: Path) -> bytes:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror or error}") from None
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    what = "DICOM Part 10" if body[_PART_10] == b"DICM" else "XML" if start == b"<" else None
    if what is not None:
        raise Failure(
            f"{file} is {what}, and this version sends DICOM JSON only",
            hint="pydicom's Dataset.to_json() makes JSON of it",
            code=WRONG_USAGE,
        )
    if start not in {b"{", b"["}:
        raise Failure(f"{file} is not DICOM JSON", hint="an object, or an array of one", code=WRONG_USAGE)
    return body


def _save(sample: Sample | None, directory: Path) -> None:
    if sample is None:
        raise Failure("--save needs --sample", hint=f"one of {', '.join(Sample)}", code=WRONG_USAGE)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for file in SAMPLES[sample]:
            (directory / file).write_bytes(read_sample(file))
            typer.echo(directory / file)
    except OSError as error:
        raise Failure(f"{directory} cannot be written to: {error.strerror or error}") from None


def _tell(name: str, sent: Sent, *, as_json: bool) -> None:
    """Print what became of an operation. Raises Failure if it was not accepted."""
    reply = sent.reply
    if as_json:
        facts = {
            "uid": sent.uid,
            "file": name,
            "operation": "update" if sent.update else "create",
            "status": reply.status,
            "done": sent.done,
            "warnings": list(reply.warnings),
            "problem": None if reply.ok else reply.problem(),
        }
        typer.echo(json.dumps(facts))
    elif sent.done:
        verb = "already there, same content" if sent.repeated else "updated" if sent.update else "created"
        typer.echo(f"{verb}  {sent.uid}  {name}  ({reply.status})")
        for warning in reply.warnings:
            typer.echo(f"  warning: {warning}")
    if not sent.done:
        problem = reply.problem()
        detail = f": {problem['detail']}" if problem.get("detail") else ""
        verb = "update" if sent.update else "create"
        raise Failure(
            f"{name}: {verb} of {sent.uid} was not accepted: {problem['title']} ({reply.status}){detail}",
            *findings_of(problem),
            hint=_hint(reply.status, update=sent.update),
        )


def _hint(status: int, *, update: bool) -> str | None:
    hints = {
        401: "give the token of a key with the role modality with --token or MPPS_TOKEN",
        403: "give the token of a key with the role modality with --token or MPPS_TOKEN",
        404: "a step is created before it is updated" if update else "the address ends with /dicomweb",
        409: "`mpps steps show UID` says what is there",
        503: "nothing was acknowledged; repeat it later",
    }
    return hints.get(status)
