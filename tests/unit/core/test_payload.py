"""What is kept inside a step's document and what is not (rule 4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.payload import compress, decompress, fits_inline

KIB = 1024


@pytest.mark.parametrize(
    ("stored", "already", "fits"),
    [
        (0, 0, True),
        (64 * KIB, 0, True),
        (64 * KIB + 1, 0, False),
        (64 * KIB, 64 * KIB, True),
        (64 * KIB, 64 * KIB + 1, False),
        (1, 128 * KIB - 1, True),
        (1, 128 * KIB, False),
        (0, 128 * KIB, True),
        (0, 128 * KIB + 1, False),
    ],
)
def test_64_kib_each_and_128_kib_together(stored: int, already: int, fits: bool) -> None:
    assert fits_inline(stored, already) is fits


@given(st.binary(max_size=5000))
def test_what_was_compressed_comes_back(data: bytes) -> None:
    assert decompress(compress(data)) == data


def test_references_to_images_become_small() -> None:
    items = b",".join(b'{"00081155":{"vr":"UI","Value":["1.2.276.0.7230010.%d"]}}' % n for n in range(10_000))
    assert len(compress(items)) < len(items) / 5
