"""DIMSE statuses, and HTTP statuses for them."""

import pytest

from mpps_dicom import (
    DIMSE_OF_HTTP,
    ERROR_ID_FINAL,
    HTTP_OF_DIMSE,
    STATUS_TABLE,
    Category,
    DimseStatus,
    Service,
    category_of,
    dimse_of_http,
    http_of_dimse,
)

CREATE, SET, GET = Service.N_CREATE, Service.N_SET, Service.N_GET


def test_every_status_has_a_row() -> None:
    assert set(STATUS_TABLE) == set(DimseStatus)


@pytest.mark.parametrize(
    ("service", "statuses"),
    [
        # PS3.7 10.1.5.1.6, 10.1.3.1.9, 10.1.2.1.9; 0001H from PS3.4 Table F.8.2-2
        (
            CREATE,
            "0000 0105 0106 0107 0110 0111 0116 0117 0118 0120 0121 0124 0210 0211 0212 0213",
        ),
        (SET, "0000 0105 0106 0107 0110 0112 0116 0117 0118 0119 0121 0124 0210 0211 0212 0213"),
        (GET, "0000 0001 0107 0110 0112 0117 0118 0119 0124 0210 0211 0212 0213"),
    ],
)
def test_each_service_returns_its_own_statuses(service: Service, statuses: str) -> None:
    expected = {int(status, 16) for status in statuses.split()}
    assert {row.status.value for row in STATUS_TABLE.values() if service in row.services} == expected


def test_all_statuses_have_a_category() -> None:
    warnings = {0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)}
    for status in range(0x10000):
        expected = "success" if status == 0 else "warning" if status in warnings else "failure"
        assert category_of(status) == expected
    assert all(category_of(status) is row.category for status, row in STATUS_TABLE.items())


@pytest.mark.parametrize(
    ("status", "service", "error_id", "http"),
    [
        (0x0000, CREATE, None, 201),
        (0x0000, SET, None, 200),
        (0x0001, GET, None, 200),
        (0x0107, CREATE, None, 201),
        (0x0116, SET, None, 200),
        (0xB000, SET, None, 200),
        (0x0105, SET, None, 409),
        (0x0106, CREATE, None, 400),
        (0x0110, SET, ERROR_ID_FINAL, 409),
        (0x0110, SET, None, 500),
        (0x0111, CREATE, None, 409),
        (0x0112, SET, None, 404),
        (0x0117, CREATE, None, 400),
        (0x0118, CREATE, None, 501),
        (0x0120, CREATE, None, 400),
        (0x0121, SET, None, 400),
        (0x0124, SET, None, 403),
        (0x0213, SET, None, 503),
        (0xA700, CREATE, None, 503),
        (0xC000, SET, None, 500),
        (0xFF00, SET, None, 500),
    ],
)
def test_http_for_dimse(status: int, service: Service, error_id: int | None, http: int) -> None:
    assert http_of_dimse(status, service=service, error_id=error_id) == http


@pytest.mark.parametrize(
    ("http", "service", "final", "expected"),
    [
        (201, CREATE, False, (0x0000, None)),
        (200, SET, False, (0x0000, None)),
        (400, CREATE, False, (0x0106, None)),
        (401, SET, False, (0x0124, None)),
        (403, SET, False, (0x0124, None)),
        (404, SET, False, (0x0112, None)),
        (410, SET, False, (0x0112, None)),
        (409, CREATE, False, (0x0111, None)),
        (409, SET, True, (0x0110, 0xA710)),
        (409, SET, False, (0x0106, None)),
        (413, CREATE, False, (0x0213, None)),
        (503, CREATE, False, (0x0213, None)),
        (500, CREATE, False, (0x0110, None)),
        (418, CREATE, False, (0x0110, None)),
    ],
)
def test_dimse_for_http(http: int, service: Service, final: bool, expected: tuple[int, int | None]) -> None:
    assert dimse_of_http(http, service=service, final=final) == expected


def test_every_answer_there_and_back_is_an_answer_of_the_service() -> None:
    for service in Service:
        for http in range(200, 600):
            status, _error_id = dimse_of_http(http, service=service)
            if http in {404, 410} and service is CREATE:
                continue  # 0112H is no answer to N-CREATE, nor is 404 one to a Create
            assert service in STATUS_TABLE[status].services or service is GET
    failures = {row.status for row in STATUS_TABLE.values() if row.category is Category.FAILURE}
    assert set(HTTP_OF_DIMSE) == failures
    assert set(DIMSE_OF_HTTP.values()) <= failures
