"""What DICOM says about Modality Performed Procedure Steps: data sets, rules, states and statuses.

Pure: nothing here reads a clock, a socket, a file that changes or a source of random numbers.
"""

from mpps_dicom.checks import check_create, check_final, check_instance_uid, check_update
from mpps_dicom.dictionary import keyword_of, tag_of, vr_of
from mpps_dicom.fields import Fields, parse_includefield, select
from mpps_dicom.findings import MAX_FINDINGS, Finding, Profile, Refused, Severity
from mpps_dicom.json_model import DataSet, decode_json, encode_json
from mpps_dicom.merging import changed_charset, merge, shrunk_sequences, tags_of
from mpps_dicom.reader import MAX_DEPTH, ReadBody, read_json
from mpps_dicom.rules import RULES, Rule
from mpps_dicom.states import TRANSITIONS, StepOperation, StepStatus, Transition, status_of, transition
from mpps_dicom.status import (
    DIMSE_OF_HTTP,
    ERROR_COMMENT_FINAL,
    ERROR_ID_FINAL,
    HTTP_OF_DIMSE,
    STATUS_TABLE,
    Category,
    DimseStatus,
    Service,
    StatusRow,
    category_of,
    dimse_of_http,
    http_of_dimse,
)
from mpps_dicom.summary import Summary, summarise
from mpps_dicom.uids import (
    MPPS_CLASS,
    MPPS_NOTIFICATION_CLASS,
    MPPS_RETRIEVE_CLASS,
    MWL_CLASS,
    VERIFICATION_CLASS,
    is_path_uid,
    new_uid,
)

__all__ = [
    "DIMSE_OF_HTTP",
    "ERROR_COMMENT_FINAL",
    "ERROR_ID_FINAL",
    "HTTP_OF_DIMSE",
    "MAX_DEPTH",
    "MAX_FINDINGS",
    "MPPS_CLASS",
    "MPPS_NOTIFICATION_CLASS",
    "MPPS_RETRIEVE_CLASS",
    "MWL_CLASS",
    "RULES",
    "STATUS_TABLE",
    "TRANSITIONS",
    "VERIFICATION_CLASS",
    "Category",
    "DataSet",
    "DimseStatus",
    "Fields",
    "Finding",
    "Profile",
    "ReadBody",
    "Refused",
    "Rule",
    "Service",
    "Severity",
    "StatusRow",
    "StepOperation",
    "StepStatus",
    "Summary",
    "Transition",
    "category_of",
    "changed_charset",
    "check_create",
    "check_final",
    "check_instance_uid",
    "check_update",
    "decode_json",
    "dimse_of_http",
    "encode_json",
    "http_of_dimse",
    "is_path_uid",
    "keyword_of",
    "merge",
    "new_uid",
    "parse_includefield",
    "read_json",
    "select",
    "shrunk_sequences",
    "status_of",
    "summarise",
    "tag_of",
    "tags_of",
    "transition",
    "vr_of",
]
