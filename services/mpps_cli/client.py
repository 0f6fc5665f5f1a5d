"""Talking to a manager over HTTP, with nothing but the standard library: small, and quick to start."""

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from mpps_cli.failure import WRONG_USAGE, Failure

API: Final = "/api/v1"

_UNAUTHORISED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of a manager."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  #: names in lower case
    warnings: tuple[str, ...] = ()  #: texts of Warning 299
    body: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    def json(self) -> Any:
        """Return the body as JSON, None if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def problem(self) -> dict[str, Any]:
        """Return the problem details (RFC 9457) of an error, made up from the status where there are none."""
        value = self.json()
        if isinstance(value, dict) and "title" in value:
            return value
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "no known status"
        return {"title": phrase, "status": self.status, "detail": ""}


class Client:
    """A manager at a base address. Each request has a connection of its own."""

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise Failure(
                f"{url} is not an address of a manager", hint="for example http://127.0.0.1:8246", code=WRONG_USAGE
            )
        self.url = url.rstrip("/")
        self._https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._token = token
        self._timeout = timeout

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Make a request and return the whole answer, whatever its status. Raises Failure when there is none."""
        with self._answered(method, path, body, headers) as response:
            try:
                return _reply(response, response.read())
            except (OSError, http.client.HTTPException) as error:
                raise self._no_answer(error) from None

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call the management API and return the JSON of its answer. Raises Failure for any error."""
        wanted = {name: str(value) for name, value in query.items() if value is not None}
        path = f"{API}{path}{'?' + urlencode(wanted) if wanted else ''}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if data else {})}
        reply = self.request(method, path, data, headers)
        if not reply.ok:
            raise self.failure(reply)
        return reply.json()

    def pages(self, path: str, *, limit: int, **query: Any) -> list[Any]:
        """Return the first ``limit`` items of a list of the management API."""
        items: list[Any] = []
        cursor = None
        while len(items) < limit:
            page = self.api("GET", path, limit=min(limit - len(items), 500), cursor=cursor, **query)
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        return items

    @contextmanager
    def stream(self, method: str, path: str) -> Iterator[Iterator[bytes]]:
        """Make a request whose answer is long: gives its body piece by piece.

        Raises Failure for any error, also when the body ends before its declared length.
        """
        with self._answered(method, path, None, None) as response:
            reply = _reply(response, b"")
            if not reply.ok:
                raise self.failure(_reply(response, response.read()))
            yield self._pieces(response)

    def failure(self, reply: Reply) -> Failure:
        """Return what a command ends with after an error answer."""
        problem = reply.problem()
        detail = f": {problem['detail']}" if problem.get("detail") else ""
        lines = [f"{problem['title']} ({reply.status}){detail}", *findings_of(problem)]
        hint = None
        if reply.status in _UNAUTHORISED:
            hint = "give the token of a key that may do this with --token or MPPS_TOKEN"
        elif problem.get("request_id"):
            hint = f"the manager's log tells more under request id {problem['request_id']}"
        return Failure(*lines, hint=hint)

    @contextmanager
    def _answered(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        sent = {"Accept": "*/*", **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            try:
                connection.request(method, self._path + quote(path, safe="/?&=%+,.:-_~"), body, sent)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._no_answer(error) from None
            yield response
        finally:
            connection.close()

    def _no_answer(self, error: Exception) -> Failure:
        if isinstance(error, ssl.SSLError):
            reason = getattr(error, "verify_message", None) or error.reason or "handshake failed"
            return Failure(
                f"no safe connection to {self.url}: {reason}",
                hint="SSL_CERT_FILE names a file with the authority of its certificate",
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(
            f"no manager answers at {self.url}: {reason}",
            hint="start one with `mpps up`, or name another with --url or MPPS_URL",
        )

    def _connection(self) -> http.client.HTTPConnection:
        if self._https:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        length = response.length
        received = 0
        while True:
            try:
                piece = response.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise Failure(f"the connection to {self.url} was lost: {error}") from None
            received += len(piece)
            if not piece:
                break
            yield piece
        if length is not None and received != length:
            raise Failure(f"the answer of {self.url} was cut off: {received} of {length} bytes came")


def findings_of(problem: Mapping[str, Any]) -> list[str]:
    """Return a line for each finding of a problem: where, which rule, what."""
    lines = [
        f"  {finding.get('path') or 'data set'}: {finding.get('detail', '')}"
        f" [{finding.get('rule')}, {finding.get('section')}]"
        for finding in problem.get("findings", ())
    ]
    lines += [f"  {fault.get('path')}: {fault.get('detail')}" for fault in problem.get("errors", ())]
    return lines


def _reply(response: http.client.HTTPResponse, body: bytes) -> Reply:
    return Reply(
        status=response.status,
        headers={name.lower(): value for name, value in response.getheaders()},
        warnings=tuple(_warning(value) for value in response.headers.get_all("Warning", ())),
        body=body,
    )


def _warning(value: str) -> str:
    """Return the text of ``299 <base URI>: <text>`` (PS3.18 8.5)."""
    code, _, rest = value.partition(" ")
    where, _, text = rest.partition(": ")
    return text if code == "299" and where else value
