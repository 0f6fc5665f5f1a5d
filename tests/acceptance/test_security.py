"""TLS and keys, on loopback."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpps_cli.client import Client
from mpps_cli.failure import Failure
from mpps_cli.modality import Modality, new_uid
from tests.acceptance.conftest import QUICK
from tests.acceptance.steps import bodies
from tests.support.manager import Manager, mpps
from tests.support.tls import self_signed

ROLES = ("modality", "subscriber", "operator", "admin")


def token_of(role: str) -> str:
    return f"token-of-{role}"


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Give a manager with a certificate and a key for each role."""
    certificate, key = self_signed()
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    settings = QUICK + f"[http.tls]\ncert = '{certificate}'\nkey = '{key}'\n"
    for role in ROLES:
        digest = hashlib.sha256(token_of(role).encode()).hexdigest()
        settings += f"[[security.keys]]\nname = '{role}-1'\nrole = '{role}'\nsha256 = '{digest}'\n"
    settings += "[[sources]]\nid = 'ct-room'\nkeys = ['modality-1']\n"
    with Manager(tmp_path / "data", settings=settings, token=token_of("admin")) as manager:
        yield manager


def test_who_may_report(guarded: Manager) -> None:
    assert guarded.url.startswith("https://")
    create = bodies()[0]
    for token, status in (
        (None, 401),
        ("wrong", 401),
        (token_of("subscriber"), 403),
        (token_of("modality"), 201),
        (token_of("admin"), 201),
    ):
        sent = Modality(guarded.base, token).send(new_uid(), create, update=False)
        assert sent.reply.status == status, token


def test_the_source_is_known_by_its_key(guarded: Manager) -> None:
    uid = new_uid()
    Modality(guarded.base, token_of("modality")).send(uid, bodies()[0], update=False)
    assert guarded.api("GET", f"/steps/{uid}")["operations"][0]["source"] == "ct-room"


def test_who_may_save_the_store(guarded: Manager, tmp_path: Path) -> None:
    for role in ("modality", "subscriber", "operator"):
        reply = Client(guarded.url, token_of(role)).request("POST", "/api/v1/backup")
        assert reply.status == 403, role
    assert Client(guarded.url).request("POST", "/api/v1/backup").status == 401
    result = mpps(
        "backup",
        str(tmp_path / "saved"),
        env={"MPPS_URL": guarded.url, "MPPS_TOKEN": token_of("admin")},
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o600


def test_the_command_says_what_is_missing(guarded: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    result = mpps("steps", "list", env={"MPPS_URL": guarded.url})
    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith("mpps: Credentials are needed (401)")
    assert "--token or MPPS_TOKEN" in result.stderr
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Failure, match="no safe connection") as raised:
        guarded.api("GET", "/overview")
    assert "SSL_CERT_FILE" in (raised.value.hint or "")


def test_health_needs_no_key(guarded: Manager) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert Client(guarded.url).request("GET", path).status == 200


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    env = {"MPPS_HTTP__TLS__CERT": str(wrong), "MPPS_HTTP__TLS__KEY": str(wrong)}
    result = mpps("up", "--data", str(tmp_path / "data"), "--http", "127.0.0.1:0", env=env)
    assert result.returncode == 1
    assert "cannot be used" in result.stderr.splitlines()[0]


def test_an_insecure_door_is_said_at_every_start_and_in_the_overview(tmp_path: Path) -> None:
    # Behind a proxy on this machine: others reach it, but nothing is bound off loopback.
    settings = "[http]\nbehind_proxy = true\ntrusted_proxies = ['127.0.0.1/32']\n[security]\nallow_insecure = true\n"
    with Manager(tmp_path / "data", settings=settings) as manager:
        (warning,) = manager.api("GET", "/overview")["warnings"]
        assert warning["code"] == "allow-insecure"
        manager.wait_line("door_is_insecure", stderr=True)
