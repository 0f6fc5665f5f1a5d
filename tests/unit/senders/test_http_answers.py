"""From what the HTTP client raises and receives to the words of the core."""

import errno
import inspect
import socket
import ssl
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import aiohttp
import pytest
from aiohttp import client_exceptions
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.forwarding.answers import Failure
from mpps_senders.address_guard import ForbiddenAddress, Reason
from mpps_senders.http_answers import CLIENT_ERRORS, failure_of, media_type, retry_after

KEY = ConnectionKey("ris.example", 443, True, True, None, None, None)  # noqa: FBT003
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
INFO: Any = MagicMock(spec=aiohttp.RequestInfo)

EXPECTED: dict[str, tuple[Callable[[type[Any]], BaseException], Failure]] = {
    "ClientConnectionError": (lambda kind: kind("lost"), Failure.RESET),
    "ClientConnectionResetError": (lambda kind: kind("lost"), Failure.RESET),
    "ClientConnectorCertificateError": (lambda kind: kind(KEY, ssl.CertificateError("no")), Failure.TLS),
    "ClientConnectorDNSError": (lambda kind: kind(KEY, socket.gaierror(-2, "unknown")), Failure.NAME),
    "ClientConnectorError": (lambda kind: kind(KEY, REFUSED), Failure.REFUSED),
    "ClientConnectorSSLError": (lambda kind: kind(KEY, ssl.SSLError(1, "no")), Failure.TLS),
    "ClientError": (lambda kind: kind("?"), Failure.RESET),
    "ClientHttpProxyError": (lambda kind: kind(INFO, ()), Failure.BAD_ANSWER),
    "ClientOSError": (lambda kind: kind(errno.EPIPE, "broken"), Failure.RESET),
    "ClientPayloadError": (lambda kind: kind("short"), Failure.RESET),
    "ClientProxyConnectionError": (lambda kind: kind(KEY, REFUSED), Failure.REFUSED),
    "ClientResponseError": (lambda kind: kind(INFO, (), status=400), Failure.BAD_ANSWER),
    "ClientSSLError": (lambda kind: kind(KEY, ssl.SSLError(1, "no")), Failure.TLS),
    "ConnectionTimeoutError": (lambda kind: kind("late"), Failure.TIMEOUT),
    "ContentTypeError": (lambda kind: kind(INFO, ()), Failure.BAD_ANSWER),
    "InvalidURL": (lambda kind: kind("http://"), Failure.NAME),
    "InvalidUrlClientError": (lambda kind: kind("http://"), Failure.NAME),
    "InvalidUrlRedirectClientError": (lambda kind: kind("http://"), Failure.BAD_ANSWER),
    "NonHttpUrlClientError": (lambda kind: kind("gopher://x"), Failure.NAME),
    "NonHttpUrlRedirectClientError": (lambda kind: kind("gopher://x"), Failure.BAD_ANSWER),
    "RedirectClientError": (lambda kind: kind("?"), Failure.BAD_ANSWER),
    "ServerConnectionError": (lambda kind: kind("lost"), Failure.RESET),
    "ServerDisconnectedError": (lambda kind: kind(), Failure.RESET),
    "ServerFingerprintMismatch": (lambda kind: kind(b"a", b"b", "ris.example", 443), Failure.TLS),
    "ServerTimeoutError": (lambda kind: kind("late"), Failure.TIMEOUT),
    "SocketTimeoutError": (lambda kind: kind("late"), Failure.TIMEOUT),
    "TooManyRedirects": (lambda kind: kind(INFO, ()), Failure.BAD_ANSWER),
    "UnixClientConnectorError": (lambda kind: kind("/run/x", KEY, REFUSED), Failure.REFUSED),
    "UploadAbortedError": (lambda kind: kind("cut"), Failure.RESET),
    "WSMessageTypeError": (lambda kind: kind("?"), Failure.BAD_ANSWER),
    "WSServerHandshakeError": (lambda kind: kind(INFO, ()), Failure.BAD_ANSWER),
}


def test_every_exception_of_the_client_has_a_place_here() -> None:
    of_the_client = {
        name
        for name, each in inspect.getmembers(client_exceptions, inspect.isclass)
        if issubclass(each, Exception) and each.__module__ == client_exceptions.__name__
    }
    assert of_the_client == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_exceptions_of_the_client_are_failures(name: str) -> None:
    make, failure = EXPECTED[name]
    error = make(getattr(client_exceptions, name))
    assert failure_of(error) is failure
    if name != "WSMessageTypeError":  # nobody speaks WebSocket here
        assert isinstance(error, CLIENT_ERRORS)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), Failure.TIMEOUT),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), Failure.TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Failure.RESET),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.RESET),
        (BrokenPipeError(errno.EPIPE, "broken"), Failure.RESET),
        (RuntimeError("the handler is closed"), Failure.RESET),
        (AssertionError(), Failure.RESET),
        (UnicodeError("label too long"), Failure.NAME),
        (ValueError("?"), Failure.RESET),
        (ssl.SSLError(1, "alert"), Failure.TLS),
        (ssl.SSLCertVerificationError(1, "self-signed"), Failure.TLS),
        (ForbiddenAddress(Reason.LOOPBACK), Failure.FORBIDDEN_ADDRESS),
        (KeyError("?"), Failure.RESET),
    ],
)
def test_exceptions_from_below_the_client_are_failures(error: Exception, failure: Failure) -> None:
    assert failure_of(error) is failure


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (errno.ECONNREFUSED, Failure.REFUSED),
        (errno.EHOSTUNREACH, Failure.REFUSED),
        (errno.ENETUNREACH, Failure.REFUSED),
        (errno.EMFILE, Failure.REFUSED),
        (errno.ETIMEDOUT, Failure.TIMEOUT),
        (errno.ECONNRESET, Failure.RESET),
        (errno.ECONNABORTED, Failure.RESET),
        (errno.EPIPE, Failure.RESET),
        (None, Failure.REFUSED),
    ],
)
def test_a_connection_that_cannot_be_made_says_why_by_its_number(number: int | None, failure: Failure) -> None:
    below = OSError("several") if number is None else OSError(number, "why")
    assert failure_of(aiohttp.ClientConnectorError(KEY, below)) is failure


def test_what_lies_below_counts_more_than_its_wrapping() -> None:
    assert failure_of(aiohttp.ClientConnectorError(KEY, ForbiddenAddress(Reason.DENIED))) is Failure.FORBIDDEN_ADDRESS
    # A server that wants a client certificate says so only after the handshake, as TLS 1.3 has it.
    lost = aiohttp.ClientOSError(1, "alert certificate required")
    lost.__cause__ = ssl.SSLError(1, "alert certificate required")
    assert failure_of(lost) is Failure.TLS


def test_a_circle_of_causes_ends() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one
    assert failure_of(one) is Failure.RESET


NOW = 1_795_262_400.0  # Sat, 21 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("999999999999", 366 * 86400.0),
        ("9999999999999", None),
        ("1e3", None),
        ("1.5", None),
        ("-1", None),
        ("+1", None),
        ("٣", None),
        ("soon", None),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90.0),
        ("Sat Nov 21 12:01:30 2026", 90.0),
        ("Sat, 21 Nov 2026 11:59:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 366 * 86400.0),
        ("Sat, 32 Nov 2026 12:01:30 GMT", None),
        ("Sat, 21 Nov 2026", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text(), st.floats(0, 4e9))
def test_retry_after_takes_any_text(value: str, now: float) -> None:
    seconds = retry_after(value, now)
    assert seconds is None or 0 <= seconds <= 366 * 86400


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("text/html", "text/html"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("application/dicom+json", "application/dicom+json"),
        ("text", None),
        ("text/", None),
        ("text/html text/plain", None),
        ("DOE^JANE/x", "doe^jane/x"),
        ("x/" + "y" * 65, None),
        ("text/ht\nml", None),
    ],
)
def test_a_media_type_is_told_without_parameters(value: str | None, expected: str | None) -> None:
    assert media_type(value) == expected


@given(st.text())
def test_a_media_type_is_short_and_plain_or_absent(value: str) -> None:
    told = media_type(value)
    assert told is None or (told.isascii() and told.isprintable() and len(told) <= 129)
