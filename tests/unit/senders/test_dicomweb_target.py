"""Targets of ``dicomweb`` subscriptions, and the registry through which they are judged."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.clock import SystemClock
from mpps_core.errors import ConfigurationError
from mpps_core.subscription import Subscription
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import KIND, DicomwebKind, DicomwebSender
from mpps_senders.dicomweb_target import Dialect, MediaType, masked, read_target
from mpps_senders.registry import SenderRegistry
from mpps_senders.targets import TargetFault

URL = "https://ris.example/dicomweb"


def faults(**target: Any) -> dict[str, str]:
    parsed, found = read_target({"url": URL, **target})
    assert (parsed is None) == bool(found)
    return {fault.path: fault.detail for fault in found}


def test_a_target_needs_only_its_url() -> None:
    target, found = read_target({"url": URL})
    assert target is not None
    assert not found
    assert (target.dialect, target.media_type, target.credentials) == (Dialect.QUERY, MediaType.JSON, None)
    assert target.resource == f"{URL}/modality-performed-procedure-steps"


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (URL, URL),
        (f"{URL}/", URL),
        (f"{URL}///", URL),
        (f"{URL}/modality-performed-procedure-steps", URL),
        (f"{URL}/modality-performed-procedure-steps/", URL),
        ("http://ris.example", "http://ris.example"),
        ("http://ris.example/", "http://ris.example"),
        ("HTTPS://RIS.Example:8443/Dicomweb", "https://ris.example:8443/Dicomweb"),
        ("http://[fd00::1]:8080/x", "http://[fd00::1]:8080/x"),
        ("http://10.0.0.1/r%20s", "http://10.0.0.1/r%20s"),
        ("http://ris.example/a/../b", "http://ris.example/b"),
        ("http://krankenhäuser.example/ä", "http://xn--krankenhuser-ncb.example/%C3%A4"),
    ],
)
def test_urls_are_brought_into_one_form(url: str, base: str) -> None:
    target, found = read_target({"url": url})
    assert not found
    assert target is not None
    assert target.base == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ris.example",
        "//ris.example",
        "ftp://ris.example",
        "file:///etc/passwd",
        "http:/ris.example",
        "http://",
        "http:///path",
        "http://user@ris.example",
        "http://user:password@ris.example",
        "http://@ris.example",
        "http://ris.example?x=1",
        "http://ris.example/?",
        "http://ris.example/#",
        "http://ris.example#part",
        "http://ris.example:0",
        "http://ris.example:65536",
        "http://ris.example:http",
        "http://ris example",
        "http://ris.example/a b",
        "http://ris.example\\@evil.example",
        "http://ris.example/\r\nHost: evil.example",
        "http://[fd00::1",
        "http://[hello]/",
        "http://ris.example/" + "x" * 2048,
    ],
)
def test_other_urls_are_faults(url: str) -> None:
    assert set(faults(url=url)) == {"url"}


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"url": ["x"]}, "url"),
        ({"dialect": "get"}, "dialect"),
        ({"dialect": 1}, "dialect"),
        ({"media_type": "text/plain"}, "media_type"),
        ({"media_type": "application/dicom+xml"}, "media_type"),
        ({"auth": "bearer"}, "auth"),
        ({"auth": []}, "auth"),
        ({"auth": {}}, "auth.kind"),
        ({"auth": {"kind": "digest"}}, "auth.kind"),
        ({"auth": {"kind": "none", "token": "x"}}, "auth.token"),
        ({"auth": {"kind": "bearer"}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": ""}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "a b"}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "a\r\nX: y"}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "ä"}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "***"}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "x" * 8193}}, "auth.token"),
        ({"auth": {"kind": "bearer", "token": "x", "username": "y"}}, "auth.username"),
        ({"auth": {"kind": "basic", "password": "x"}}, "auth.username"),
        ({"auth": {"kind": "basic", "username": "x"}}, "auth.password"),
        ({"auth": {"kind": "basic", "username": "", "password": "y"}}, "auth.username"),
        ({"auth": {"kind": "basic", "username": "x:y", "password": "y"}}, "auth.username"),
        ({"auth": {"kind": "basic", "username": "x", "password": "***"}}, "auth.password"),
        ({"auth": {"kind": "basic", "username": "x", "password": "a\nb"}}, "auth.password"),
        ({"headers": {}}, "headers"),
    ],
)
def test_each_member_is_judged(target: dict[str, Any], path: str) -> None:
    assert set(faults(**target)) == {path}


def test_all_faults_are_told_at_once() -> None:
    found = faults(url="ris", dialect="x", media_type="y", auth={"kind": "basic", "username": ":", "more": 1}, extra=1)
    assert set(found) == {
        "url",
        "dialect",
        "media_type",
        "auth.username",
        "auth.password",
        "auth.more",
        "extra",
    }


def test_xml_is_announced() -> None:
    assert faults(media_type="application/dicom+xml")["media_type"] == "application/dicom+xml cannot be sent yet"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(["url", "dialect", "media_type", "auth", "kind", "token", "username", "password"]) | st.text()


@given(
    st.dictionaries(members, json_values | st.dictionaries(members, json_values)),
    st.sampled_from([{}, {"url": URL}, {"auth": {"kind": "bearer"}}]),
)
def test_any_object_is_judged_without_an_exception(target: dict[str, Any], rest: dict[str, Any]) -> None:
    parsed, found = read_target(target | rest)
    assert (parsed is None) == bool(found)
    masked(target | rest)


@given(st.text(min_size=5))
def test_no_fault_repeats_a_secret(secret: str) -> None:
    for auth in ({"kind": "basic", "username": "x:", "password": secret}, {"kind": "bearer", "token": secret + " "}):
        for fault in read_target({"url": URL, "auth": auth})[1]:
            assert secret not in fault.detail


def test_secrets_are_in_no_representation() -> None:
    for auth in (
        {"kind": "basic", "username": "x", "password": "geheim"},
        {"kind": "bearer", "token": "geheim"},
    ):
        target, _ = read_target({"url": URL, "auth": auth})
        assert target is not None
        assert target.credentials is not None
        assert "geheim" not in repr(target)
        assert target.credentials.authorization not in repr(target)


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ({"url": URL}, {"url": URL}),
        (
            {"url": URL, "auth": {"kind": "bearer", "token": "t"}},
            {"url": URL, "auth": {"kind": "bearer", "token": "***"}},
        ),
        (
            {"auth": {"kind": "basic", "username": "u", "password": "p"}},
            {"auth": {"kind": "basic", "username": "u", "password": "***"}},
        ),
        ({"auth": "token"}, {"auth": "***"}),
    ],
)
def test_secrets_read_back_as_a_mask(target: dict[str, Any], shown: dict[str, Any]) -> None:
    before = repr(target)
    assert masked(target) == shown
    assert repr(target) == before


# The registry.


def registry(**guard: Any) -> SenderRegistry:
    factory = GuardedSocketFactory(**{"loopback_allowed": False, **guard})
    return SenderRegistry({KIND: DicomwebKind(guard=factory, clock=SystemClock(), version="1.2")})


def subscription(kind: str, **target: Any) -> Subscription:
    return Subscription(
        number=1, id="ris", name="RIS", kind=kind, target=target, starts_at=0.0, created_at=0.0, revision=1
    )


def test_the_registry_makes_senders() -> None:
    assert isinstance(registry()(subscription("dicomweb", url=URL)), DicomwebSender)
    assert registry().kinds == ("dicomweb",)


def test_an_unknown_kind_is_a_fault() -> None:
    assert registry().validate("fax", {}) == [TargetFault(path="kind", detail="must be one of dicomweb")]
    with pytest.raises(ConfigurationError, match="subscription ris: kind must be one of dicomweb"):
        registry()(subscription("fax"))
    assert registry().masked("fax", {"number": "555", "pin": "1"}) == {"number": None, "pin": None}


def test_faults_of_a_target_begin_with_the_member_of_the_subscription() -> None:
    assert [fault.path for fault in registry().validate("dicomweb", {"auth": {"kind": "bearer"}})] == [
        "target.url",
        "target.auth.token",
    ]
    with pytest.raises(ConfigurationError, match=r"target\.url is required; target\.auth\.token is required"):
        registry()(subscription("dicomweb", auth={"kind": "bearer"}))


def test_the_kind_itself_refuses_a_wrong_target() -> None:
    kind = DicomwebKind(guard=GuardedSocketFactory(loopback_allowed=False), clock=SystemClock(), version="1.2")
    with pytest.raises(ConfigurationError, match="cannot be sent yet"):
        kind.sender(subscription("dicomweb", url=URL, media_type="application/dicom+xml"))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest", "metadata"),
        ("http://[fe80::1]/", "link-local"),
        ("http://127.0.0.1:8246", "loopback"),
        ("http://[::ffff:127.0.0.1]", "loopback"),
        ("http://0.0.0.0", "unspecified"),
        ("http://10.9.0.1", "denied"),
    ],
)
def test_an_address_that_may_not_be_connected_to_is_a_fault_at_once(url: str, reason: str) -> None:
    (fault,) = registry(deny=[ipaddress.ip_network("10.9.0.0/16")]).validate("dicomweb", {"url": url})
    assert fault.path == "target.url"
    assert reason in fault.detail


def test_names_are_judged_only_when_they_are_connected() -> None:
    assert registry().validate("dicomweb", {"url": "http://localhost"}) == []
    assert registry().validate("dicomweb", {"url": "http://10.0.0.1"}) == []
    assert registry(loopback_allowed=True).validate("dicomweb", {"url": "http://127.0.0.1"}) == []


def test_the_registry_masks_by_kind() -> None:
    target = {"url": URL, "auth": {"kind": "bearer", "token": "t"}}
    assert registry().masked("dicomweb", target)["auth"]["token"] == "***"
