"""Every status of the DIMSE services, and what it is over HTTP and back (PS3.7 10.1 and Annex C, PS3.18 8.5)."""

import pytest

from mpps_dicom import (
    ERROR_COMMENT_FINAL,
    ERROR_ID_FINAL,
    STATUS_TABLE,
    Category,
    Service,
    category_of,
    dimse_of_http,
    http_of_dimse,
)

CREATE, SET, GET = Service.N_CREATE, Service.N_SET, Service.N_GET
SUCCESS = {CREATE: 201, SET: 200, GET: 200}

# Code, class, N-CREATE, N-SET, N-GET.
TABLE = """
0000 success x x x
0001 warning - - x
0105 failure x x -
0106 failure x x -
0107 warning x x x
0110 failure x x x
0111 failure x - -
0112 failure - x x
0116 warning x x -
0117 failure x x x
0118 failure x x x
0119 failure - x x
0120 failure x - -
0121 failure x x -
0124 failure x x x
0210 failure x x x
0211 failure x x x
0212 failure x x x
0213 failure x x x
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [
    (int(code, 16), service, mark == "x")
    for code, _category, *marks in ROWS
    for service, mark in zip((CREATE, SET, GET), marks, strict=True)
]


@pytest.mark.parametrize(("code", "service", "returned"), CELLS)
def test_each_service_returns_its_own_codes(code: int, service: Service, returned: bool) -> None:
    rows = {status.value: row for status, row in STATUS_TABLE.items()}
    assert (service in rows[code].services) is returned


def test_there_are_no_other_codes() -> None:
    assert {status.value for status in STATUS_TABLE} == {int(code, 16) for code, *_ in ROWS}


@pytest.mark.parametrize(("code", "category"), [row[:2] for row in ROWS])
def test_each_code_has_its_class(code: str, category: str) -> None:
    assert category_of(int(code, 16)) == category


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("code", [0x0000, 0x0001, 0x0107, 0x0116, 0xB000, 0xBFFF])
def test_success_and_warnings_are_the_success_of_the_transaction(code: int, service: Service) -> None:
    """15.4.3, 15.5.3, 15.6.3."""
    assert http_of_dimse(code, service=service) == SUCCESS[service]


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize(
    ("code", "error_id", "http"),
    [
        (0x0105, None, 409),
        (0x0106, None, 400),
        (0x0110, None, 500),
        (0x0110, 0xA710, 409),
        (0x0110, 0x0001, 500),
        (0x0111, None, 409),
        (0x0112, None, 404),
        (0x0117, None, 400),
        (0x0118, None, 501),
        (0x0119, None, 409),
        (0x0120, None, 400),
        (0x0121, None, 400),
        (0x0124, None, 403),
        (0x0210, None, 500),
        (0x0211, None, 501),
        (0x0212, None, 500),
        (0x0213, None, 503),
        (0xA700, None, 503),
        (0xC000, None, 500),
    ],
)
def test_failures_over_http(code: int, error_id: int | None, http: int, service: Service) -> None:
    assert http_of_dimse(code, service=service, error_id=error_id) == http


@pytest.mark.parametrize(
    ("http", "service", "final", "reported", "dimse"),
    [
        (201, CREATE, False, None, (0x0000, None)),
        (200, CREATE, False, None, (0x0000, None)),
        (200, SET, False, None, (0x0000, None)),
        (200, GET, False, None, (0x0000, None)),
        (409, CREATE, False, None, (0x0111, None)),
        (409, SET, True, None, (0x0110, 0xA710)),
        (409, SET, False, None, (0x0106, None)),
        (409, SET, False, 0x0105, (0x0105, None)),
        (404, SET, False, None, (0x0112, None)),
        (410, GET, False, None, (0x0112, None)),
        (400, CREATE, False, None, (0x0106, None)),
        (400, CREATE, False, 0x0120, (0x0120, None)),
        (400, CREATE, False, 0x0121, (0x0121, None)),
        (400, SET, False, 0x0121, (0x0121, None)),
        # 0120H is no answer to N-SET, a warning is no failure, and C000H is not ours to pass on.
        (400, SET, False, 0x0120, (0x0106, None)),
        (400, SET, False, 0x0107, (0x0106, None)),
        (400, SET, False, 0xC000, (0x0106, None)),
        (401, CREATE, False, None, (0x0124, None)),
        (403, SET, False, None, (0x0124, None)),
        (403, SET, False, 0x0106, (0x0124, None)),
        (413, CREATE, False, None, (0x0213, None)),
        (503, SET, False, None, (0x0213, None)),
        (501, CREATE, False, None, (0x0118, None)),
        (500, SET, False, None, (0x0110, None)),
    ],
)
def test_failures_over_dimse(
    http: int, service: Service, final: bool, reported: int | None, dimse: tuple[int, int | None]
) -> None:
    assert dimse_of_http(http, service=service, final=final, reported=reported) == dimse


@pytest.mark.parametrize("service", Service)
def test_what_goes_there_comes_back_as_a_failure_of_the_same_kind(service: Service) -> None:
    for status, row in STATUS_TABLE.items():
        if row.category is not Category.FAILURE or service not in row.services:
            continue
        http = http_of_dimse(status, service=service)
        back, _error_id = dimse_of_http(http, service=service, reported=status)
        assert category_of(back) is Category.FAILURE
        assert http_of_dimse(back, service=service) in {http, 400 if http == 409 else http}


def test_a_final_step_is_told_with_its_error_id_and_comment() -> None:
    """PS3.4 F.7.2.2.3 and Table F.7.2-2."""
    assert ERROR_ID_FINAL == 0xA710
    assert ERROR_COMMENT_FINAL == "Performed Procedure Step Object may no longer be updated"
    there = http_of_dimse(0x0110, service=SET, error_id=ERROR_ID_FINAL)
    assert dimse_of_http(there, service=SET, final=True) == (0x0110, ERROR_ID_FINAL)
