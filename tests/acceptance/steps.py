"""Reporting steps to a manager, and holding what subscribers got against it."""

from collections.abc import Mapping, Sequence

from mpps_cli.modality import Modality, new_uid
from mpps_cli.proof import Verdict, prove
from mpps_cli.receiver import Receiver
from mpps_cli.samples import SAMPLES, Sample, read_sample
from tests.support.aio import Background
from tests.support.manager import Manager


def bodies(sample: Sample = Sample.CT) -> list[bytes]:
    """Return the operations of a sample step."""
    return [read_sample(file) for file in SAMPLES[sample]]


def report(manager: Manager, sample: Sample = Sample.CT, uid: str | None = None) -> str:
    """Report a whole step and return its UID."""
    step = uid or new_uid()
    for number, body in enumerate(bodies(sample), start=1):
        send(manager, step, body, update=number > 1)
    return step


def send(manager: Manager, uid: str, body: bytes, *, update: bool) -> None:
    """Send one operation, which has to be accepted."""
    sent = Modality(manager.base, manager.token).send(uid, body, update=update)
    assert sent.reply.status == (200 if update else 201), sent.reply.body


def arrived(background: Background, receiver: Receiver, operations: int, timeout: float = 30.0) -> None:
    """Wait until a subscriber has accepted so many operations."""
    background.call(receiver.until(lambda: len(receiver.accepted()) >= operations, timeout), timeout=timeout + 5)


def proved(receiver: Receiver, steps: Mapping[str, Sequence[bytes]]) -> Verdict:
    """Hold what a subscriber got against these steps."""
    verdict = prove(steps, receiver.arrivals)
    assert verdict.holds, verdict
    return verdict
