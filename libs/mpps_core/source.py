"""Sources: who sent us a step."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRule:
    """How a source is recognised: every part that is given must match; an entry without any part matches nobody."""

    id: str
    keys: frozenset[str] = frozenset()  #: names of security keys
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    ae_titles: frozenset[str] = frozenset()


def source_of(rules: Sequence[SourceRule], *, key: str | None, client: str | None, ae_title: str | None = None) -> str:
    """Return the id of the first rule that matches the sender, else ``unknown``."""
    for rule in rules:
        if _matches(rule, key, client, ae_title):
            return rule.id
    return UNKNOWN


def _matches(rule: SourceRule, key: str | None, client: str | None, ae_title: str | None) -> bool:
    if not (rule.keys or rule.networks or rule.ae_titles):
        return False
    if rule.keys and key not in rule.keys:
        return False
    if rule.ae_titles and ae_title not in rule.ae_titles:
        return False
    return not rule.networks or _in_networks(client, rule.networks)


def _in_networks(client: str | None, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(client or "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
