"""The address guard as a pure function. Nothing here opens a connection."""

import errno
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_senders.address_guard import ALLOWED, ForbiddenAddress, GuardedSocketFactory, Reason, Verdict, judge

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYTHING: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

REACHED = [
    # private networks, where subscribers of a hospital are
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "192.168.255.255",
    "fc00::1",
    "fd12:3456:789a::1",
    "fd00::1",
    "fd00:ec3::254",
    "fd00:42::43",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    # shared address space
    "100.64.0.1",
    "100.100.100.199",
    "100.127.255.254",
    # public
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.1",
    "192.0.1.1",
    "192.0.3.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2003::1",
    "2400:cb00::1",
    "2606:4700::1111",
    "2a00:1450:4001:830::200e",
    # a private or public IPv4 address behind NAT64, as in a network without IPv4
    "64:ff9b::10.0.0.1",
    "64:ff9b::808:808",
    # IPv4-mapped: connected as IPv4
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    # a zone id does not matter
    "fd00::1%eth0",
]

NEVER = [
    # link-local
    ("169.254.0.1", Reason.LINK_LOCAL),
    ("169.254.255.255", Reason.LINK_LOCAL),
    ("fe80::1", Reason.LINK_LOCAL),
    ("fe80::1%eth0", Reason.LINK_LOCAL),
    ("fe80::1%2", Reason.LINK_LOCAL),
    ("febf:ffff::1", Reason.LINK_LOCAL),
    ("fe80::a9fe:a9fe", Reason.LINK_LOCAL),
    # metadata
    ("169.254.169.254", Reason.METADATA),
    ("169.254.170.2", Reason.METADATA),
    ("169.254.170.23", Reason.METADATA),
    ("100.100.100.200", Reason.METADATA),
    ("168.63.129.16", Reason.METADATA),
    ("192.0.0.192", Reason.METADATA),
    ("fd00:ec2::254", Reason.METADATA),
    ("fd00:ec2::23", Reason.METADATA),
    ("fd00:0ec2:0000::0254", Reason.METADATA),
    ("fd00:ec2::254%eth0", Reason.METADATA),
    ("fd20:ce::254", Reason.METADATA),
    ("fd00:c1::a9fe:a9fe", Reason.METADATA),
    ("fd00:42::42", Reason.METADATA),
    ("fd00:a9fe:a9fe::1", Reason.METADATA),
    # unspecified
    ("0.0.0.0", Reason.UNSPECIFIED),  # noqa: S104
    ("0.0.0.1", Reason.UNSPECIFIED),
    ("0.255.255.255", Reason.UNSPECIFIED),
    ("::", Reason.UNSPECIFIED),
    ("::%lo", Reason.UNSPECIFIED),
    # multicast and broadcast
    ("224.0.0.1", Reason.MULTICAST),
    ("239.255.255.255", Reason.MULTICAST),
    ("ff02::1", Reason.MULTICAST),
    ("ff0e::1", Reason.MULTICAST),
    ("255.255.255.255", Reason.BROADCAST),
    # all of that inside other addresses
    ("::ffff:169.254.169.254", Reason.METADATA),
    ("::ffff:a9fe:a9fe", Reason.METADATA),
    ("0:0:0:0:0:ffff:a9fe:a9fe", Reason.METADATA),
    ("::ffff:169.254.1.1", Reason.LINK_LOCAL),
    ("::ffff:0.0.0.0", Reason.UNSPECIFIED),
    ("::ffff:255.255.255.255", Reason.BROADCAST),
    ("::169.254.169.254", Reason.METADATA),
    ("::ffff:0:169.254.169.254", Reason.METADATA),
    ("2002:a9fe:a9fe::1", Reason.METADATA),
    ("2002:a9fe:1::", Reason.LINK_LOCAL),
    ("2002::1", Reason.UNSPECIFIED),
    ("64:ff9b::169.254.169.254", Reason.METADATA),
    ("64:ff9b::a9fe:a9fe", Reason.METADATA),
    ("64:ff9b::100.100.100.200", Reason.METADATA),
    ("64:ff9b::0.0.0.0", Reason.UNSPECIFIED),
    ("64:ff9b:1::169.254.169.254", Reason.METADATA),
    ("64:ff9b:1:a9fe:a9:fe00::", Reason.METADATA),  # prefix of 48 bits
    ("64:ff9b:1:a9:fe:a9fe::", Reason.METADATA),  # 56 bits
    ("64:ff9b:1::a9:fea9:fe00:0", Reason.METADATA),  # 64 bits
    ("2001:0:a9fe:a9fe:8000:ffff:f5ff:fffe", Reason.METADATA),  # Teredo server
    ("2001::8000:ffff:f5ff:fffe", Reason.UNSPECIFIED),  # Teredo without a server
    ("2001:0:102:304:8000:ffff:5601:5601", Reason.METADATA),  # Teredo client, inverted
    ("2a00:1450::5efe:169.254.169.254", Reason.METADATA),  # ISATAP
    ("fd00::200:5efe:169.254.169.254", Reason.METADATA),
]

UNLESS_NAMED = [
    "192.0.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.255",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "240.0.0.1",
    "255.255.255.254",
    "100::1",
    "100:0:0:1::1",
    "2001:2::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2001:0:102:304:8000:ffff:f5ff:fffe",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b::192.0.2.1",
    "::ffff:192.0.2.1",
    "::ffff:0:10.0.0.1",
    "::10.0.0.1",
    "5f00::1",
    "fec0::1",
]

LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.255", "::1", "::1%lo", "::ffff:127.0.0.1", "::ffff:7f00:1"]

LOOPBACK_ELSEWHERE = ["64:ff9b::127.0.0.1", "2002:7f00:1::1", "::127.0.0.1", "64:ff9b:1::7f00:1", "fd00::5efe:7f00:1"]

NO_ADDRESSES = [
    "",
    "localhost",
    "ris.example",
    "127.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "2130706433",
    "0177.0.0.1",
    "010.0.0.1",
    "10.0.0.1.",
    " 10.0.0.1",
    "10.0.0.1 ",
    "10.0.0.1%eth0",
    "10.0.0.1/32",
    "10.0.0.256",
    "[::1]",
    "[fd00::1]:80",
    "fd00::1::2",
    "%",
    "::1\x00",
    "１０.0.0.1",  # noqa: RUF001
]


def verdict(
    address: str, *, allow: tuple[str, ...] = (), deny: tuple[str, ...] = (), loopback_allowed: bool = False
) -> Verdict:
    return judge(
        address,
        443,
        allow=[ipaddress.ip_network(each) for each in allow],
        deny=[ipaddress.ip_network(each) for each in deny],
        loopback_allowed=loopback_allowed,
    )


@pytest.mark.parametrize("address", REACHED)
def test_private_and_public_addresses_are_reached(address: str) -> None:
    assert verdict(address) == ALLOWED
    assert verdict(address).allowed


@pytest.mark.parametrize(("address", "reason"), NEVER)
def test_some_addresses_are_never_reached_whatever_is_allowed(address: str, reason: Reason) -> None:
    assert verdict(address).reason is reason
    assert judge(address, 443, allow=EVERYTHING, deny=(), loopback_allowed=True).reason is reason
    named = f"{address.partition('%')[0]}/{128 if ':' in address else 32}"
    assert verdict(address, allow=(named,)).reason is reason


@pytest.mark.parametrize("address", UNLESS_NAMED)
def test_reserved_addresses_are_reached_only_when_named(address: str) -> None:
    assert verdict(address).reason is Reason.RESERVED
    assert verdict(address, loopback_allowed=True).reason is Reason.RESERVED
    assert judge(address, 443, allow=EVERYTHING, deny=(), loopback_allowed=False).allowed


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_reached_only_when_named_or_when_we_are_only_there_ourselves(address: str) -> None:
    assert verdict(address).reason is Reason.LOOPBACK
    assert verdict(address, allow=("10.0.0.0/8",)).reason is Reason.LOOPBACK
    assert verdict(address, loopback_allowed=True).allowed
    assert verdict(address, allow=("127.0.0.0/8", "::1/128")).allowed


@pytest.mark.parametrize("address", LOOPBACK_ELSEWHERE)
def test_the_loopback_of_a_translator_is_never_reached(address: str) -> None:
    assert judge(address, 443, allow=EVERYTHING, deny=(), loopback_allowed=True).reason is Reason.LOOPBACK


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_not_reached(address: str) -> None:
    assert judge(address, 443, allow=EVERYTHING, deny=(), loopback_allowed=True).reason is Reason.NOT_AN_ADDRESS


@pytest.mark.parametrize("port", [-1, 0, 65536, 1 << 32])
def test_what_is_no_port_is_not_reached(port: int) -> None:
    assert judge("10.0.0.1", port, allow=(), deny=(), loopback_allowed=False).reason is Reason.NOT_AN_ADDRESS


@pytest.mark.parametrize(
    ("address", "deny"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
        ("10.1.2.3", "::ffff:10.1.0.0/112"),
        ("64:ff9b::10.1.2.3", "10.1.0.0/16"),
        ("64:ff9b::10.1.2.3", "64:ff9b::/96"),
        ("2002:a01:203::1", "10.1.0.0/16"),
        ("fd00::1", "fc00::/7"),
        ("203.0.113.1", "203.0.113.0/24"),
    ],
)
def test_what_the_operator_denies_wins_over_what_is_allowed(address: str, deny: str) -> None:
    denied = [ipaddress.ip_network(deny)]
    assert judge(address, 443, allow=EVERYTHING, deny=denied, loopback_allowed=True).reason is Reason.DENIED


def test_networks_of_one_family_say_nothing_about_the_other() -> None:
    assert verdict("10.0.0.1", deny=("::/0",)).allowed
    assert verdict("127.0.0.1", allow=("::/0",)).reason is Reason.LOOPBACK
    assert verdict("fd00::1", deny=("0.0.0.0/0",)).allowed


ipv4 = st.ip_addresses(v=4).map(str)
addresses = st.ip_addresses().map(str)
networks = st.lists(
    st.builds(
        lambda address, prefix: ipaddress.ip_network((address, min(prefix, address.max_prefixlen)), strict=False),
        st.ip_addresses(),
        st.integers(0, 128),
    ),
    max_size=4,
)


@given(st.text(), st.integers(), networks, networks, st.booleans())
def test_any_text_gets_a_verdict(
    text: str, port: int, allow: list[Network], deny: list[Network], loopback: bool
) -> None:
    assert isinstance(judge(text, port, allow=allow, deny=deny, loopback_allowed=loopback), Verdict)


@given(addresses, networks, networks, st.booleans())
def test_denying_more_never_allows_more(
    address: str, allow: list[Network], deny: list[Network], loopback: bool
) -> None:
    without = judge(address, 80, allow=allow, deny=(), loopback_allowed=loopback)
    with_it = judge(address, 80, allow=allow, deny=deny, loopback_allowed=loopback)
    assert with_it.allowed <= without.allowed


@given(addresses, networks, networks)
def test_allowing_more_never_forbids_more(address: str, allow: list[Network], deny: list[Network]) -> None:
    without = judge(address, 80, allow=(), deny=deny, loopback_allowed=False)
    with_it = judge(address, 80, allow=allow, deny=deny, loopback_allowed=True)
    assert with_it.allowed >= without.allowed


@given(ipv4, networks, networks, st.booleans())
def test_a_mapped_address_is_judged_as_what_is_connected(
    address: str, allow: list[Network], deny: list[Network], loopback: bool
) -> None:
    plain = judge(address, 80, allow=allow, deny=deny, loopback_allowed=loopback)
    assert judge(f"::ffff:{address}", 80, allow=allow, deny=deny, loopback_allowed=loopback) == plain


@given(ipv4)
def test_no_wrapping_opens_an_address_that_is_closed(address: str) -> None:
    if judge(address, 80, allow=(), deny=(), loopback_allowed=False).allowed:
        return
    packed = ipaddress.IPv4Address(address).packed
    wrapped = [
        ipaddress.IPv6Address(bytes(10) + b"\xff\xff" + packed),
        ipaddress.IPv6Address(bytes(8) + b"\xff\xff\x00\x00" + packed),
        ipaddress.IPv6Address(bytes.fromhex("0064ff9b") + bytes(8) + packed),
        ipaddress.IPv6Address(bytes.fromhex("0064ff9b0001") + bytes(6) + packed),
        ipaddress.IPv6Address(bytes.fromhex("0064ff9b0001") + packed[:2] + b"\0" + packed[2:] + bytes(5)),
        ipaddress.IPv6Address(bytes.fromhex("2002") + packed + bytes(10)),
        ipaddress.IPv6Address(bytes.fromhex("20010000") + packed + bytes(8)),
        ipaddress.IPv6Address(bytes.fromhex("2001000001020304") + bytes(4) + bytes(each ^ 0xFF for each in packed)),
        ipaddress.IPv6Address(bytes.fromhex("fd00000000000000") + bytes.fromhex("00005efe") + packed),
    ]
    for each in wrapped:
        assert not judge(str(each), 80, allow=(), deny=(), loopback_allowed=False).allowed, each


@given(st.ip_addresses(network="fd00::/8").map(str), st.from_regex(r"[a-z0-9.]{1,15}", fullmatch=True))
def test_a_zone_id_changes_nothing(address: str, zone: str) -> None:
    plain = judge(address, 80, allow=(), deny=(), loopback_allowed=False)
    assert judge(f"{address}%{zone}", 80, allow=(), deny=(), loopback_allowed=False) == plain


def addr_info(address: str) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))


def test_the_factory_makes_a_socket_and_connects_nothing() -> None:
    factory = GuardedSocketFactory(loopback_allowed=False)
    with factory(addr_info("10.0.0.1")) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)
        with pytest.raises(OSError, match=str(errno.ENOTCONN)):
            made.getpeername()


@pytest.mark.parametrize("address", [*(each for each, _ in NEVER), *LOOPBACK, *UNLESS_NAMED])
def test_the_factory_refuses_with_an_error_that_tells_no_address(address: str) -> None:
    factory = GuardedSocketFactory(loopback_allowed=False)
    with pytest.raises(ForbiddenAddress) as caught:
        factory(addr_info(address))
    assert caught.value.errno == errno.EACCES
    assert caught.value.reason is factory.judge(address, 80).reason
    # One text for all: a name with several addresses that are all refused must end in this error, too.
    assert str(caught.value) == str(ForbiddenAddress(Reason.DENIED))


def test_the_factory_keeps_to_its_configuration() -> None:
    allow, deny = [ipaddress.ip_network("127.0.0.2/32")], [ipaddress.ip_network("10.0.0.0/8")]
    factory = GuardedSocketFactory(allow=allow, deny=deny, loopback_allowed=False)
    factory(addr_info("127.0.0.2")).close()
    assert factory.judge("127.0.0.1", 80).reason is Reason.LOOPBACK
    assert factory.judge("10.0.0.1", 80).reason is Reason.DENIED
    assert GuardedSocketFactory(loopback_allowed=True).judge("127.0.0.1", 80).allowed
