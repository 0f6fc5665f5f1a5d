"""Who sent an operation: the first entry of the list that matches in every part it has."""

import ipaddress

import pytest

from mpps_core.source import SourceRule, source_of

RULES = (
    SourceRule(id="nothing"),
    SourceRule(id="ct-1", keys=frozenset({"ct-key"}), networks=(ipaddress.ip_network("10.1.2.0/24"),)),
    SourceRule(id="ct", keys=frozenset({"ct-key", "spare-key"})),
    SourceRule(id="mr", ae_titles=frozenset({"MR1", "MR2"})),
    SourceRule(
        id="hall", networks=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("2001:db8::/32"))
    ),
    SourceRule(id="mr-late", ae_titles=frozenset({"MR1"})),
    SourceRule(id="loopback", networks=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("key", "client", "ae_title", "source"),
    [
        ("ct-key", "10.1.2.3", None, "ct-1"),
        ("ct-key", "10.1.3.3", None, "ct"),  # the first entry wants the network too
        ("spare-key", "10.1.2.3", None, "ct"),
        ("ct-key", None, None, "ct"),
        (None, "10.1.2.3", None, "hall"),
        ("other-key", "10.1.2.3", None, "hall"),
        (None, "10.1.2.3", "MR1", "mr"),
        (None, None, "MR2", "mr"),
        (None, None, "mr2", "unknown"),
        (None, "::ffff:10.1.9.9", None, "hall"),  # a client seen through a socket of both families
        (None, "::ffff:10.2.9.9", None, "unknown"),
        (None, "2001:db8::7", None, "hall"),
        (None, "2001:db9::7", None, "unknown"),
        (None, "::1", None, "loopback"),
        (None, "::ffff:127.0.0.1", None, "loopback"),
        (None, "127.3.2.1", None, "loopback"),
        (None, "fe80::1%eth0", None, "unknown"),
        (None, "unix:", None, "unknown"),
        (None, "", None, "unknown"),
        (None, None, None, "unknown"),
        ("", "", "", "unknown"),
    ],
)
def test_the_first_entry_that_matches_in_every_part_names_the_source(
    key: str | None, client: str | None, ae_title: str | None, source: str
) -> None:
    assert source_of(RULES, key=key, client=client, ae_title=ae_title) == source


def test_without_entries_nobody_is_known() -> None:
    assert source_of((), key="ct-key", client="10.1.2.3", ae_title="MR1") == "unknown"
