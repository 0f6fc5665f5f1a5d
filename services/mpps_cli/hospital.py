"""A small hospital on this machine: a real manager in a process of its own, subscribers, and modalities."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

import orjson

from mpps_cli.client import Client
from mpps_cli.failure import Failure
from mpps_cli.modality import Modality, new_uid
from mpps_cli.receiver import Receiver, status_in
from mpps_cli.samples import SAMPLES, Sample, read_sample

_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 25.0
_REPETITIONS: Final = 20
_BETWEEN_REPETITIONS: Final = 0.3

_SETTINGS: Final = """\
# A hospital in a hurry: what takes minutes elsewhere takes seconds here.
[forwarding]
first_delay = 0.25
max_delay = 1.5
[telemetry]
log_level = "warning"
log_requests = false
"""


@dataclass(slots=True, kw_only=True)
class Step:
    """A step on its way: what the manager has accepted of it so far."""

    name: str
    sample: Sample
    uid: str = field(default_factory=new_uid)
    status: str = ""
    accepted: list[bytes] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many operations it will have."""
        return len(SAMPLES[self.sample])


@dataclass(slots=True, kw_only=True)
class Subscriber:
    """A subscriber and how it is doing."""

    id: str
    name: str
    receiver: Receiver
    state: str = "well"

    def has_all(self, steps: Sequence[Step]) -> bool:
        """Tell whether it has everything that was accepted of these steps."""
        return all(self.has(step) == len(step.accepted) for step in steps)

    def has(self, step: Step) -> int:
        """Return how many operations of a step it has."""
        return len({arrival.number for arrival in self.receiver.accepted(step.uid)})


class ManagerProcess:
    """``mpps up`` on a free port of loopback, ended with this process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises Failure."""
        config = self._directory / "mpps.toml"
        config.write_text(_SETTINGS)
        arguments = ("up", "--config", str(config), "--data", str(self._directory / "data"), "--http", "127.0.0.1:0")
        # The settings of whoever runs the demo are not those of its manager.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MPPS_")}
        with (self._directory / "manager.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "mpps_cli.child",
                *arguments,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for the demo; it ends the manager itself.
                process_group=0,
            )
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready(self._process)
        except TimeoutError:
            raise Failure(f"the manager was not ready within {_START_SECONDS:g} s", *self._log()) from None

    async def stop(self) -> int:
        """End it in order and return its exit code; after a while end it by force."""
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
        return await process.wait()

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("the manager has no output")
        while line := (await process.stdout.readline()).decode():
            if line.startswith("http"):
                self.url = line.split()[1]
            if line.strip() == "ready":
                return
        raise Failure("the manager did not start", *self._log())

    def _log(self) -> list[str]:
        text = (self._directory / "manager.log").read_text(errors="replace")
        return [f"  {line}" for line in text.splitlines()[-5:]]


class Hospital:
    """The manager, the subscribers and the steps. ``told`` gets a line for each thing that happens."""

    def __init__(self, directory: Path, told: Callable[[str], None]) -> None:
        self._told = told
        self.manager = ManagerProcess(directory)
        self.subscribers = (
            self._subscriber("archive", "Image archive", 0.0),
            self._subscriber("ris", "Radiology information system", 0.4),
            self._subscriber("dose", "Dose monitoring", 0.0),
        )
        self.steps = (
            Step(name="CT abdomen", sample=Sample.CT),
            Step(name="MR brain", sample=Sample.MR),
            Step(name="Ultrasound", sample=Sample.US),
            Step(name="Angiography", sample=Sample.XA),
            Step(name="MR, stopped", sample=Sample.STOPPED),
            Step(name="CT abdomen", sample=Sample.CT),
        )

    @property
    def slow(self) -> Subscriber:
        """The subscriber that takes its time."""
        return self.subscribers[1]

    @property
    def sick(self) -> Subscriber:
        """The subscriber that is not well."""
        return self.subscribers[2]

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open it, with a subscription for each subscriber; close it at the end. Raises Failure."""
        async with contextlib.AsyncExitStack() as stack:
            for subscriber in self.subscribers:
                await stack.enter_async_context(subscriber.receiver)
            stack.push_async_callback(self.manager.stop)
            await self.manager.start()
            self._told(f"manager ready at {self.manager.url}")
            client = Client(self.manager.url)
            for subscriber in self.subscribers:
                body = {
                    "id": subscriber.id,
                    "name": subscriber.name,
                    "target": {"url": subscriber.receiver.url},
                    "limits": {"timeout_s": 5},
                }
                await asyncio.to_thread(client.api, "POST", "/subscriptions", body)
                self._told(f"{subscriber.id} subscribes: {subscriber.receiver.url}")
            yield

    async def report(self, step: Step, *, after: float, every: float) -> None:
        """Be the modality of a step: send its operations one after the other. Raises Failure."""
        await asyncio.sleep(after)
        modality = Modality(f"{self.manager.url}/dicomweb")
        for number, file in enumerate(SAMPLES[step.sample], start=1):
            if number > 1:
                await asyncio.sleep(every)
            body = read_sample(file)
            await self._sent(modality, step, body, update=number > 1)
            step.accepted.append(body)
            step.status = status_in(orjson.loads(body)) or step.status
            self._told(f"{step.name}: operation {number} of {step.operations} accepted, {step.status}")

    async def illness(self) -> None:
        """Let the sick subscriber answer 503 for a while, recover, die with connections open, and come back."""
        sick = self.sick
        sick.receiver.available = False
        self._becomes(sick, "answers 503")
        await asyncio.sleep(3.0)
        sick.receiver.available = True
        self._becomes(sick, "well")
        await asyncio.sleep(1.5)
        await sick.receiver.stop(abruptly=True)
        self._becomes(sick, "dead")
        await asyncio.sleep(3.5)
        await sick.receiver.start()
        self._becomes(sick, "well")

    async def level(self) -> None:
        """Wait until everybody has everything that was accepted."""
        await asyncio.gather(
            *(each.receiver.until(partial(each.has_all, self.steps), timeout=None) for each in self.subscribers)
        )

    async def _sent(self, modality: Modality, step: Step, body: bytes, *, update: bool) -> None:
        """Send an operation, again if the manager asks for that, as modalities do."""
        sent = await asyncio.to_thread(modality.send, step.uid, body, update=update)
        for _ in range(_REPETITIONS):
            if sent.reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_BETWEEN_REPETITIONS)
            sent = await asyncio.to_thread(modality.send, step.uid, body, update=update)
        if not sent.done:
            problem = sent.reply.problem()
            raise Failure(
                f"{step.name} was not accepted: {problem['title']} ({sent.reply.status}): {problem['detail']}"
            )

    @staticmethod
    def _subscriber(subscription: str, name: str, delay: float) -> Subscriber:
        return Subscriber(id=subscription, name=name, receiver=Receiver(delay=delay))

    def _becomes(self, subscriber: Subscriber, state: str) -> None:
        subscriber.state = state
        self._told(f"{subscriber.id} is {state}" if state in {"well", "dead"} else f"{subscriber.id} {state}")
