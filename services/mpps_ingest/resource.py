"""The one resource of PS3.18 chapter 15: Create, Update and Retrieve of a step.

Plain ASGI: of the time that an operation takes, the framework's share should be small.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from mpps_core.accepting.acceptor import Accepted, Submission
from mpps_core.source import source_of
from mpps_core.via import parse_via
from mpps_dicom import Fields, is_path_uid, parse_includefield
from mpps_ingest.body import BodyTooLarge, ClientGone, read_body, refuse_body
from mpps_ingest.negotiation import answer_type, check_content
from mpps_ingest.parts import IngestParts
from mpps_ingest.warning_headers import warning_headers
from mpps_web.keys import Caller, Role, authorise
from mpps_web.problems import Problem, refusing_finding
from mpps_web.requests import base_uri_of, client_of, joined_headers, request_id_of

DOOR: Final = "dicomweb"
"""How this door is called in metrics and logs."""

WRITERS: Final = frozenset({Role.MODALITY})
READERS: Final = frozenset({Role.MODALITY, Role.SUBSCRIBER, Role.OPERATOR})

_CREATED: Final = 201
_OK: Final = 200
_NO_CONTENT: Final = 204

# A success has no payload, and so no Content-Type (PS3.18 15.4.3.3, 8.4.2).
_EMPTY: Final = [(b"content-length", b"0")]
_MOST_PARAMETERS: Final = 1000

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
Accept = Callable[[Submission], Awaitable[Accepted]]


class StepResource:
    """``/modality-performed-procedure-steps/{uid}`` (PS3.18 Table 15.1.1-1) as an ASGI application.

    Errors are raised: Problem, Refused and the errors of the core, for the handlers of the application.
    """

    def __init__(self, parts: IngestParts) -> None:
        self._parts = parts
        self._methods: dict[str, Handler] = {"GET": self._retrieve, "HEAD": self._retrieve, "POST": self._write}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request for the step named by the path parameter ``uid``."""
        await _dispatch(self._methods, scope, receive, send)

    async def _write(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _asks_for_update(scope["query_string"]):
            await self.update(scope, receive, send)
        else:
            await self._submit(scope, receive, send, self._parts.acceptor.create, _CREATED)

    async def update(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Update a step (15.5), whatever the query says."""
        await self._submit(scope, receive, send, self._parts.acceptor.update, _OK)

    async def _submit(self, scope: Scope, receive: Receive, send: Send, accept: Accept, status: int) -> None:
        caller = authorise(scope, WRITERS)
        uid = _uid_of(scope)
        headers = joined_headers(scope)
        policy = self._parts.policy
        answer_type(_text(headers, b"accept"), require_accept=policy.require_accept)
        check_content(_text(headers, b"content-type"), _text(headers, b"content-encoding"))
        try:
            body = await read_body(receive, headers, limit=policy.max_body, patience=policy.body_patience)
        except ClientGone:
            return
        except BodyTooLarge as problem:
            await refuse_body(scope, receive, send, problem)
            return
        accepted = await accept(self._submission(scope, headers, caller, uid, body))
        answer = _EMPTY
        if accepted.findings:
            answer = [*_EMPTY, *warning_headers(accepted.findings, base_uri_of(scope, self._parts.base_path))]
        await send({"type": "http.response.start", "status": status, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    def _submission(
        self, scope: Scope, headers: dict[bytes, bytes], caller: Caller, uid: str, body: bytes
    ) -> Submission:
        client = client_of(scope)
        via = headers.get(b"via")
        return Submission(
            uid=uid,
            body=body,
            door=DOOR,
            source=source_of(self._parts.sources, key=caller.name, client=client),
            client=client,
            request_id=request_id_of(scope),
            via=() if via is None else parse_via((via.decode("latin-1"),)),
        )

    async def _retrieve(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        authorise(scope, READERS)
        uid = _uid_of(scope)
        accept = _text(joined_headers(scope), b"accept")
        media_type = answer_type(accept, require_accept=self._parts.policy.require_accept)
        fields = _wanted(scope["query_string"])
        stored = await self._parts.retriever.data_set(uid, fields)
        body = b"[%b]" % stored.data
        headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": _OK, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class UpdateAlias:
    """``…/{uid}/update``: how examples B.38 and B.39 of the Standard write Update."""

    def __init__(self, resource: StepResource) -> None:
        self._methods: dict[str, Handler] = {"POST": resource.update}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request for the alias."""
        await _dispatch(self._methods, scope, receive, send)


async def _dispatch(methods: dict[str, Handler], scope: Scope, receive: Receive, send: Send) -> None:
    handler = methods.get(scope["method"])
    if handler is not None:
        await handler(scope, receive, send)
        return
    allow = ", ".join((*methods, "OPTIONS"))
    if scope["method"] != "OPTIONS":
        raise Problem(
            status=405,
            slug="method-not-allowed",
            title="Method Not Allowed",
            detail=f"The resource has the methods {allow}.",
            headers={"Allow": allow},
        )
    await send({"type": "http.response.start", "status": _NO_CONTENT, "headers": [(b"allow", allow.encode())]})
    await send({"type": "http.response.body", "body": b""})


def _uid_of(scope: Scope) -> str:
    uid: str = scope["path_params"]["uid"]
    if not is_path_uid(uid):
        finding = refusing_finding("path-uid", "The UID in the URL is not made of 1 to 64 digits and dots.")
        raise Problem(
            status=400,
            slug="refused",
            title="A rule of the Standard refuses the request",
            detail=finding.detail,
            findings=(finding,),
        )
    return uid


def _asks_for_update(query: bytes) -> bool:
    """Tell whether the parameter ``update`` is there, with or without a value, alone or beside others (15.5.1.2)."""
    if not query:
        return False
    return query == b"update" or any(name == "update" for name, _ in _parameters(query))


def _wanted(query: bytes) -> Fields:
    """Read ``includefield`` (15.6.1.2); parameters that nobody knows are ignored (8.3)."""
    if not query:
        return None
    return parse_includefield([value for name, value in _parameters(query) if name == "includefield"])


def _parameters(query: bytes) -> Sequence[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Problem(
            status=400,
            slug="too-many-parameters",
            title="The query has too many parameters",
            detail=f"A query may have {_MOST_PARAMETERS} parameters.",
        ) from None


def _text(headers: dict[bytes, bytes], name: bytes) -> Any:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
