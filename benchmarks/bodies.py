"""Bodies of a given size, as modalities send them: a CT step with so many image references that they are that long."""

import random
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from mpps_core.payload import compress
from mpps_dicom import merge
from tests.support.modalities import DataSet, ct

RESOURCE: Final = "/dicomweb/modality-performed-procedure-steps/"

_VARIANTS: Final = 16
_SERIES: Final = "00400340"
_IMAGES: Final = "00081140"


class Pair(NamedTuple):
    """A Create and an Update of one step, and how many compressed bytes keeping each of them takes."""

    create: bytes
    update: bytes
    create_row: int
    update_row: int


def pairs(size: int, seed: int = 0) -> list[Pair]:
    """Return steps of different patients whose bodies have ``size`` bytes or a little more."""
    return [_pair(size, f"2.25.{seed + number + 1}", random.Random(seed + number)) for number in range(_VARIANTS)]


def uids(count: int, seed: int) -> list[str]:
    """Return UIDs of steps; the same ones for the same seed."""
    rng = random.Random(seed)
    return [f"2.25.{rng.getrandbits(126) | 1 << 126}" for _ in range(count)]


def request(method: str, path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of an HTTP request."""
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/dicom+json",
        "Accept: application/dicom+json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def requests(kind: str, size: int, steps: Sequence[str], seed: int = 0) -> list[bytes]:
    """Return a request for each step. ``Row-Bytes`` tells a floor how large a row to write."""
    made = pairs(size, seed)
    query = "?update" if kind == "update" else ""
    built = []
    for number, uid in enumerate(steps):
        pair = made[number % len(made)]
        body, row = (pair.update, pair.update_row) if query else (pair.create, pair.create_row)
        built.append(request("POST", f"{RESOURCE}{uid}{query}", body, f"Row-Bytes: {row}"))
    return built


def _pair(size: int, uid: str, rng: random.Random) -> Pair:
    (_, create), (_, update), *_ = ct(uid, seed=rng.randrange(10**6))
    series = update[_SERIES]["Value"][0]
    create = {**create, _SERIES: {"vr": "SQ", "Value": [{**series, _IMAGES: {"vr": "SQ", "Value": []}}]}}
    first, second = _grown(create, size, rng), _grown(update, size, rng)
    state = merge(first, second)
    return Pair(first, second, len(compress(first)), len(compress(second)) + len(compress(state)))


def _grown(data_set: DataSet, size: int, rng: random.Random) -> bytes:
    """Add references to images until the body is long enough. Their UIDs share nothing that compresses well."""
    (series,) = data_set[_SERIES]["Value"]
    images: list[dict[str, Any]] = []
    root = rng.getrandbits(60)
    grown = {**data_set, _SERIES: {"vr": "SQ", "Value": [{**series, _IMAGES: {"vr": "SQ", "Value": images}}]}}
    while (missing := size - len(orjson.dumps(grown))) > 0:
        images += [_image(root, rng) for _ in range(max(1, missing // 180))]
    return orjson.dumps(grown)


def _image(root: int, rng: random.Random) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        "00081155": {"vr": "UI", "Value": [f"1.2.276.0.7230010.3.1.4.{root}.{rng.getrandbits(40)}"]},
    }
