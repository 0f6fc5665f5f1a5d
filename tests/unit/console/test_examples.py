"""The commands of the landing page, judged by the strictest rules."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from mpps_console.examples import commands
from mpps_dicom import Profile, check_create, check_final, check_update, encode_json, merge, read_json, tags_of
from mpps_dicom.json_model import decode_json

NOW = datetime(2026, 11, 21, 8, 15, 30, tzinfo=UTC)
BASE = "http://127.0.0.1:8246"


def data_set_of(text: Any) -> Any:
    return orjson.loads(text.partition("<<'JSON'\n")[2].removesuffix("\nJSON"))


def test_the_strictest_profile_finds_nothing_wrong_with_the_examples() -> None:
    create, update, _ = (command.text for command in commands(BASE, NOW))
    (uid,) = re.findall(r"/(2\.25\.\d+)'", create)
    created = read_json(orjson.dumps(data_set_of(create)), uid=uid)
    updated = read_json(orjson.dumps(data_set_of(update)), uid=uid)
    assert created.findings == updated.findings == ()
    assert check_create(created.data_set, Profile.STRICT) == ()
    state = encode_json(created.data_set)
    assert check_update(updated.data_set, tags_of(state), Profile.STRICT) == ()
    merged = decode_json(merge(state, encode_json(updated.data_set)))
    assert check_final(merged, Profile.STRICT) == ()


def test_each_page_has_another_uid() -> None:
    assert len({commands(BASE, NOW)[0].text for _ in range(50)}) == 50


@pytest.mark.parametrize("with_token", [True, False])
def test_the_key_comes_from_the_environment(with_token: Any) -> None:
    for command in commands(BASE, NOW, with_token=with_token):
        assert ('-H "Authorization: Bearer $MPPS_TOKEN"' in command.text) is with_token
