"""What a request says about itself beside its resource: id, peer, scheme and host. Read from the ASGI scope."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mpps_core.identifiers import random_id

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
ScopeView: TypeAlias = Mapping[str, Any]

REQUEST_ID_KEY: Final = "mpps.request_id"
HOST_KEY: Final = "mpps.host"

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PORTS: Final = {"http": 80, "https": 443}


def new_request_id() -> str:
    """Make a request id: 16 hexadecimal digits."""
    return random_id(64)


def sent_request_id(value: bytes) -> str | None:
    """Give the id that a client chose if it has the form that we pass on, else ``None``."""
    return value.decode("ascii") if _REQUEST_ID.fullmatch(value) else None


def request_id_of(scope: ScopeView) -> str:
    """Give the id of the request; empty outside of ``RequestMiddleware``."""
    return str(scope.get(REQUEST_ID_KEY, ""))


def client_of(scope: ScopeView) -> str | None:
    """Give the address of the client, behind trusted proxies that of the original one."""
    client = scope.get("client")
    return str(client[0]) if client else None


def header_of(scope: ScopeView, name: bytes) -> str | None:
    """Give a header; lines of the same name are joined with commas (RFC 9110 5.3). ``name`` is in lower case."""
    values = [value for key, value in scope["headers"] if key == name]
    return b",".join(values).decode("latin-1") if values else None


def joined_headers(scope: ScopeView) -> dict[bytes, bytes]:
    """Give all headers by their names in lower case; lines of the same name are joined with commas."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def headers_of(scope: ScopeView, name: bytes) -> list[str]:
    """Give the lines of a header, oldest first. ``name`` is in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def base_uri_of(scope: ScopeView, path: str) -> str:
    """Give the URI of a service of ours as the client reached it: scheme, host, and the path of the service.

    Only ASCII letters, digits and ``.:[]_-`` come from the client; a host of another form is replaced by ours.
    """
    scheme = str(scope.get("scheme", "http"))
    host = scope.get(HOST_KEY) or header_of(scope, b"host") or ""
    if not _HOST.fullmatch(host):
        address, port = scope.get("server") or ("localhost", None)
        host = f"[{address}]" if ":" in address else address
        host = host if port in (None, _PORTS.get(scheme)) else f"{host}:{port}"
    return f"{scheme}://{host}{path}"


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies in front of us whose ``X-Forwarded-*`` headers are believed: those in these networks."""

    networks: tuple[Network, ...] = ()

    def trusts(self, address: str | None) -> bool:
        """Tell whether the address is one of a trusted proxy."""
        parsed = parsed_address(address)
        return parsed is not None and any(parsed in network for network in self.networks)

    def origin(self, peer: str | None, forwarded_for: Sequence[str]) -> str | None:
        """Give the address of the original client: from the peer backwards, the first that is no trusted proxy.

        What stands left of it could have been written by anybody. An entry that is no address ends the search.
        """
        entries = [entry.strip() for line in forwarded_for for entry in line.split(",")]
        address = peer
        while self.trusts(address) and entries:
            before = parsed_address(entries.pop())
            if before is None:
                break
            address = str(before)
        return address


def parsed_address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address, with or without port and brackets; IPv4 inside IPv6 as IPv4."""
    if not text:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def valid_host(text: str) -> bool:
    """Tell whether a text is a host as ``Host`` has it: a name or address, and perhaps a port."""
    return _HOST.fullmatch(text) is not None
