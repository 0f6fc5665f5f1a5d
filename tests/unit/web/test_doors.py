"""Which doors may be opened."""

import pytest

from mpps_web.doors import Door, is_loopback, refusal_of, warning_of


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("[::1]", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),  # noqa: S104 - what must not count as loopback
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("128.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("localhost.example", False),
        ("127.1", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


LOOP, WIDE = "127.0.0.1", "192.0.2.10"


@pytest.mark.parametrize(
    ("door", "named"),
    [
        (Door(host=LOOP), ()),
        (Door(host=LOOP, tls=True, keys=True), ()),
        (Door(host=WIDE, tls=True, keys=True), ()),
        (Door(host=WIDE, behind_proxy=True, trusted_proxies=True, keys=True), ()),
        (Door(host=LOOP, behind_proxy=True, trusted_proxies=True, keys=True), ()),
        (Door(host=WIDE, allow_insecure=True), ()),
        (Door(host=WIDE), ("http.tls.cert", "http.tls.key", "http.behind_proxy", "security.keys")),
        (Door(host=WIDE, tls=True), ("security.keys",)),
        (Door(host=WIDE, keys=True), ("http.tls.cert", "http.behind_proxy")),
        (Door(host=WIDE, behind_proxy=True, keys=True), ("http.trusted_proxies",)),
        (Door(host=WIDE, behind_proxy=True, allow_insecure=True), ("http.trusted_proxies",)),
        (Door(host=LOOP, behind_proxy=True, trusted_proxies=True), ("security.keys",)),
    ],
)
def test_refusal_names_what_to_set(door: Door, named: tuple[str, ...]) -> None:
    refusal = refusal_of(door)
    assert (refusal is None) == (not named)
    assert all(name in (refusal or "") for name in named)


@pytest.mark.parametrize(
    ("door", "warns"),
    [
        (Door(host=WIDE, allow_insecure=True), True),
        (Door(host=WIDE, tls=True, allow_insecure=True), True),
        (Door(host=WIDE, tls=True, keys=True, allow_insecure=True), False),
        (Door(host=LOOP, allow_insecure=True), False),
        (Door(host=WIDE), False),
    ],
)
def test_door_that_is_open_only_by_insistence_is_warned_of(door: Door, warns: bool) -> None:
    assert (warning_of(door) is not None) is warns
