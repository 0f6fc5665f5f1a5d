"""A modality: sends the operations of a step over DICOMweb (PS3.18 15.4, 15.5)."""

import uuid
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from mpps_cli.client import Client, Reply
from mpps_cli.failure import WRONG_USAGE, Failure

RESOURCE = "/modality-performed-procedure-steps/"


def new_uid() -> str:
    """Make a SOP Instance UID as PS3.5 B.2 says."""
    return f"2.25.{uuid.uuid4().int}"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """An operation and what it was answered."""

    uid: str
    update: bool
    reply: Reply

    @property
    def done(self) -> bool:
        """Whether the manager has it; it also does when it had the same Create before."""
        return self.reply.ok or self.repeated

    @property
    def repeated(self) -> bool:
        """Whether it was there already, with the same content: what a repeated Create is told."""
        conflict = self.reply.status == HTTPStatus.CONFLICT
        return conflict and not self.update and self.reply.problem().get("same_content") is True


class Modality:
    """Sends to one origin server, ``base`` being the address below which its resources are."""

    def __init__(self, base: str, token: str | None = None) -> None:
        if "@" in base and "://" not in base:
            raise Failure(
                f"{base} is a DIMSE address, and this version sends over DICOMweb only",
                hint="name an address like https://manager.example/dicomweb",
                code=WRONG_USAGE,
            )
        if urlsplit(base).query or urlsplit(base).fragment:
            raise Failure(f"{base} is not a base address", hint="for example http://127.0.0.1:8246/dicomweb", code=2)
        self._client = Client(base, token)

    def send(self, uid: str, body: bytes, *, update: bool) -> Sent:
        """Send one operation. Raises Failure when there is no answer."""
        headers = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
        path = f"{RESOURCE}{uid}{'?update' if update else ''}"
        return Sent(uid=uid, update=update, reply=self._client.request("POST", path, body, headers))
