"""Steps of real modalities, damaged at random: whatever passes the reader, nothing after it may fall over."""

import contextlib
import random
from typing import Any

import orjson
import pytest

from mpps_dicom import (
    Profile,
    Refused,
    check_create,
    check_final,
    check_update,
    decode_json,
    encode_json,
    merge,
    parse_includefield,
    read_json,
    select,
    shrunk_sequences,
    status_of,
    summarise,
    tags_of,
)
from tests.support.modalities import any_step

UID = "1.2.3"
ODD = (
    *(b'null true 5 1.5 -1 18446744073709551615 "" "x" "SQ" "PN" [] {} [{}] [null] ["x"] [[]]'.split()),
    '"é"'.encode(),
    b'{"vr":"SQ"}',
    b'{"vr":"SQ","Value":[{}]}',
    b'{"vr":"PN","Value":[{},null]}',
    b'{"vr":"LO","Value":["x"]}',
    b'{"vr":"UN","InlineBinary":"AAAA"}',
    b'{"vr":"IS","Value":["",null,"5",1.5]}',
    b'{"vr":"US","Value":[1.5]}',
    b'{"vr":"UV","Value":["99999999999999999999999"]}',
    b'{"vr":"AT","Value":["00100010"]}',
)
NAMES = ("00080018", "00080016", "00400252", "00400340", "00400270", "00080000", "00091001", "xx")


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """List every member and element below a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places_in(value[key]))]


def damaged(value: Any, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 3)):
        holder, key = rng.choice(places_in(value))
        odd = orjson.loads(rng.choice(ODD))
        if rng.random() < 0.2:
            del holder[key]
        elif isinstance(holder, dict) and rng.random() < 0.3:
            holder[rng.choice(NAMES)] = odd
        else:
            holder[key] = odd
    return orjson.dumps(value)


@pytest.mark.parametrize("seed", range(40))
def test_damage_is_refused_or_lived_with(seed: int) -> None:
    rng = random.Random(seed)
    state = encode_json(any_step(UID, seed)[0][1])
    fields = parse_includefield(["PatientName", "00400270.00080051.00400031", "00400340.0020000E"])
    for _ in range(40):
        body = damaged(rng.choice(any_step(UID, seed))[1], rng)
        try:
            data_set = read_json(body, uid=UID).data_set
        except Refused:
            continue
        for profile in Profile:
            with contextlib.suppress(Refused):
                check_create(data_set, profile)
            with contextlib.suppress(Refused):
                check_update(data_set, tags_of(state), profile)
            with contextlib.suppress(Refused):
                check_final(data_set, profile)
        with contextlib.suppress(Refused):
            status_of(data_set)
        shrunk_sequences(state, data_set)
        merged = merge(state, encode_json(data_set))
        assert read_json(merged, uid=UID).data_set == decode_json(merged)
        summarise(data_set).joined(summarise(decode_json(merged)))
        select(data_set, fields)
