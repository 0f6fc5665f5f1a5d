"""Subscribers that hang, are slow or are not there: each waits for itself alone."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import orjson
import pytest

from mpps_cli.modality import Modality, new_uid
from tests.faults.account import take
from tests.faults.modality import Sent, marked
from tests.faults.subscriber import Subscriber
from tests.faults.waiting import eventually, stored_steps
from tests.support.manager import Manager
from tests.support.modalities import MODALITIES

pytestmark = pytest.mark.faults

_SETTINGS: Final = """\
[forwarding]
first_delay = 0.1
max_delay = 1.0
poll = 0.5

[telemetry]
log_level = "warning"
"""
_STEPS: Final = 40


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Manager(tmp_path / "data", settings=_SETTINGS) as manager:
        yield manager


def test_sick_subscribers_keep_nothing_from_the_others(manager: Manager) -> None:
    with ExitStack() as stack:
        healthy, hung, slow, gone = [
            stack.enter_context(Subscriber(name, delay=delay))
            for name, delay in (("healthy", 0.0), ("hung", 0.0), ("slow", 0.1), ("gone", 0.0))
        ]
        hung.tell("hang")
        gone.tell("close")
        for each in (healthy, slow, gone):
            manager.subscribe(each.name, each.url)
        # With a patience of a second it is tried again and again while it hangs, and answers all of that at once.
        manager.subscribe("hung", hung.url, limits={"timeout_s": 1})
        sent = [_report(manager, list(MODALITIES)[n % len(MODALITIES)], n) for n in range(_STEPS)]
        operations = sum(step.acknowledged for step in sent)

        healthy.wait_for(operations)
        assert not hung.arrivals
        assert not gone.arrivals
        slow.wait_for(operations)
        assert not hung.arrivals

        # Its breaker is open: what waits for it costs nobody an attempt.
        eventually(lambda: _breaker(manager, "hung") != "closed" and _breaker(manager, "gone") != "closed")
        hung.tell("resume")
        gone.tell("open")
        hung.wait_for(operations)
        gone.wait_for(operations)
        arrivals = {each.name: each.arrivals for each in (healthy, slow, gone, hung)}
        account = take(sent, stored_steps(manager), arrivals)
        assert not account.wrong


def test_a_subscriber_that_hangs_and_comes_back_gets_everything_in_order(manager: Manager) -> None:
    with Subscriber("ris") as ris:
        manager.subscribe("ris", ris.url)
        before = _report(manager, "XA", 1)
        ris.wait_for(before.acknowledged)
        ris.tell("hang")
        during = [_report(manager, "XA", seed) for seed in range(2, 12)]
        ris.tell("resume")
        after = _report(manager, "XA", 99)
        sent = [before, *during, after]
        ris.wait_for(sum(step.acknowledged for step in sent))
        assert not take(sent, stored_steps(manager), {"ris": ris.arrivals}).wrong
        # It answered in time what it had been asked before: nothing was sent twice.
        assert len(ris.arrivals) == sum(step.acknowledged for step in sent)


def test_a_manager_killed_while_its_subscriber_hangs_goes_on_where_it_was(manager: Manager) -> None:
    with Subscriber("ris") as ris:
        manager.subscribe("ris", ris.url)
        ris.tell("hang")
        sent = [_report(manager, "MR", seed) for seed in range(8)]
        manager.restart()
        sent += [_report(manager, "MR", seed) for seed in range(8, 12)]
        ris.tell("resume")
        ris.wait_for(sum(step.acknowledged for step in sent))
        eventually(lambda: not manager.client.pages("/lanes", limit=1, state="behind"))
        assert not take(sent, stored_steps(manager), {"ris": ris.arrivals}).wrong


def _report(manager: Manager, kind: str, seed: int) -> Sent:
    uid = new_uid()
    step = marked(MODALITIES[kind](uid, seed=seed))
    modality = Modality(manager.base)
    for number, (_, data_set) in enumerate(step):
        assert modality.send(uid, orjson.dumps(data_set), update=number > 0).reply.ok
    return Sent(uid, len(step), acknowledged=len(step))


def _breaker(manager: Manager, name: str) -> str:
    (found,) = (each for each in manager.api("GET", "/overview")["subscriptions"] if each["id"] == name)
    return str(found["breaker"])
