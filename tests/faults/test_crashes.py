"""kill -9 at any moment of accepting and delivering (section F of the protocol says what is promised)."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.faults.account import Account, Stored, take
from tests.faults.modality import Modality, Sent
from tests.faults.subscriber import Subscriber
from tests.faults.waiting import eventually, stored_steps
from tests.support.aio import run
from tests.support.manager import Manager
from tests.support.modalities import MODALITIES

pytestmark = pytest.mark.faults

KILLS: Final = int(os.environ.get("MPPS_KILLS", "20"))
SEED: Final = int(os.environ.get("MPPS_KILLS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)

_SETTINGS: Final = """\
[forwarding]
first_delay = 0.05
max_delay = 0.5
poll = 0.5

[telemetry]
log_level = "warning"
"""
_LONGEST_LIFE: Final = 0.9  # seconds from ready to the next kill
_LONGEST_START: Final = 1.2  # seconds of life of one that is killed while it starts
_SHARE_OF_STARTS: Final = 0.2


@dataclass(slots=True)
class _Run:
    """A manager with its neighbours, and what is measured of it."""

    manager: Manager
    modalities: list[Modality]
    rng: random.Random
    kills: int = 0
    to_ready: list[float] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  #: acknowledged and not there after a restart

    async def kill_and_restart(self, kills: int) -> None:
        """Kill so many times, at moments that have nothing to do with what the manager is doing."""
        while self.kills < kills:
            await asyncio.sleep(self.rng.random() * _LONGEST_LIFE)
            acknowledged = [(step.uid, step.acknowledged) for step in self._newest()]
            self._kill()
            if self.rng.random() < _SHARE_OF_STARTS and self.kills < kills:
                self.manager.launch()
                await asyncio.sleep(self.rng.random() * _LONGEST_START)
                self._kill()
            begun = time.monotonic()
            await self.manager.start_soon()
            self.to_ready.append(time.monotonic() - begun)
            await asyncio.to_thread(self._ask_for, acknowledged)

    def _kill(self) -> None:
        self.manager.kill()
        self.kills += 1

    def _newest(self) -> list[Sent]:
        """Return the steps that were in the making."""
        return [step for modality in self.modalities for step in modality.steps[-2:] if step.acknowledged]

    def _ask_for(self, acknowledged: list[tuple[str, int]]) -> None:
        for uid, operations in acknowledged:
            reply = self.manager.client.request("GET", f"/api/v1/steps/{uid}")
            version = reply.json()["version"] if reply.ok else 0
            if version < operations:
                self.missing.append(f"{uid}: {operations} acknowledged, {version} there")


def test_nothing_acknowledged_is_lost_or_late_when_the_manager_is_killed(tmp_path: Path) -> None:
    print(f"\n{KILLS} kills with MPPS_KILLS_SEED={SEED}")
    with ExitStack() as stack:
        subscribers = [
            stack.enter_context(Subscriber("prompt")),
            stack.enter_context(Subscriber("slow", delay=0.005)),
            stack.enter_context(Subscriber("flaky", flaky=0.03, seed=SEED)),
        ]
        manager = stack.enter_context(Manager(tmp_path / "data", settings=_SETTINGS))
        for subscriber in subscribers:
            manager.subscribe(subscriber.name, subscriber.url, limits={"in_flight": 8})
        modalities = [Modality(kind, manager.base, random.Random(f"{SEED}/{kind}")) for kind in MODALITIES]
        crashes = _Run(manager, modalities, random.Random(f"{SEED}/kills"))
        run(_all_of_it(crashes), timeout=60 + 5 * KILLS)
        stored = stored_steps(manager)
        operations = sum(map(len, stored.values()))
        for subscriber in subscribers:
            subscriber.wait_for(operations, 60 + KILLS)
        eventually(lambda: _is_level(manager))
        sent = [step for modality in modalities for step in modality.steps]
        account = take(sent, stored, {each.name: each.arrivals for each in subscribers})
    _print(account, crashes, stored, subscribers)
    assert not crashes.missing
    assert not account.wrong
    assert account.delivered == account.stored * len(subscribers)


async def _all_of_it(crashes: _Run) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for modality in crashes.modalities:
            group.create_task(modality.run(stop))
        await crashes.kill_and_restart(KILLS)
        stop.set()


def _is_level(manager: Manager) -> bool:
    return not manager.client.pages("/lanes", limit=1, state="behind")


def _print(account: Account, crashes: _Run, stored: Stored, subscribers: Sequence[Subscriber]) -> None:
    figures = {
        "kills": crashes.kills,
        "steps": len(stored),
        "acknowledged": account.acknowledged,
        "repeated by modalities": sum(modality.repeats for modality in crashes.modalities),
        "stored": account.stored,
        f"delivered to {len(subscribers)} subscribers": account.delivered,
        "duplicates": account.duplicates,
        "order violations": account.count("order"),
        "lost": account.count("lost") + len(crashes.missing),
        "mean seconds to ready": f"{sum(crashes.to_ready) / max(len(crashes.to_ready), 1):.2f}",
    }
    for name, value in figures.items():
        print(f"{name:>28}  {value}")
    for what, where in account.wrong.items():
        print(what, *where[:10], sep="\n    ")
