"""Updates applied to the state of a step: PS3.4 F.7.2.2.2, F.7.2.2.3."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpps_dicom import DataSet, decode_json, encode_json, merge, shrunk_sequences, tags_of
from tests.support.modalities import any_step, mr, padded

UNICODE = {"vr": "CS", "Value": ["ISO_IR 192"]}


def merged(state: DataSet, update: DataSet) -> DataSet:
    return decode_json(merge(encode_json(state), encode_json(update)))


def charset(*terms: str | None) -> dict[str, Any]:
    return {"vr": "CS", "Value": list(terms)}


def text(value: str) -> dict[str, Any]:
    return {"vr": "LO", "Value": [value]}


def test_what_is_sent_replaces_and_the_rest_stays() -> None:
    state = {"00100020": text("1"), "00400252": text("IN PROGRESS"), "00400254": text("a")}
    update: DataSet = {"00400252": text("COMPLETED"), "00400254": {"vr": "LO"}, "00400280": text("b")}
    assert list(merged(state, update).items()) == [
        ("00100020", text("1")),
        ("00400252", text("COMPLETED")),
        ("00400254", {"vr": "LO"}),
        ("00400280", text("b")),
    ]


def test_sequences_are_replaced_whole() -> None:
    one, two = {"0020000E": text("1")}, {"0020000E": text("2"), "0008103E": text("x")}
    state: DataSet = {"00400340": {"vr": "SQ", "Value": [one, two]}}
    update: DataSet = {"00400340": {"vr": "SQ", "Value": [two]}}
    assert merged(state, update) == update


@pytest.mark.parametrize(
    ("stored", "sent", "state_text", "update_text", "after"),
    [
        # The Create's set stays, whatever the update says of itself.
        (charset("ISO_IR 100"), charset("ISO_IR 192"), "Müller", "plain", charset("ISO_IR 100")),
        (charset("ISO_IR 100"), charset("ISO_IR 192"), "Müller", "Jörg", charset("ISO_IR 100")),
        (charset("ISO_IR 100"), None, "Müller", "Jörg", charset("ISO_IR 100")),
        (charset("ISO_IR 192"), charset("ISO_IR 100"), "山田", "Jörg", UNICODE),
        (charset(None, "ISO 2022 IR 87"), None, "山田", "太郎", charset(None, "ISO 2022 IR 87")),
        (None, charset("ISO_IR 100"), "plain", "plain", None),
        # Unless it cannot hold what the step has become.
        (charset("ISO_IR 100"), charset("ISO_IR 192"), "Müller", "山田", UNICODE),
        (charset(None, "ISO 2022 IR 87"), charset("ISO_IR 100"), "山田", "Müller", UNICODE),
        (charset("ISO 2022 B5"), None, "plain", "Müller", UNICODE),
        ({"vr": "CS"}, None, "plain", "Müller", UNICODE),
        (None, charset("ISO_IR 100"), "plain", "Müller", UNICODE),
        (None, None, "Müller", "plain", UNICODE),
    ],
)
def test_the_character_set_of_the_create_stays_while_it_can(
    stored: dict[str, Any] | None,
    sent: dict[str, Any] | None,
    state_text: str,
    update_text: str,
    after: dict[str, Any] | None,
) -> None:
    state, update = {"00100020": text(state_text)}, {"00400254": text(update_text)}
    state |= {"00080005": stored} if stored else {}
    update |= {"00080005": sent} if sent else {}
    assert merged(state, update).get("00080005") == after


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_merging_bytes_is_merging_data_sets(seed: int, other: int) -> None:
    state, update = any_step("1.2", seed)[0][1], any_step("1.2", other)[-1][1]
    result = merge(encode_json(state), encode_json(update))
    expected = dict(sorted({**state, **update}.items()))
    assert result == orjson.dumps(orjson.loads(result))
    assert {**decode_json(result), "00080005": None} == {**expected, "00080005": None}
    assert list(decode_json(result)) == sorted(decode_json(result))


def test_merging_the_same_update_again_changes_nothing() -> None:
    for seed in range(20):
        (_, create), *updates = any_step("1.2", seed)
        state = encode_json(create)
        for _kind, update in updates:
            state = merge(state, encode_json(update))
            assert merge(state, encode_json(update)) == state


def test_order_of_updates_matters_only_where_they_overlap() -> None:
    state = encode_json({"00400252": text("IN PROGRESS")})
    changes = [encode_json({f"004000{number:02d}": text(str(number))}) for number in range(10)]
    results = set()
    for seed in range(5):
        random.Random(seed).shuffle(changes)
        result = state
        for change in changes:
            result = merge(result, change)
        results.add(result)
    assert len(results) == 1


def test_sequences_that_get_shorter_are_told() -> None:
    items = [{"00081155": text(str(number))} for number in range(3)]
    state = encode_json(
        {
            "00081032": {"vr": "SQ", "Value": items},
            "00400260": {"vr": "SQ", "Value": items},
            "00400340": {"vr": "SQ", "Value": items},
            "00401012": text("not a sequence"),
        }
    )
    update: DataSet = {
        "00081032": {"vr": "SQ", "Value": items[:2]},
        "00400254": text("x"),
        "00400260": {"vr": "SQ"},
        "00400281": {"vr": "SQ", "Value": items},
        "00400340": {"vr": "SQ", "Value": items},
        "00401012": {"vr": "SQ"},
    }
    findings = shrunk_sequences(state, update)
    assert [(f.rule, f.path, f.severity) for f in findings] == [
        ("sequence-shrunk", "ProcedureCodeSequence (0008,1032)", "warn"),
        ("sequence-shrunk", "PerformedProtocolCodeSequence (0040,0260)", "warn"),
    ]
    assert shrunk_sequences(state, {"00400254": text("x")}) == ()


def test_a_state_of_megabytes_is_not_taken_apart() -> None:
    (_, create), *updates = padded(mr("1.2"), 2_000_000)
    state = merge(encode_json(create), encode_json(updates[-1][1]))
    assert len(state) > 2_000_000
    after = merge(state, encode_json({"00400280": text("x")}))
    assert decode_json(after) == {**decode_json(state), "00400280": text("x")}
    assert tags_of(after) == frozenset(decode_json(after))
