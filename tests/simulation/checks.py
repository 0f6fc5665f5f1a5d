"""What must hold after every simulated day: the promise of section F, and the accounts that prove it."""

from itertools import pairwise

from mpps_core.forwarding.next_operation import begins_lane
from mpps_core.lane import LaneKey, LaneState
from mpps_core.subscription import Start, Subscription
from tests.simulation.modality import DEFINITE, Call
from tests.simulation.subscribers import Receiver
from tests.simulation.world import IDLE, World

_DEFINITE_NAMES = {error.__name__ for error in DEFINITE}

MAX_CALLS_PER_IDLE_SECOND = 20.0
"""Polls of routing, subscriptions, back-fill and five dispatchers come to less; a busy loop to far more."""


def violations(world: World) -> list[str]:
    """Return everything that does not hold."""
    found = [*_accepted(world), *_answers(world), *_numbers(world)]
    for subscription in world.store._subscriptions.values():
        receiver = world.receivers[subscription.id]
        found += _lanes(world, subscription)
        found += _arrived(world, subscription, receiver)
        found += _healed_once(world, subscription, receiver)
    for name, receiver in world.receivers.items():
        found += _order(name, receiver)
        found += _silence_after_removal(world, name, receiver)
    found += _replayed(world)
    if not world.level():
        found.append("not level in the end")
    return found


def busy(turns: int, calls: int) -> list[str]:
    """Return a violation if a world with nothing to do did too much."""
    if calls > MAX_CALLS_PER_IDLE_SECOND * IDLE or turns > 20 * MAX_CALLS_PER_IDLE_SECOND * IDLE:
        return [f"busy loop: {turns} turns and {calls} store calls in {IDLE:.0f} idle seconds"]
    return []


def _accepted(world: World) -> list[str]:
    """Nothing acknowledged is missing, and it is what was acknowledged (rule 1)."""
    missing = []
    for call in world.book.accepted():
        operations = world.store._operations.get(call.uid, [])
        kept = operations[call.number - 1] if 0 < call.number <= len(operations) else None
        if kept is None or kept.request_id != call.request_id:
            missing.append(f"acknowledged but not stored: {call.marker} as {call.number}")
    return missing


def _answers(world: World) -> list[str]:
    """What was refused for good is not stored after all (rule 2)."""
    refused = {call.request_id: call for call in world.book.calls if call.answer in _DEFINITE_NAMES}
    return [
        f"answered {refused[operation.request_id].answer} and yet stored: {refused[operation.request_id].marker}"
        for operations in world.store._operations.values()
        for operation in operations
        if operation.request_id in refused
    ]


def _numbers(world: World) -> list[str]:
    """Operations count without gaps, none is kept twice, the step agrees with them."""
    found = []
    for uid, operations in world.store._operations.items():
        if [operation.number for operation in operations] != list(range(1, len(operations) + 1)):
            found.append(f"numbers with gaps: {uid}")
        if len({operation.accept_id for operation in operations}) != len(operations):
            found.append(f"one accept kept twice: {uid}")
        if world.store._steps[uid].version != len(operations):
            found.append(f"step and operations disagree: {uid}")
    return found


def _lanes(world: World, subscription: Subscription) -> list[str]:
    """A lane exists if and only if rule 9 says so."""
    found = []
    for uid, step in world.store._steps.items():
        newest = max(operation.received_at for operation in world.store._operations[uid])
        wanted = begins_lane(subscription, updated_at=newest, status=step.status)
        exists = (subscription.number, uid) in world.store._lanes
        if wanted and not exists:
            found.append(f"{subscription.id} wants {uid} and has no lane")
        if exists and not wanted and subscription.start is not Start.OPEN:
            found.append(f"{subscription.id} has a lane to {uid} that it does not want")
    return found


def _arrived(world: World, subscription: Subscription, receiver: Receiver) -> list[str]:
    """Every operation of every lane has been processed by its subscriber."""
    got = set(receiver.processed)
    missing = []
    for (number, uid), lane in world.store._lanes.items():
        if number != subscription.number or lane.state is LaneState.CLOSED:
            continue
        version = world.store._steps[uid].version
        if lane.version != version:
            missing.append(f"{subscription.id} was never told of version {version} of {uid}")
        missing += [f"{subscription.id} never got {uid}/{n}" for n in range(1, version + 1) if (uid, n) not in got]
    return missing


def _order(name: str, receiver: Receiver) -> list[str]:
    """No attempt starts after a newer operation's attempt, replay and healing aside; none before its cursor."""
    found = [f"{name}: {lane} while another attempt of its lane was under way" for lane in receiver.doubled]
    newest: dict[str, tuple[int, int]] = {}
    for start in receiver.starts:
        if start.cursor is not None and start.cursor < start.number - 1:
            found.append(
                f"{name}: {start.uid}/{start.number} started with durable cursor {start.cursor} at {start.at:.2f}"
            )
        rewinds, number = newest.get(start.uid, (0, 0))
        if start.number < number and start.rewinds <= rewinds:
            found.append(f"{name}: {start.uid}/{start.number} started after {number} at {start.at:.2f}")
        # A rewind is used up by the first attempt that goes back.
        newest[start.uid] = (start.rewinds if start.number < number else rewinds, start.number)
    return found


def _healed_once(world: World, subscription: Subscription, receiver: Receiver) -> list[str]:
    """The same 404 sends a lane back to its Create once, unless the operation came through meanwhile (rule 22)."""
    found = []
    by_lane: dict[str, list[int]] = {}
    for start in receiver.starts:
        by_lane.setdefault(start.uid, []).append(start.number)
    for uid, numbers in by_lane.items():
        if LaneKey(subscription=subscription.number, uid=uid) in world.asked:
            continue
        healed_at = 0
        for before, number in pairwise(numbers):
            if number > healed_at:
                healed_at = 0
            if number < before:
                if before == healed_at:
                    found.append(f"{subscription.id}: {uid} healed again before {before} came through")
                healed_at = before
    return found


def _replayed(world: World) -> list[str]:
    """A replay that was taken has gone back to the Create, whatever was under way (rule 19)."""
    found = []
    for key, at in world.replays:
        subscription = world.store._subscriptions.get(key.subscription)
        if subscription is None:
            continue
        starts = world.receivers[subscription.id].starts
        if not any(start.uid == key.uid and start.number == 1 and start.at >= at for start in starts):
            found.append(f"{subscription.id}: the replay of {key.uid} taken at {at:.2f} was forgotten")
    return found


def _silence_after_removal(world: World, name: str, receiver: Receiver) -> list[str]:
    """No attempt starts once the removal of a subscription is applied (rule 27)."""
    applied = world.removed.get(name, float("inf"))
    return [f"{name}: attempt at {start.at:.2f} after removal" for start in receiver.starts if start.at > applied]


def describe(call: Call) -> str:
    """Return a line about a call."""
    return f"{call.at:8.2f}  {call.request_id:8} {call.marker:60} {call.answer} {call.number or ''}"
