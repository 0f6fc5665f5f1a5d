"""The target of a ``dicomweb`` subscription: where the subscriber is, and how it wants to be spoken to."""

import base64
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from yarl import URL

from mpps_senders.targets import MASK, Reader, TargetFault

RESOURCE: Final = "/modality-performed-procedure-steps"
"""The resource below the base URI (PS3.18 15.1.1)."""

_SECRETS: Final = ("password", "token")
_MAX_URL: Final = 2048
_MAX_SECRET: Final = 8192
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_HOST: Final = re.compile(r"[^\s/@?#\\]+")


class Dialect(enum.StrEnum):
    """Which requests Create and Update are (PS3.18 15.4.1, 15.5.1, and what came before them)."""

    QUERY = "query"  #: POST, and POST with the query ``update``: the Standard
    PATH = "path"  #: POST, and POST below ``/update``: as in the examples B.38 and B.39
    PATCH = "patch"  #: PUT and PATCH: the drafts of Supplement 246


class MediaType(enum.StrEnum):
    """In which form data sets are sent (PS3.18 15.1.3)."""

    JSON = "application/dicom+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes into the ``Authorization`` header, ready to be sent."""

    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomwebTarget:
    """A valid target."""

    base: str  #: base URI of the service, percent-encoded, without a slash at the end
    dialect: Dialect = Dialect.QUERY
    media_type: MediaType = MediaType.JSON
    credentials: Credentials | None = None

    @property
    def resource(self) -> str:
        """The URI of the resource, to which a slash and the UID of a step are added."""
        return self.base + RESOURCE


def read_target(target: Mapping[str, Any]) -> tuple[DicomwebTarget | None, list[TargetFault]]:
    """Return the target, or ``None`` and every fault that it has."""
    reader = Reader(target)
    base = reader.take("url", _base)
    dialect = reader.take("dialect", _dialect, default=Dialect.QUERY)
    media_type = reader.take("media_type", _media_type, default=MediaType.JSON)
    auth = reader.inside("auth")
    credentials = _credentials(auth) if auth else None
    reader.finish()
    if reader.faults or base is None or dialect is None or media_type is None:
        return None, reader.faults
    return DicomwebTarget(base=base, dialect=dialect, media_type=media_type, credentials=credentials), []


def masked(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a target, valid or not, with ``***`` in the place of each secret."""
    shown = dict(target)
    auth = shown.get("auth")
    if isinstance(auth, Mapping):
        shown["auth"] = {name: MASK if name in _SECRETS else value for name, value in auth.items()}
    elif auth is not None:
        shown["auth"] = MASK  # whatever it is, it was meant to be one
    return shown


def _base(text: str) -> str:
    if len(text) > _MAX_URL:
        raise ValueError(f"must not be longer than {_MAX_URL} characters")
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("must not contain spaces, backslashes or control characters")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if "?" in rest or "#" in rest:
        raise ValueError("must not have a query or fragment")
    authority = rest.partition("/")[0]
    if "@" in authority:
        raise ValueError("must not contain credentials; they belong into auth")
    if not _HOST.fullmatch(authority):
        raise ValueError("must name a host")
    try:
        url = URL(text)
        host, port = url.raw_host, url.port
    except ValueError:
        raise ValueError("is not a valid URL") from None
    if not host:
        raise ValueError("must name a host")
    if not port:
        raise ValueError("must have a port from 1 to 65535")
    base = str(url).rstrip("/")
    return base.removesuffix(RESOURCE).rstrip("/")


def _dialect(text: str) -> Dialect:
    try:
        return Dialect(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Dialect)}") from None


def _media_type(text: str) -> MediaType:
    if text == "application/dicom+xml":
        raise ValueError("application/dicom+xml cannot be sent yet")
    try:
        return MediaType(text)
    except ValueError:
        raise ValueError(f"must be {MediaType.JSON.value}") from None


def _credentials(reader: Reader) -> Credentials | None:
    kind = reader.take("kind", _auth_kind)
    credentials: Credentials | None = None
    if kind == "basic":
        username = reader.take("username", _username)
        password = reader.take("password", _password)
        if username is not None and password is not None:
            # RFC 7617; UTF-8 is what servers that say anything say.
            joined = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
            credentials = Credentials(authorization=f"Basic {joined}")
    elif kind == "bearer":
        token = reader.take("token", _token)
        if token is not None:
            credentials = Credentials(authorization=f"Bearer {token}")
    if kind is not None:
        reader.finish()
    return credentials


def _auth_kind(text: str) -> str:
    if text not in ("none", "basic", "bearer"):
        raise ValueError("must be one of none, basic, bearer")
    return text


def _username(text: str) -> str:
    if not text or ":" in text:
        raise ValueError("must not be empty or contain a colon (RFC 7617)")
    return _secret(text)


def _password(text: str) -> str:
    if text == MASK:
        raise ValueError("is the mask that secrets read back as; give the secret itself")
    return _secret(text)


def _token(text: str) -> str:
    if text == MASK:
        raise ValueError("is the mask that secrets read back as; give the secret itself")
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be visible ASCII characters without spaces (RFC 6750)")
    return _secret(text)


def _secret(text: str) -> str:
    if len(text) > _MAX_SECRET:
        raise ValueError(f"must not be longer than {_MAX_SECRET} characters")
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("must not contain control characters")
    return text
