"""Data sets to damage, and what is found in them under each profile."""

import copy
from collections.abc import Callable

from mpps_dicom import (
    RULES,
    DataSet,
    Finding,
    Profile,
    Refused,
    Severity,
    check_update,
)
from tests.support.modalities import PATIENTS, ct

UID = "1.2.3"
Judge = Callable[[DataSet, Profile], tuple[Finding, ...]]


def as_update(data_set: DataSet, profile: Profile) -> tuple[Finding, ...]:
    return check_update(data_set, None, profile)


def found(judge: Judge, data_set: DataSet) -> list[tuple[str, str, int, int]]:
    """Judge under every profile: lenient warns of what strict refuses, off says nothing."""
    lenient = judge(data_set, Profile.LENIENT)
    assert all(finding.severity == "warn" for finding in lenient)
    assert judge(data_set, Profile.OFF) == ()
    try:
        strict = judge(data_set, Profile.STRICT)
    except Refused as refused:
        strict = refused.findings
    # Refusals come first, so the order may differ.
    assert sorted((f.path, f.rule, f.detail) for f in strict) == sorted((f.path, f.rule, f.detail) for f in lenient)
    refused_by_table = {rule.id for rule in RULES.values() if rule.severities[Profile.STRICT] is Severity.REFUSE}
    assert all(f.severity is Severity.WARN or f.rule in refused_by_table for f in strict)
    return [(f.rule, f.path, f.dimse_status, f.http_status) for f in lenient]


def create() -> DataSet:
    return copy.deepcopy(ct(UID, patient=PATIENTS[0])[0][1])


def final() -> DataSet:
    return copy.deepcopy(ct(UID, patient=PATIENTS[0])[-1][1])


def rules_found(judge: Judge, data_set: DataSet) -> list[str]:
    """Name the rules alone, in the order of the findings."""
    return [rule for rule, *_ in found(judge, data_set)]
