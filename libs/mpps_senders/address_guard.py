"""The address guard: where an outgoing connection may go, decided on the address that is really being connected.

Whoever may edit subscriptions chooses where we connect to. So that this cannot be used to reach what only this
machine should reach (its own services, the credentials service of a cloud), every socket to a subscriber is made
by a ``GuardedSocketFactory``, after name resolution, which asks ``judge``.

The networks are listed here one by one. ``ipaddress.is_global`` and its like change with the Python version and
have been wrong about several of them.
"""

import enum
import errno
import ipaddress
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
AddrInfo: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""What ``socket.getaddrinfo`` gives: family, type, protocol, canonical name, socket address."""


class Reason(enum.StrEnum):
    """Why an address is not connected to."""

    NOT_AN_ADDRESS = "not-an-address"  #: not an IP address in its usual form, or no port from 1 to 65535
    UNSPECIFIED = "unspecified"  #: "this host"; systems connect it to themselves
    LINK_LOCAL = "link-local"  #: where cloud metadata and unconfigured devices live
    METADATA = "metadata"  #: a cloud's metadata or platform service outside the link-local networks
    MULTICAST = "multicast"
    BROADCAST = "broadcast"
    LOOPBACK = "loopback"  #: this machine, and nobody has allowed that
    RESERVED = "reserved"  #: documentation, benchmarks, protocol assignments, future use, tunnels
    DENIED = "denied"  #: named in ``deny_networks``


class Verdict(NamedTuple):
    """What the guard says: allowed when there is no reason against it."""

    reason: Reason | None = None

    @property
    def allowed(self) -> bool:
        """Whether the connection may be made."""
        return self.reason is None


ALLOWED: Final = Verdict()


def _networks(reason: Reason, *names: str) -> tuple[tuple[Network, Reason], ...]:
    return tuple((ipaddress.ip_network(name), reason) for name in names)


_NEVER: Final = (
    # Metadata stands first so that the reason names it where it lies inside a network below.
    *_networks(
        Reason.METADATA,
        "169.254.169.254/32",  # most clouds
        "169.254.170.2/32",  # container credentials
        "169.254.170.23/32",  # pod credentials
        "100.100.100.200/32",  # inside shared address space
        "168.63.129.16/32",  # a platform service on a public address
        "192.0.0.192/32",
        "fd00:ec2::/32",  # unique local, and so are the next four
        "fd20:ce::/32",
        "fd00:c1::a9fe:a9fe/128",
        "fd00:42::42/128",
        "fd00:a9fe:a9fe::/48",
    ),
    *_networks(Reason.LINK_LOCAL, "169.254.0.0/16", "fe80::/10"),
    *_networks(Reason.UNSPECIFIED, "0.0.0.0/8", "::/128"),
    *_networks(Reason.BROADCAST, "255.255.255.255/32"),
    *_networks(Reason.MULTICAST, "224.0.0.0/4", "ff00::/8"),
)
"""Never connected to, whatever the operator allows."""

_LOOPBACK: Final = tuple(ipaddress.ip_network(name) for name in ("127.0.0.0/8", "::1/128"))

_UNLESS_NAMED: Final = _networks(
    Reason.RESERVED,
    "192.0.0.0/24",  # IETF protocol assignments
    "192.0.2.0/24",  # documentation, and so are the next two
    "198.51.100.0/24",
    "203.0.113.0/24",
    "192.88.99.0/24",  # 6to4 relay anycast
    "198.18.0.0/15",  # benchmarks
    "240.0.0.0/4",  # future use
    "::/96",  # IPv4-compatible, deprecated
    "::ffff:0:0:0/96",  # IPv4-translated
    "64:ff9b:1::/48",  # NAT64 for local use
    "100::/64",  # discard only
    "100:0:0:1::/64",  # dummy prefix
    "2001::/23",  # IETF protocol assignments; Teredo, benchmarks and ORCHID among them
    "2001:db8::/32",  # documentation, and so is the next
    "3fff::/20",
    "2002::/16",  # 6to4
    "5f00::/16",  # segment routing
    "fec0::/10",  # site-local, deprecated
)
"""Not connected to unless the operator names it in ``allow_networks``.

Private networks (RFC 1918, unique local) and shared address space (100.64.0.0/10, which overlay networks and
container platforms use like private ones) are not here: subscribers of a hospital live there.
"""

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
_TEREDO: Final = ipaddress.IPv6Network("2001::/32")
_6TO4: Final = ipaddress.IPv6Network("2002::/16")
_LAST_32_BITS: Final = tuple(
    ipaddress.IPv6Network(name) for name in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
)
_ISATAP: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
_THIS_NETWORK: Final = ipaddress.IPv4Network("0.0.0.0/8")
_LAST_PORT: Final = 65535


def judge(
    address: str, port: int, *, allow: Sequence[Network], deny: Sequence[Network], loopback_allowed: bool
) -> Verdict:
    """Return whether a connection to an address and port may be made.

    ``address`` is an IP address as the system writes it, with or without a zone id; names and other spellings are
    refused. ``allow`` opens loopback and the reserved networks, ``deny`` closes anything and wins over ``allow``;
    neither opens link-local, metadata, multicast, broadcast and unspecified addresses. ``loopback_allowed`` says
    that loopback needs no naming, as when all our own doors are on loopback. IPv4 addresses inside IPv6 ones
    (mapped, compatible, translated, 6to4, NAT64, Teredo, ISATAP) are judged as well as what carries them.
    """
    if not 0 < port <= _LAST_PORT:
        return Verdict(Reason.NOT_AN_ADDRESS)
    outer = _parse(address)
    if outer is None:
        return Verdict(Reason.NOT_AN_ADDRESS)
    inner = tuple(_embedded(outer))
    addresses = (outer, *inner)
    reason = _first(_NEVER, addresses)
    if reason is None and any(_named(deny, each) for each in addresses):
        reason = Reason.DENIED
    if reason is None and _is_loopback(outer) and not (loopback_allowed or _named(allow, outer)):
        reason = Reason.LOOPBACK
    if reason is None and any(_is_loopback(each) for each in inner):
        # Loopback of some translator: nothing that a subscriber could be.
        reason = Reason.LOOPBACK
    if reason is None and not _is_loopback(outer):
        reason = _first(_UNLESS_NAMED, [each for each in addresses if not _named(allow, each)])
    return Verdict(reason) if reason else ALLOWED


class ForbiddenAddress(OSError):
    """The address guard refused a connection. ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        # The text is the same for every address: connecting to a name with several addresses then still ends in
        # this error when all of them are refused, and no address gets into a log by way of it.
        super().__init__(errno.EACCES, "this address may not be connected to")
        self.reason = reason


class GuardedSocketFactory:
    """Makes sockets only for addresses that may be connected to; a ``socket_factory`` of ``aiohttp.TCPConnector``."""

    def __init__(self, *, allow: Iterable[Network] = (), deny: Iterable[Network] = (), loopback_allowed: bool) -> None:
        self._allow = tuple(allow)
        self._deny = tuple(deny)
        self._loopback_allowed = loopback_allowed

    def judge(self, address: str, port: int) -> Verdict:
        """Return what the guard says of an address under this configuration."""
        return judge(address, port, allow=self._allow, deny=self._deny, loopback_allowed=self._loopback_allowed)

    def __call__(self, addr_info: AddrInfo) -> socket.socket:
        """Return a new socket for what is about to be connected. Raises ForbiddenAddress."""
        family, kind, protocol, _, address = addr_info
        verdict = self.judge(str(address[0]), int(address[1]))
        if verdict.reason is not None:
            raise ForbiddenAddress(verdict.reason)
        return socket.socket(family=family, type=kind, proto=protocol)


def _parse(address: str) -> Address | None:
    # A zone id says by which interface, not where to.
    text = address.partition("%")[0] if ":" in address else address
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed in _MAPPED:
        # The system connects this as IPv4, so it is an IPv4 address, not one that carries another.
        return _last_32_bits(parsed)
    return parsed


def _embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return
    packed = address.packed
    if any(address in network for network in _LAST_32_BITS) and address.packed[:15] != bytes(15):
        yield _last_32_bits(address)
    if address in _NAT64_LOCAL:
        # The operator of the translator chose how long the prefix is (RFC 6052 2.2).
        for octets in (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13]):
            candidate = ipaddress.IPv4Address(octets)
            if candidate not in _THIS_NETWORK:  # more likely the zeros of another length
                yield candidate
    if address in _TEREDO:
        yield ipaddress.IPv4Address(packed[4:8])
        yield ipaddress.IPv4Address(bytes(octet ^ 0xFF for octet in packed[12:16]))
    if address in _6TO4:
        yield ipaddress.IPv4Address(packed[2:6])
    if packed[8:12] in _ISATAP:
        yield _last_32_bits(address)


def _last_32_bits(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(address.packed[12:16])


def _is_loopback(address: Address) -> bool:
    return any(address in network for network in _LOOPBACK)


def _named(networks: Sequence[Network], address: Address) -> bool:
    if any(address in network for network in networks):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        return False
    # An operator may have written an IPv4 network in its mapped form; ::/0 is not meant by that.
    mapped = ipaddress.IPv6Address(bytes(10) + b"\xff\xff" + address.packed)
    return any(mapped in network for network in networks if network.network_address in _MAPPED)


def _first(table: Sequence[tuple[Network, Reason]], addresses: Sequence[Address]) -> Reason | None:
    return next((reason for network, reason in table for address in addresses if address in network), None)
