"""The one table of rules: complete, used, and in line with the statuses the services have."""

import ast
import pickle
import re
from pathlib import Path

import pytest

import mpps_dicom
from mpps_dicom import RULES, STATUS_TABLE, Category, Profile, Refused, Service, Severity, read_json
from mpps_dicom.findings import MAX_FINDINGS
from mpps_dicom.rules import Report, refusal

SOURCES = [
    path for path in Path(mpps_dicom.__file__).parent.glob("*.py") if path.name not in {"rules.py", "__init__.py"}
]
RULE_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+")


def texts_in_the_code() -> set[str]:
    """Collect every string constant outside the table of rules."""
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_rule_the_code_names_is_in_the_table() -> None:
    assert {text for text in texts_in_the_code() if RULE_ID.fullmatch(text)} <= RULES.keys()


def test_every_rule_in_the_table_is_used() -> None:
    assert RULES.keys() <= texts_in_the_code()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rules_are_well_formed(rule: mpps_dicom.Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert re.fullmatch(r"PS3\.\d+ [A-Z0-9.]+", rule.section)
    assert rule.title.isascii()
    assert rule.title.endswith(".")
    assert rule.http_status in {400, 404, 409}
    assert set(rule.severities) == set(Profile)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_lenient_refuses_only_what_every_profile_refuses(rule: mpps_dicom.Rule) -> None:
    severities = rule.severities
    if severities[Profile.LENIENT] is Severity.REFUSE:
        assert set(severities.values()) == {Severity.REFUSE}
    else:
        assert severities[Profile.OFF] is not Severity.REFUSE


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_refusals_answer_with_a_failure_the_services_know(rule: mpps_dicom.Rule) -> None:
    row = STATUS_TABLE[rule.dimse_status]
    assert row.category is Category.FAILURE
    services = row.services
    if rule.id in {"missing-in-update", "not-created", "not-allowed", "final-state-gap", "step-final"}:
        assert Service.N_SET in services
    elif rule.id != "no-such-instance":
        assert Service.N_CREATE in services


def test_a_report_tells_warnings_and_raises_refusals_first() -> None:
    report = Report(Profile.STRICT)
    report.add("missing-type-1", "x", tag="00100010", verified=False)
    assert [finding.severity for finding in report.close()] == [Severity.WARN]
    report.add("missing-type-1", "x", tag="00100010")
    with pytest.raises(Refused) as caught:
        report.close()
    assert [finding.severity for finding in caught.value.findings] == [Severity.REFUSE, Severity.WARN]
    assert len(caught.value.refusals) == 1


def test_a_report_stops_at_the_limit() -> None:
    report = Report(Profile.LENIENT)
    for _ in range(2 * MAX_FINDINGS):
        report.add("missing-type-1", "x")
    assert len(report.close()) == MAX_FINDINGS
    strict = Report(Profile.STRICT)
    for _ in range(MAX_FINDINGS - 1):
        strict.add("missing-type-1", "x")
    with pytest.raises(Refused):
        strict.add("missing-type-1", "x")


def test_the_text_of_a_refusal_names_rule_and_place() -> None:
    assert str(refusal("includefield", "x")) == "includefield at the whole body"
    assert str(refusal("status-empty", "x", tag="00400252")) == (
        "status-empty at PerformedProcedureStepStatus (0040,0252)"
    )


def test_verdicts_survive_the_way_back_from_another_process() -> None:
    refused = refusal("status-empty", "x", tag="00400252")
    again = pickle.loads(pickle.dumps(refused))  # noqa: S301 - our own bytes
    assert (type(again), again.findings, str(again)) == (Refused, refused.findings, str(refused))
    read = read_json(b'{"00100020":{"vr":"LO","keyword":"PatientID"}}', uid="1.2")
    assert pickle.loads(pickle.dumps(read)) == read  # noqa: S301 - our own bytes
