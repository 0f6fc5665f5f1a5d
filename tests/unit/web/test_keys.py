"""Keys, callers and roles."""

import hashlib

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from mpps_core.errors import ConfigurationError
from mpps_web.keys import ANONYMOUS, Caller, Key, Keyring, Role, authorise, caller_of, requires
from mpps_web.problems import Problem
from tests.support.aio import run

HASH = hashlib.sha256(b"secret").hexdigest()
KEYRING = Keyring([Key("ct-1", Role.MODALITY, HASH), Key("boss", Role.ADMIN, hashlib.sha256(b"top").hexdigest())])


def request(authorization: str | None, keyring: Keyring = KEYRING) -> Request:
    app = FastAPI()
    app.state.keyring = keyring
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return Request({"type": "http", "headers": headers, "app": app})


@pytest.mark.parametrize(
    ("authorization", "caller"),
    [
        (None, ANONYMOUS),
        ("Bearer secret", Caller("ct-1", Role.MODALITY)),
        ("bearer  secret ", Caller("ct-1", Role.MODALITY)),
        ("Bearer wrong", ANONYMOUS),
        ("Bearer \xe9", ANONYMOUS),
        ("Bearer", ANONYMOUS),
        ("Basic secret", ANONYMOUS),
        (f"Bearer {HASH}", ANONYMOUS),  # the hash is no secret
    ],
)
def test_caller(authorization: str | None, caller: Caller) -> None:
    assert caller_of(request(authorization)) == caller


def test_without_keys_everybody_may_everything() -> None:
    async def main() -> None:
        assert await requires()(request(None, Keyring())) == ANONYMOUS
        assert await requires(Role.ADMIN)(request("Bearer x", Keyring())) == ANONYMOUS

    run(main())


@pytest.mark.parametrize(
    ("authorization", "roles", "status"),
    [
        ("Bearer secret", [Role.MODALITY], None),
        ("Bearer secret", [Role.OPERATOR, Role.MODALITY], None),
        ("Bearer top", [Role.OPERATOR], None),
        ("Bearer top", [], None),
        ("Bearer secret", [Role.OPERATOR], 403),
        ("Bearer secret", [], 403),
        ("Bearer wrong", [Role.MODALITY], 401),
        (None, [Role.MODALITY], 401),
    ],
)
def test_roles(authorization: str | None, roles: list[Role], status: int | None) -> None:
    scope = request(authorization).scope
    if status is None:
        authorise(scope, frozenset(roles))
        return
    with pytest.raises(Problem) as caught:
        authorise(scope, frozenset(roles))
    assert caught.value.status == status
    assert (status == 401) == ("WWW-Authenticate" in caught.value.headers)
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize(
    "keys",
    [
        [Key("a", Role.ADMIN, "secret")],
        [Key("a", Role.ADMIN, "")],
        [Key("a", Role.ADMIN, HASH), Key("a", Role.MODALITY, HASH)],
    ],
)
def test_keys_that_cannot_be(keys: list[Key]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring(keys)
    assert "'a'" in caught.value.detail


def test_hash_may_be_written_in_upper_case() -> None:
    assert Keyring([Key("a", Role.ADMIN, HASH.upper())]).caller("secret") == Caller("a", Role.ADMIN)
