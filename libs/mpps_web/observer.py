"""The observer of the core, told to Prometheus and to the log. Names are those of the interface page."""

import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from mpps_core.reading import StoreCounts

ACCEPT_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds from the whole body to the answer."""

DELIVERY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200, 259200)
"""Seconds from acceptance to delivery: milliseconds when all is well, days when a subscriber was away."""

_log = structlog.get_logger("mpps")


class PrometheusObserver:
    """Counts for Prometheus in a registry of its own, and logs events.

    Labels are bounded by the configuration: doors, sources, subscriptions, and words of our own. What is counted
    for a subscription goes when ``set_counts`` no longer names it.
    """

    def __init__(self, *, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        registry = self.registry
        self._accepted = Counter(
            "mpps_operations_accepted", "Operations answered at a door.", ("door", "kind", "outcome"), registry=registry
        )
        self._accept_seconds = Histogram(
            "mpps_accept_seconds", "Time to accept.", ("door",), buckets=ACCEPT_BUCKETS, registry=registry
        )
        self._deviations = Counter(
            "mpps_deviations", "Deviations in what was accepted.", ("source", "rule"), registry=registry
        )
        self._attempts = Counter(
            "mpps_attempts", "Attempts to deliver an operation.", ("subscription", "outcome"), registry=registry
        )
        self._delivery_seconds = Histogram(
            "mpps_delivery_seconds",
            "Time from acceptance to delivery.",
            ("subscription",),
            buckets=DELIVERY_BUCKETS,
            registry=registry,
        )
        self._breaker_open = Gauge(
            "mpps_breaker_open", "1 while a breaker is open.", ("subscription",), registry=registry
        )
        self._lanes = Gauge("mpps_lanes", "Lanes that are not level.", ("subscription", "state"), registry=registry)
        self._oldest = Gauge(
            "mpps_oldest_undelivered_seconds",
            "Age of the oldest lane that is behind.",
            ("subscription",),
            registry=registry,
        )
        self._steps_open = Gauge("mpps_steps_open", "Steps that are IN PROGRESS.", registry=registry)
        self._unrouted = Gauge("mpps_steps_unrouted", "Steps with operations not routed yet.", registry=registry)
        self._slots = Gauge("mpps_slots_owned", "Slots that this process owns.", registry=registry)
        # labels() takes a lock and builds a key at each call; children are looked up in plain dicts instead.
        self._accepted_by: dict[tuple[str, str, str], Counter] = {}
        self._accept_seconds_by: dict[str, Histogram] = {}
        self._deviations_by: dict[tuple[str, str], Counter] = {}
        self._attempts_by: dict[tuple[str, str], Counter] = {}
        self._delivery_by: dict[str, Histogram] = {}
        self._named: set[str] = set()

    def operation_accepted(self, *, door: str, kind: str, outcome: str, seconds: float) -> None:
        """Count an answered operation."""
        key = (door, kind, outcome)
        counter = self._accepted_by.get(key)
        if counter is None:
            counter = self._accepted_by[key] = self._accepted.labels(*key)
        counter.inc()
        histogram = self._accept_seconds_by.get(door)
        if histogram is None:
            histogram = self._accept_seconds_by[door] = self._accept_seconds.labels(door)
        histogram.observe(seconds)

    def deviation(self, *, source: str, rule: str) -> None:
        """Count a deviation."""
        key = (source, rule)
        counter = self._deviations_by.get(key)
        if counter is None:
            counter = self._deviations_by[key] = self._deviations.labels(*key)
        counter.inc()

    def attempt_finished(self, *, subscription: str, outcome: str, seconds: float) -> None:
        """Count an attempt."""
        del seconds
        self._named.add(subscription)
        key = (subscription, outcome)
        counter = self._attempts_by.get(key)
        if counter is None:
            counter = self._attempts_by[key] = self._attempts.labels(*key)
        counter.inc()

    def delivered(self, *, subscription: str, seconds: float) -> None:
        """Measure a delivery."""
        self._named.add(subscription)
        histogram = self._delivery_by.get(subscription)
        if histogram is None:
            histogram = self._delivery_by[subscription] = self._delivery_seconds.labels(subscription)
        histogram.observe(seconds)

    def breaker(self, *, subscription: str, is_open: bool) -> None:
        """Show a breaker."""
        self._named.add(subscription)
        self._breaker_open.labels(subscription).set(is_open)

    def event(self, name: str, **keys: str | float | None) -> None:
        """Log an event."""
        _log.info(name, **keys)

    def set_counts(self, counts: StoreCounts, names: Mapping[int, str]) -> None:
        """Show how the store stands. ``names`` gives the id of every subscription by its number."""
        self._steps_open.set(counts.steps_open)
        self._unrouted.set(counts.unrouted)
        now = self._wall()
        by_number = {lane.subscription: lane for lane in counts.lanes}
        for number, name in names.items():
            lane = by_number.get(number)
            since = lane.oldest_undelivered if lane else None
            self._lanes.labels(name, "behind").set(lane.behind if lane else 0)
            self._lanes.labels(name, "parked").set(lane.parked if lane else 0)
            self._oldest.labels(name).set(0 if since is None else max(0.0, now - since))
        wanted = set(names.values())
        for name in self._named - wanted:
            self._forget(name)
        self._named = wanted

    def set_slots(self, owned: int) -> None:
        """Show how many slots this process owns."""
        self._slots.set(owned)

    def metrics_response(self) -> Response:
        """Return all metrics in the text format of Prometheus."""
        return Response(generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def _forget(self, subscription: str) -> None:
        label = {"subscription": subscription}
        for metric in (
            self._attempts,
            self._delivery_seconds,
            self._breaker_open,
            self._lanes,
            self._oldest,
        ):
            metric.remove_by_labels(label)
        self._attempts_by = {key: child for key, child in self._attempts_by.items() if key[0] != subscription}
        self._delivery_by.pop(subscription, None)
