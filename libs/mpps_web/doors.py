"""Which doors may be opened: off loopback only with TLS and keys, unless the operator insists."""

import ipaddress
from dataclasses import dataclass
from typing import Final

_LOCALHOST: Final = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door of ours, and what guards it. ``trusted_proxies`` says whether any network of proxies is named."""

    host: str
    tls: bool = False
    behind_proxy: bool = False
    trusted_proxies: bool = False
    keys: bool = False
    allow_insecure: bool = False

    @property
    def exposed(self) -> bool:
        """Whether others than programs on this machine reach it; a proxy on this machine brings them too."""
        return self.behind_proxy or not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Tell whether a host is 127.0.0.0/8, ::1 or ``localhost``; no other name is looked up, and none is trusted."""
    name = host.strip().lower().removeprefix("[").removesuffix("]")
    if name == _LOCALHOST:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def refusal_of(door: Door) -> str | None:
    """Return why the door may not be opened, and what to set; ``None`` when it may."""
    if door.behind_proxy and not door.trusted_proxies:
        return "http.behind_proxy needs the networks of the proxies: set http.trusted_proxies"
    lacking = _lacking(door)
    if not lacking or door.allow_insecure:
        return None
    return (
        f"{_reached(door)}, so it needs {' and '.join(lacking)}; "
        "or listen on 127.0.0.1, or set security.allow_insecure = true if you know that nobody else can reach it"
    )


def warning_of(door: Door) -> str | None:
    """Return what to say at every start about a door that is open only because the operator insists."""
    lacking = _lacking(door)
    if not lacking or not door.allow_insecure:
        return None
    return f"{_reached(door)} without {' and '.join(lacking)}, as security.allow_insecure has it"


def _lacking(door: Door) -> list[str]:
    if not door.exposed:
        return []
    lacking = []
    if not (door.tls or door.behind_proxy):
        lacking.append("TLS (http.tls.cert and http.tls.key, or http.behind_proxy and http.trusted_proxies)")
    if not door.keys:
        lacking.append("at least one key ([[security.keys]])")
    return lacking


def _reached(door: Door) -> str:
    return f"the door {door.host} can be reached from other machines"
