"""What acceptance tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpps_cli.receiver import Receiver
from tests.support.aio import Background
from tests.support.manager import Manager

MakeReceiver = Callable[..., Receiver]


@pytest.fixture
def background() -> Iterator[Background]:
    """Give an event loop in a thread."""
    with Background() as background:
        yield background


@pytest.fixture
def receiving(background: Background) -> Iterator[MakeReceiver]:
    """Give what makes running subscribers; they end with the test."""
    made: list[Receiver] = []

    def make(receiver: Receiver | None = None) -> Receiver:
        made.append(receiver or Receiver())
        background.call(made[-1].start())
        return made[-1]

    yield make
    for receiver in made:
        receiver.resume()
        background.call(receiver.stop(abruptly=True))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """Give a manager that is ready, on a fresh data directory."""
    with Manager(tmp_path / "data", settings=QUICK) as manager:
        yield manager


QUICK = """\
[forwarding]
first_delay = 0.1
max_delay = 0.5
poll = 0.5
"""
"""Settings with which nothing takes long."""
