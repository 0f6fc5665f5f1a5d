"""The proof finds whatever is wrong with what a subscriber got."""

import pytest

from mpps_cli.proof import Verdict, prove
from mpps_cli.receiver import Arrival
from mpps_dicom import StepOperation

A = b'{"00080060":{"vr":"CS","Value":["CT"]}}'
B = b'{"00080060":{"vr":"CS","Value":["MR"]}}'
ACCEPTED = {"1.2": [A, B, A]}


def arrival(number: int | None, body: bytes = A, *, uid: str = "1.2", answer: int = 200) -> Arrival:
    kind = StepOperation.CREATE if number == 1 else StepOperation.UPDATE
    return Arrival(uid=uid, number=number, kind=kind, body=body, size=len(body), at=0.0, answer=answer)


GOOD = [arrival(1), arrival(2, B), arrival(3)]


@pytest.mark.parametrize(
    ("arrivals", "verdict"),
    [
        (GOOD, Verdict(expected=3)),
        ([arrival(1, b"[" + A + b"]"), *GOOD[1:]], Verdict(expected=3)),
        ([arrival(1, answer=503), *GOOD], Verdict(expected=3)),
        ([arrival(1), arrival(1, answer=409), *GOOD[1:]], Verdict(expected=3, repeated=1)),
        ([], Verdict(expected=3, missing=3)),
        (GOOD[:2], Verdict(expected=3, missing=1)),
        ([*GOOD[:2], arrival(3, answer=503)], Verdict(expected=3, missing=1)),
        ([arrival(1), arrival(3), arrival(2, B)], Verdict(expected=3, out_of_order=1)),
        ([*GOOD, arrival(2, B, answer=409)], Verdict(expected=3, out_of_order=1, repeated=1)),
        ([arrival(1), arrival(2, A), arrival(3)], Verdict(expected=3, different=1)),
        ([*GOOD, arrival(4)], Verdict(expected=3, unexpected=1)),
        ([*GOOD, arrival(1, uid="1.3")], Verdict(expected=3, unexpected=1)),
        ([*GOOD, arrival(None)], Verdict(expected=3, unexpected=1)),
    ],
)
def test_verdicts(arrivals: list[Arrival], verdict: Verdict) -> None:
    assert prove(ACCEPTED, arrivals) == verdict


@pytest.mark.parametrize(
    ("verdict", "holds"),
    [
        (Verdict(expected=3, repeated=2), True),
        (Verdict(missing=1), False),
        (Verdict(out_of_order=1), False),
        (Verdict(different=1), False),
        (Verdict(unexpected=1), False),
    ],
)
def test_what_the_proof_holds_with(verdict: Verdict, holds: bool) -> None:
    assert verdict.holds is holds
