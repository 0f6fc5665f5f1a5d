"""Warning headers (PS3.18 8.4)."""

import pytest

from mpps_dicom import Finding, Severity
from mpps_ingest.warning_headers import MOST_BYTES, warning_headers

BASE = "http://h/dicomweb"


def finding(path: str = "PatientName (0010,0010)", detail: str = "It is empty.") -> Finding:
    return Finding(
        path=path,
        rule="empty-type-1",
        section="PS3.4 F.7.2.1.1",
        severity=Severity.WARN,
        detail=detail,
        dimse_status=0x0121,
        http_status=400,
    )


@pytest.mark.parametrize(("count", "shown", "last"), [(0, 0, None), (1, 1, None), (5, 5, None), (6, 5, 1), (50, 5, 45)])
def test_at_most_five(count: int, shown: int, last: int | None) -> None:
    values = [value.decode() for _, value in warning_headers([finding()] * count, BASE)]
    assert values[:shown] == [f"299 {BASE}: PatientName (0010,0010): It is empty."] * shown
    assert values[shown:] == ([] if last is None else [f"299 {BASE}: and {last} more"])


@pytest.mark.parametrize("length", [100, 300, 1000, 5000])
def test_at_most_one_kilobyte(length: int) -> None:
    values = [value for _, value in warning_headers([finding(detail="x" * length)] * 5, BASE)]
    assert sum(map(len, values)) <= MOST_BYTES
    left_out = 5 - sum(b"xxx" in value for value in values)
    assert (values[-1].endswith(b"and %d more" % left_out)) == (left_out > 0)


def test_all_is_ascii() -> None:
    ((name, value),) = warning_headers([finding(path="", detail="größer")], BASE)
    assert (name, value) == (b"warning", b"299 http://h/dicomweb: gr??er")
