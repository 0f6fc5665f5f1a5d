"""Keys: who may do what. A caller shows a bearer token; only its SHA-256 is configured."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from starlette.requests import HTTPConnection

from mpps_core.errors import ConfigurationError
from mpps_web.problems import Problem
from mpps_web.requests import header_of

_CALLER_KEY: Final = "mpps.caller"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BEARER: Final = "bearer"


class Role(StrEnum):
    """What a key is for."""

    MODALITY = "modality"
    SUBSCRIBER = "subscriber"
    OPERATOR = "operator"
    ADMIN = "admin"  #: may do everything


@dataclass(frozen=True, slots=True)
class Key:
    """A configured key; ``sha256`` is the SHA-256 of the bearer token in 64 hexadecimal digits."""

    name: str
    role: Role
    sha256: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request; neither name nor role when the caller showed no key that we know."""

    name: str | None = None
    role: Role | None = None


ANONYMOUS: Final = Caller()


class Keyring:
    """The configured keys. Raises ConfigurationError for a hash that is none and for a name used twice."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._callers: list[tuple[bytes, Caller]] = []
        for key in keys:
            digest = key.sha256.strip().lower()
            if not _SHA256.fullmatch(digest):
                raise ConfigurationError(f"the key {key.name!r} has no SHA-256 in 64 hexadecimal digits")
            if any(key.name == caller.name for _, caller in self._callers):
                raise ConfigurationError(f"there are two keys named {key.name!r}")
            self._callers.append((digest.encode(), Caller(key.name, Role(key.role))))

    def __bool__(self) -> bool:
        return bool(self._callers)

    def caller(self, token: str) -> Caller | None:
        """Return whose token this is. All keys are compared, each in constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest().encode()
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


NO_KEYS: Final = Keyring()


def caller_of(request: HTTPConnection) -> Caller:
    """Return who makes the request, ``ANONYMOUS`` also when the key is unknown to us."""
    return identify(request.scope) or ANONYMOUS


def keyring_of(scope: Any) -> Keyring:
    """Return the keyring of the application that handles an ASGI request, ``app.state.keyring``."""
    keyring: Keyring = getattr(scope["app"].state, "keyring", NO_KEYS)
    return keyring


def identify(scope: Any) -> Caller | None:
    """Return the caller of an ASGI request; ``None`` when credentials came that we do not know."""
    keyring = keyring_of(scope)
    if not keyring:
        return ANONYMOUS
    if _CALLER_KEY not in scope:
        scope[_CALLER_KEY] = _identified(header_of(scope, b"authorization"), keyring)
    caller: Caller | None = scope[_CALLER_KEY]
    return caller


def authorise(scope: Any, roles: frozenset[Role]) -> Caller:
    """Return the caller if one of these roles is theirs; without keys everybody may do everything.

    That happens only on loopback, or where the operator allowed it (``doors``). Raises Problem 401 or 403.
    """
    if not keyring_of(scope):
        return ANONYMOUS
    caller = identify(scope)
    if caller is None:
        raise _unauthorised("The bearer token is not one of a key that is configured here.", 'error="invalid_token"')
    if caller.role is None:
        raise _unauthorised("This needs a bearer token.")
    if caller.role is not Role.ADMIN and caller.role not in roles:
        raise Problem(
            status=403,
            slug="forbidden",
            title="This key may not do that",
            detail=f"It takes a key with the role {_one_of(roles)}.",
        )
    return caller


def requires(*roles: Role) -> Callable[[HTTPConnection], Awaitable[Caller]]:
    """Return a dependency for FastAPI that lets only these roles, and admins, pass; it gives the caller."""
    wanted = frozenset(roles)

    async def caller(request: HTTPConnection) -> Caller:
        return authorise(request.scope, wanted)

    return caller


def _identified(header: str | None, keyring: Keyring) -> Caller | None:
    if header is None:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    return keyring.caller(token.strip()) if scheme.lower() == _BEARER else None


def _unauthorised(detail: str, challenge: str = "") -> Problem:
    # A 401 shall carry WWW-Authenticate (PS3.18 Table 8.5-1, RFC 6750 3).
    header = 'Bearer realm="mpps-manager"' + (f", {challenge}" if challenge else "")
    return Problem(
        status=401,
        slug="unauthorised",
        title="Credentials are needed",
        detail=detail,
        headers={"WWW-Authenticate": header},
    )


def _one_of(roles: Iterable[Role]) -> str:
    return " or ".join(sorted({*roles, Role.ADMIN}))
