"""Slots are fixed for ever: what is stored carries them."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.slots import ALL_SLOTS, SLOTS, slot_of


def test_there_are_256() -> None:
    assert SLOTS == 256
    assert sorted(ALL_SLOTS) == list(range(256))


@pytest.mark.parametrize(("uid", "slot"), [("2.25.1", 0x27), ("1.2.840.10008.3.1.2.3.3", 0x91), ("1", 0xB7)])
def test_known_slots_never_move(uid: str, slot: int) -> None:
    assert slot_of(uid) == slot


@given(st.from_regex(r"\A[0-9.]{1,64}\Z"))
def test_a_slot_is_the_crc32_of_the_uid_modulo_256(uid: str) -> None:
    assert slot_of(uid) == binascii.crc32(uid.encode()) % 256


def test_steps_spread_over_all_slots() -> None:
    assert {slot_of(f"2.25.{n}") for n in range(5000)} == ALL_SLOTS
