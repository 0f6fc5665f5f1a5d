"""Pages for people: the landing page, and the API's documentation. Everything on them comes from this package."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mpps_console.landing import landing
from mpps_console.parts import ConsoleParts
from mpps_web.keys import keyring_of
from mpps_web.requests import base_uri_of

_CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def pages_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes of the pages and of the files that they need. None of them needs a key."""
    router = APIRouter(include_in_schema=False)
    templates = Environment(
        loader=PackageLoader("mpps_console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    served = _static_files()

    async def home(request: Request) -> Response:
        shown = await landing(parts, base_uri_of(request.scope, ""), guarded=bool(keyring_of(request)))
        return _page(templates.get_template("landing.html").render(page=shown))

    async def docs(_: Request) -> Response:
        return _page(templates.get_template("docs.html").render(version=parts.manager.version))

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in served:
            raise HTTPException(404)
        return Response(
            served[name].read_bytes(),
            headers={**_HEADERS, "cache-control": "public, max-age=3600"},
            media_type=_TYPES[name.rpartition(".")[2]],
        )

    router.add_route("/", home, methods=["GET"])
    router.add_route("/api/docs", docs, methods=["GET"])
    router.add_route("/static/{name:path}", static, methods=["GET"])
    return router


def _page(text: str) -> Response:
    return Response(text, headers={**_HEADERS, "cache-control": "no-store"}, media_type="text/html; charset=utf-8")


@cache
def _static_files() -> dict[str, Traversable]:
    """Return what is served, by name: a fixed list, so that no path leads anywhere else."""
    found: dict[str, Traversable] = {}

    def gather(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                gather(entry, f"{prefix}{entry.name}/")
            elif entry.name.rpartition(".")[2] in _TYPES:
                found[prefix + entry.name] = entry

    gather(files("mpps_console") / "static", "")
    return found
