"""What the HTTP client tells, in the words of the core: failures, ``Retry-After``, media types."""

import datetime as dt
import errno
import re
import ssl
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from mpps_core.forwarding.answers import Failure
from mpps_senders.address_guard import ForbiddenAddress

CLIENT_ERRORS: Final = (aiohttp.ClientError, OSError, RuntimeError, ValueError, AssertionError)
"""What a request may raise because of the network or the peer.

The last three come from below the client: event loops raise RuntimeError and transports lose an assertion when a
connection goes away in the wrong moment, and names that no resolver takes are a ValueError.
"""

_MAX_SECONDS: Final = 366 * 86400.0
_DIGITS: Final = re.compile(r"[0-9]{1,12}")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")

_LOST: Final = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ESHUTDOWN})

_BY_TYPE: Final[tuple[tuple[type[Exception], Failure], ...]] = (
    # The first that fits counts, so what is more special stands before what is more general.
    (ForbiddenAddress, Failure.FORBIDDEN_ADDRESS),
    (aiohttp.ClientConnectorDNSError, Failure.NAME),
    (aiohttp.ClientSSLError, Failure.TLS),
    (aiohttp.ServerFingerprintMismatch, Failure.TLS),
    (ssl.SSLError, Failure.TLS),
    (TimeoutError, Failure.TIMEOUT),
    (aiohttp.ClientConnectorError, Failure.REFUSED),
    (aiohttp.ClientConnectionError, Failure.RESET),
    (aiohttp.ClientPayloadError, Failure.RESET),
    (aiohttp.UploadAbortedError, Failure.RESET),
    (aiohttp.ClientResponseError, Failure.BAD_ANSWER),
    (aiohttp.RedirectClientError, Failure.BAD_ANSWER),
    (aiohttp.WSMessageTypeError, Failure.BAD_ANSWER),
    (aiohttp.InvalidURL, Failure.NAME),
    (aiohttp.NonHttpUrlClientError, Failure.NAME),
    (UnicodeError, Failure.NAME),
)


def failure_of(error: BaseException) -> Failure:
    """Return what an exception of the HTTP client means. Total: what nobody has thought of is a lost connection."""
    for below in _chain(error):
        # The client wraps what the system said; these say more than their wrapping.
        if isinstance(below, ForbiddenAddress):
            return Failure.FORBIDDEN_ADDRESS
        if isinstance(below, ssl.SSLError):
            return Failure.TLS
    failure = next((failure for kind, failure in _BY_TYPE if isinstance(error, kind)), Failure.RESET)
    number = error.errno if isinstance(error, OSError) else None
    if failure is Failure.REFUSED and number in _LOST:
        return Failure.RESET  # accepted, and dropped before a word was said
    if failure in (Failure.REFUSED, Failure.RESET) and number == errno.ETIMEDOUT:
        return Failure.TIMEOUT
    return failure


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110 10.2.3), ``None`` if it says nothing.

    ``now`` is the time of day in seconds since 1970 UTC. A date that has passed means 0.
    """
    if value is None:
        return None
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return min(float(text), _MAX_SECONDS)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=dt.UTC)
        seconds = date.timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_SECONDS)


def media_type(value: str | None) -> str | None:
    """Return the media type of a ``Content-Type`` header without parameters, ``None`` if it is not one."""
    if value is None:
        return None
    kind = value.partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else None


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        inner = getattr(following, "os_error", None)
        following = inner if isinstance(inner, BaseException) else following.__cause__
    return chain
