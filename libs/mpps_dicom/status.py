"""Status codes of the DIMSE services, what they mean, and how they and HTTP statuses stand for each other.

Codes and services: PS3.7 10.1 and Annex C, PS3.4 F.7 and F.8. The Standard has no table between DIMSE and
HTTP for these services; ``HTTP_OF_DIMSE`` and ``DIMSE_OF_HTTP`` follow PS3.18 8.5 and 15.4.3 to 15.6.3 where
those fix a code.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class DimseStatus(IntEnum):
    """The statuses an MPPS service provider answers with."""

    SUCCESS = 0x0000
    OPTIONAL_ATTRIBUTES_NOT_SUPPORTED = 0x0001
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    REFUSED_NOT_AUTHORIZED = 0x0124
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213


ERROR_ID_FINAL: Final = 0xA710
"""Error ID (0000,0903) beside 0110H when the step is in a final state (PS3.4 Table F.7.2-2)."""

ERROR_COMMENT_FINAL: Final = "Performed Procedure Step Object may no longer be updated"
"""Error Comment (0000,0902) that goes with it."""


class Category(StrEnum):
    """The class of a status (PS3.7 Annex C)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Service(StrEnum):
    """The DIMSE services of the Modality Performed Procedure Step SOP Classes that answer with a status."""

    N_CREATE = "N-CREATE"
    N_SET = "N-SET"
    N_GET = "N-GET"


@dataclass(frozen=True, slots=True)
class StatusRow:
    """One status: what it is called and which services may return it."""

    status: DimseStatus
    meaning: str
    category: Category
    services: frozenset[Service]


_ALL = frozenset(Service)
_WRITE = frozenset({Service.N_CREATE, Service.N_SET})
_EXISTING = frozenset({Service.N_SET, Service.N_GET})
_CREATE = frozenset({Service.N_CREATE})
_GET = frozenset({Service.N_GET})
_OK, _WARNING, _FAILURE = Category.SUCCESS, Category.WARNING, Category.FAILURE

STATUS_TABLE: Final = {
    row.status: row
    for row in (
        StatusRow(DimseStatus.SUCCESS, "Success", _OK, _ALL),
        StatusRow(
            DimseStatus.OPTIONAL_ATTRIBUTES_NOT_SUPPORTED, "Requested optional attributes not supported", _WARNING, _GET
        ),
        StatusRow(DimseStatus.NO_SUCH_ATTRIBUTE, "No such Attribute", _FAILURE, _WRITE),
        StatusRow(DimseStatus.INVALID_ATTRIBUTE_VALUE, "Invalid Attribute Value", _FAILURE, _WRITE),
        StatusRow(DimseStatus.ATTRIBUTE_LIST_ERROR, "Attribute list error", _WARNING, _ALL),
        StatusRow(DimseStatus.PROCESSING_FAILURE, "Processing Failure", _FAILURE, _ALL),
        StatusRow(DimseStatus.DUPLICATE_SOP_INSTANCE, "Duplicate SOP Instance", _FAILURE, _CREATE),
        StatusRow(DimseStatus.NO_SUCH_SOP_INSTANCE, "No such SOP Instance", _FAILURE, _EXISTING),
        StatusRow(DimseStatus.ATTRIBUTE_VALUE_OUT_OF_RANGE, "Attribute Value out of range", _WARNING, _WRITE),
        StatusRow(DimseStatus.INVALID_SOP_INSTANCE, "Invalid SOP Instance", _FAILURE, _ALL),
        StatusRow(DimseStatus.NO_SUCH_SOP_CLASS, "No such SOP Class", _FAILURE, _ALL),
        StatusRow(DimseStatus.CLASS_INSTANCE_CONFLICT, "Class-Instance conflict", _FAILURE, _EXISTING),
        StatusRow(DimseStatus.MISSING_ATTRIBUTE, "Missing Attribute", _FAILURE, _CREATE),
        StatusRow(DimseStatus.MISSING_ATTRIBUTE_VALUE, "Missing Attribute Value", _FAILURE, _WRITE),
        StatusRow(DimseStatus.REFUSED_NOT_AUTHORIZED, "Refused: Not authorized", _FAILURE, _ALL),
        StatusRow(DimseStatus.DUPLICATE_INVOCATION, "Duplicate invocation", _FAILURE, _ALL),
        StatusRow(DimseStatus.UNRECOGNIZED_OPERATION, "Unrecognized operation", _FAILURE, _ALL),
        StatusRow(DimseStatus.MISTYPED_ARGUMENT, "Mistyped argument", _FAILURE, _ALL),
        StatusRow(DimseStatus.RESOURCE_LIMITATION, "Resource limitation", _FAILURE, _ALL),
    )
}
"""The statuses by code."""

_WARNING_CODES = frozenset({0x0001, 0x0107, 0x0116})
_WARNING_CLASS: Final = 0xB
_PENDING = frozenset({0xFF00, 0xFF01})


def category_of(status: int) -> Category:
    """Class any of the 65,536 statuses: 0001H, 0107H, 0116H and Bxxx warn, 0000H succeeds, all else fails.

    PS3.7 Annex C. Pending (FF00H, FF01H) is no answer to an N-service, and so a failure there.
    """
    if status == DimseStatus.SUCCESS:
        return Category.SUCCESS
    warns = status in _WARNING_CODES or status >> 12 == _WARNING_CLASS
    return Category.WARNING if warns else Category.FAILURE


HTTP_CREATED: Final = 201
HTTP_OK: Final = 200

SUCCESS_OF_SERVICE: Final = {Service.N_CREATE: HTTP_CREATED, Service.N_SET: HTTP_OK, Service.N_GET: HTTP_OK}
"""HTTP status of success and of warnings (PS3.18 15.4.3.1, 15.5.3.1, 15.6.3.1)."""

HTTP_OF_DIMSE: Final = {
    DimseStatus.NO_SUCH_ATTRIBUTE: 409,
    DimseStatus.INVALID_ATTRIBUTE_VALUE: 400,
    DimseStatus.PROCESSING_FAILURE: 500,
    DimseStatus.DUPLICATE_SOP_INSTANCE: 409,
    DimseStatus.NO_SUCH_SOP_INSTANCE: 404,
    DimseStatus.INVALID_SOP_INSTANCE: 400,
    DimseStatus.NO_SUCH_SOP_CLASS: 501,
    DimseStatus.CLASS_INSTANCE_CONFLICT: 409,
    DimseStatus.MISSING_ATTRIBUTE: 400,
    DimseStatus.MISSING_ATTRIBUTE_VALUE: 400,
    DimseStatus.REFUSED_NOT_AUTHORIZED: 403,
    DimseStatus.DUPLICATE_INVOCATION: 500,
    DimseStatus.UNRECOGNIZED_OPERATION: 501,
    DimseStatus.MISTYPED_ARGUMENT: 500,
    DimseStatus.RESOURCE_LIMITATION: 503,
}
"""HTTP status of each failure; 0110H with Error ID A710H is 409 instead."""

_OUT_OF_RESOURCES: Final = 0xA700
_UNKNOWN_FAILURE: Final = 500

DIMSE_OF_HTTP: Final = {
    400: DimseStatus.INVALID_ATTRIBUTE_VALUE,
    401: DimseStatus.REFUSED_NOT_AUTHORIZED,
    403: DimseStatus.REFUSED_NOT_AUTHORIZED,
    404: DimseStatus.NO_SUCH_SOP_INSTANCE,
    409: DimseStatus.INVALID_ATTRIBUTE_VALUE,
    410: DimseStatus.NO_SUCH_SOP_INSTANCE,
    413: DimseStatus.RESOURCE_LIMITATION,
    501: DimseStatus.NO_SUCH_SOP_CLASS,
    503: DimseStatus.RESOURCE_LIMITATION,
}
"""DIMSE status of each HTTP failure; 409 depends on the service and state, see ``dimse_of_http``."""

_CONFLICT: Final = 409
_AMBIGUOUS: Final = frozenset({400, _CONFLICT})
_FIRST_FAILURE: Final = 300


def http_of_dimse(status: int, *, service: Service, error_id: int | None = None) -> int:
    """Give the HTTP status for a DIMSE outcome. ``error_id`` is Error ID (0000,0903) where one came along."""
    if category_of(status) is not Category.FAILURE:
        return SUCCESS_OF_SERVICE[service]
    if status == DimseStatus.PROCESSING_FAILURE and error_id == ERROR_ID_FINAL:
        return _CONFLICT
    if status == _OUT_OF_RESOURCES:
        return HTTP_OF_DIMSE[DimseStatus.RESOURCE_LIMITATION]
    return HTTP_OF_DIMSE.get(DimseStatus(status), _UNKNOWN_FAILURE) if status in STATUS_TABLE else _UNKNOWN_FAILURE


def dimse_of_http(
    status: int, *, service: Service, final: bool = False, reported: int | None = None
) -> tuple[DimseStatus, int | None]:
    """Give the DIMSE status and Error ID for an HTTP outcome. ``final``: the step is in a final state.

    409 is 0111H to a Create, 0110H with A710H to an Update of a final step, else 0106H. ``reported`` is the DIMSE
    status that a report with the answer names; it counts where the HTTP status stands for several, 400 and 409,
    and the service may answer with it.
    """
    if status < _FIRST_FAILURE:
        return DimseStatus.SUCCESS, None
    if status == _CONFLICT and service is Service.N_CREATE:
        return DimseStatus.DUPLICATE_SOP_INSTANCE, None
    if status == _CONFLICT and final:
        return DimseStatus.PROCESSING_FAILURE, ERROR_ID_FINAL
    if status in _AMBIGUOUS and reported in STATUS_TABLE:
        row = STATUS_TABLE[DimseStatus(reported)]
        if row.category is Category.FAILURE and service in row.services:
            return row.status, None
    return DIMSE_OF_HTTP.get(status, DimseStatus.PROCESSING_FAILURE), None
