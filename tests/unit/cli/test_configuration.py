"""Reading the settings: who says what, who wins, and how mistakes are told."""

from pathlib import Path

import pytest

from mpps_cli.configuration import MASK, SettingsInvalid, leaves, load, plain
from mpps_cli.settings import Settings, address_of

DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def faults(text: str, tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "given.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    return tuple(fault.replace(f", from {file}", "") for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[forwarding]\nmax_dely = 3",
            "forwarding.max_dely: unknown setting (did you mean forwarding.max_delay?)",
        ),
        ("[forwardin]\nmax_delay = 3", "forwardin: unknown setting (did you mean forwarding?)"),
        ("max_delay = 3", "max_delay: unknown setting (did you mean forwarding.max_delay?)"),
        ("[http]\nqqqqqq = 3", "http.qqqqqq: unknown setting"),
        ("[dimse]\nlisten = 'x'", "dimse: unknown setting"),
        ("[forwarding]\nmax_delay = -3", "forwarding.max_delay: input should be greater than 0 (got -3)"),
        (
            "[forwarding]\nfirst_delay = 9\nmax_delay = 3",
            "forwarding: first_delay is more than max_delay",
        ),
        (
            "[forwarding]\nallow_networks = ['10.0.0.1/8']",
            "forwarding.allow_networks[0]: 10.0.0.1/8 has host bits set (got '10.0.0.1/8')",
        ),
        ("[http]\nlisten = 'here'", "http.listen: must be HOST:PORT, for example 127.0.0.1:8246 (got 'here')"),
        ("[http.tls]\ncert = 'x'", "http.tls: cert and key are given together or not at all"),
        ("[store]\nkind = 'mongo'", "store.kind: input should be 'sqlite' (got 'mongo')"),
        ("[bus]\nkind = 'kafka'", "bus.kind: input should be 'local' (got 'kafka')"),
        ("http = 3", "http: input should be a valid dictionary or instance of HttpSettings (got 3)"),
        (
            "[[subscriptions]]\nid = 'a'\nstart = 'then'\ntarget.url = 'http://x'",
            "subscriptions[0].start: input should be 'now' or 'open' (got 'then')",
        ),
        (
            "[[subscriptions]]\nid = 'a'\n[subscriptions.target]\nuri = 'http://x'\nurl = 'http://x'",
            "subscriptions[0].target.uri: unknown setting (did you mean subscriptions.target.url?)",
        ),
        ("[[subscriptions]]\nid = 'a'\ntarget = {}", "subscriptions[0].target.url: is missing"),
        ("[[sources]]\nid = 'a'", "sources[0]: needs keys or networks, else it matches nobody"),
        (
            "[[sources]]\nid = 'a'\nkeys = ['k']",
            "sources[0].keys: 'k' is not the name of one of security.keys",
        ),
        (
            "[[sources]]\nid = 'a'\nnetworks = ['::/0']\n[[sources]]\nid = 'a'\nnetworks = ['::/0']",
            "sources: id 'a' is given twice",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_full_name(text: str, fault: str, tmp_path: Path) -> None:
    assert faults(text, tmp_path) == (fault,)


def test_every_fault_is_said(tmp_path: Path) -> None:
    found = faults("nothing = 1\n[http]\nlisten = 'x'\n[data]\ndir = 'x'", tmp_path)
    assert {fault.partition(":")[0] for fault in found} == {"http.listen", "data.dir", "nothing"}


def test_a_secret_that_is_wrong_is_not_repeated(tmp_path: Path) -> None:
    text = "[[security.keys]]\nname = 'a'\nrole = 'admin'\nsha256 = 'my-token'"
    assert faults(text, tmp_path) == ("security.keys[0].sha256: must be 64 hexadecimal digits",)


@pytest.mark.parametrize(("content", "words"), [("http = [", "is not TOML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_used(content: str | None, words: str, tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsInvalid, match=words):
        load(file)


def test_options_go_before_environment_before_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_text("[forwarding]\nmax_delay = 10\npoll = 1\nfirst_delay = 0.5")
    monkeypatch.setenv("MPPS_FORWARDING__MAX_DELAY", "20")
    monkeypatch.setenv("MPPS_FORWARDING__POLL", "3")
    resolved = load(file, {"forwarding.poll": ("--poll", 4)})
    forwarding = resolved.settings.forwarding
    assert (forwarding.max_delay, forwarding.poll, forwarding.first_delay) == (20, 4, 0.5)
    assert dict(resolved.origins) == {
        "forwarding.max_delay": "MPPS_FORWARDING__MAX_DELAY",
        "forwarding.poll": "--poll",
        "forwarding.first_delay": str(file),
    }


def test_the_file_in_the_working_directory_is_read() -> None:
    assert load().origins == {}
    Path("mpps.toml").write_text("shutdown_grace = 3")
    resolved = load()
    assert resolved.settings.shutdown_grace == 3
    assert resolved.origins == {"shutdown_grace": "mpps.toml"}


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        (
            "MPPS_FORWARDING__MAX_DELY",
            "3",
            "forwarding.max_dely: unknown setting (did you mean forwarding.max_delay?), from MPPS_FORWARDING__MAX_DELY",
        ),
        ("MPPS_STOR__KIND", "x", "stor.kind: unknown setting (did you mean store.kind?), from MPPS_STOR__KIND"),
        (
            "MPPS_FORWARDING__POLL",
            "soon",
            (
                "forwarding.poll: input should be a valid number, unable to parse string as a number (got 'soon'), "
                "from MPPS_FORWARDING__POLL"
            ),
        ),
        ("MPPS_SECURITY__KEYS", "x", "security: a variable of it is not JSON; lists and tables are given as JSON"),
    ],
)
def test_what_is_wrong_in_the_environment(name: str, value: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as caught:
        load()
    assert caught.value.faults == (fault,)


def test_variables_of_commands_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPPS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("MPPS_TOKEN", "secret")
    assert load().origins == {}


def test_tables_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPPS_SECURITY__KEYS", f'[{{"name": "ct-1", "role": "modality", "sha256": "{DIGEST.upper()}"}}]')
    monkeypatch.setenv("MPPS_SOURCES", '[{"id": "ct-1", "keys": ["ct-1"], "networks": ["10.0.0.0/8"]}]')
    settings = load().settings
    assert settings.security.keys[0].sha256.get_secret_value() == DIGEST
    assert settings.sources[0].keys == {"ct-1"}


def test_secrets_are_masked(tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_text(
        f"[[security.keys]]\nname = 'a'\nrole = 'admin'\nsha256 = '{DIGEST}'\n"
        "[[subscriptions]]\nid = 'ris'\n[subscriptions.target]\nurl = 'http://x'\n"
        "auth = { kind = 'bearer', token = 'hidden-token' }\n"
        "[[subscriptions]]\nid = 'archive'\n[subscriptions.target]\nurl = 'http://y'\n"
        "auth = { kind = 'basic', username = 'u', password = 'hidden-password' }\n"
    )
    settings = load(file).settings
    shown = repr({name: plain(value) for name, value in leaves(settings)}) + repr(settings)
    assert DIGEST not in shown
    assert "hidden" not in shown
    assert shown.count(MASK) >= 3


def test_a_start_since_a_time(tmp_path: Path) -> None:
    file = tmp_path / "given.toml"
    file.write_text("[[subscriptions]]\nid = 'a'\ntarget.url = 'http://x'\nstart = { since = 2026-11-01T00:00:00Z }")
    start = load(file).settings.subscriptions[0].start
    assert plain(start) == {"since": "2026-11-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:8246", "127.0.0.1", 8246), ("[::1]:0", "::1", 0), ("localhost:65535", "localhost", 65535)],
)
def test_addresses(listen: str, host: str, port: int) -> None:
    address = address_of(listen)
    assert (address.host, address.port) == (host, port)
    assert str(address) == listen


@pytest.mark.parametrize("listen", ["", ":", "8246", "host:", ":80", "host:65536", "::1:80", "host:-1", "host:٣"])
def test_what_is_no_address(listen: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|brackets"):
        address_of(listen)


def test_defaults_are_those_of_the_interface() -> None:
    settings = Settings()
    assert settings.http.listen == "127.0.0.1:8246"
    assert settings.http.max_body == 64 * 1024 * 1024
    assert settings.data.directory == Path("mpps-data")
    assert (settings.store.kind, settings.bus.kind) == ("sqlite", "local")
    assert settings.shutdown_grace == 20
