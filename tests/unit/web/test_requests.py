"""Addresses, hosts and ids of requests."""

import ipaddress

import pytest

from mpps_web.requests import Proxies, base_uri_of, header_of, joined_headers, sent_request_id, valid_host

PROXIES = Proxies((ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "lines", "origin"),
    [
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711, fd00::5"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (None, ["198.51.100.1"], None),
    ],
)
def test_origin_is_the_first_that_is_no_trusted_proxy(peer: str | None, lines: list[str], origin: str | None) -> None:
    assert PROXIES.origin(peer, lines) == origin


@pytest.mark.parametrize("host", ["a", "a.b-c", "127.0.0.1:80", "[::1]", "[::1]:8246", "A_b.example:65535"])
def test_hosts(host: str) -> None:
    assert valid_host(host)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@a", "a:b", "[x]", "a\r\nb", "ä", "a" * 300])
def test_what_is_no_host(host: str) -> None:
    assert not valid_host(host)


@pytest.mark.parametrize(
    ("server", "scheme", "uri"),
    [
        (("127.0.0.1", 80), "http", "http://127.0.0.1/x"),
        (("127.0.0.1", 443), "http", "http://127.0.0.1:443/x"),
        (("::1", 8246), "https", "https://[::1]:8246/x"),
        (None, "http", "http://localhost/x"),
    ],
)
def test_base_uri_without_a_host_is_our_own_address(server: tuple[str, int] | None, scheme: str, uri: str) -> None:
    assert base_uri_of({"scheme": scheme, "headers": [], "server": server}, "/x") == uri


def test_lines_of_one_header_are_joined() -> None:
    scope = {"headers": [(b"accept", b"a/b"), (b"host", b"h"), (b"accept", b"c/d")]}
    assert header_of(scope, b"accept") == "a/b,c/d"
    assert header_of(scope, b"via") is None
    assert joined_headers(scope) == {b"accept": b"a/b,c/d", b"host": b"h"}


@pytest.mark.parametrize("sent", [b"", b"a b", b"a" * 65, b"\xe9", b"a\n"])
def test_ids_of_another_form_are_not_taken(sent: bytes) -> None:
    assert sent_request_id(sent) is None
