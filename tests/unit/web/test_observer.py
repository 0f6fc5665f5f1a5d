"""What Prometheus is told: the names of the interface page, and labels that stay bounded."""

from mpps_core.reading import LaneCounts, StoreCounts
from mpps_web.observer import PrometheusObserver


def value(observer: PrometheusObserver, name: str, **labels: str) -> float | None:
    return observer.registry.get_sample_value(name, labels)


def test_operations_are_counted_and_measured() -> None:
    observer = PrometheusObserver()
    for outcome in ("accepted", "accepted", "refused"):
        observer.operation_accepted(door="dicomweb", kind="create", outcome=outcome, seconds=0.003)
    observer.deviation(source="ct-1", rule="vm")
    name = "mpps_operations_accepted_total"
    assert value(observer, name, door="dicomweb", kind="create", outcome="accepted") == 2
    assert value(observer, name, door="dicomweb", kind="create", outcome="refused") == 1
    assert value(observer, "mpps_accept_seconds_count", door="dicomweb") == 3
    assert value(observer, "mpps_accept_seconds_bucket", door="dicomweb", le="0.002") == 0
    assert value(observer, "mpps_accept_seconds_bucket", door="dicomweb", le="0.005") == 3
    assert value(observer, "mpps_deviations_total", source="ct-1", rule="vm") == 1


def test_deliveries_are_counted_and_measured() -> None:
    observer = PrometheusObserver()
    observer.attempt_finished(subscription="ris", outcome="delivered", seconds=0.1)
    observer.delivered(subscription="ris", seconds=90_000)
    observer.breaker(subscription="ris", is_open=True)
    observer.set_slots(256)
    assert value(observer, "mpps_attempts_total", subscription="ris", outcome="delivered") == 1
    assert value(observer, "mpps_delivery_seconds_bucket", subscription="ris", le="43200.0") == 0
    assert value(observer, "mpps_delivery_seconds_bucket", subscription="ris", le="259200.0") == 1
    assert value(observer, "mpps_breaker_open", subscription="ris") == 1
    assert value(observer, "mpps_slots_owned") == 256


def test_gauges_are_those_of_the_store() -> None:
    observer = PrometheusObserver(wall=lambda: 1000.0)
    counts = StoreCounts(
        steps_open=3,
        steps_total=9,
        unrouted=2,
        lanes=(LaneCounts(subscription=1, behind=4, parked=1, oldest_undelivered=940.0),),
    )
    observer.set_counts(counts, {1: "ris", 2: "pacs"})
    assert value(observer, "mpps_steps_open") == 3
    assert value(observer, "mpps_steps_unrouted") == 2
    assert value(observer, "mpps_lanes", subscription="ris", state="behind") == 4
    assert value(observer, "mpps_lanes", subscription="ris", state="parked") == 1
    assert value(observer, "mpps_oldest_undelivered_seconds", subscription="ris") == 60
    assert value(observer, "mpps_lanes", subscription="pacs", state="behind") == 0
    assert value(observer, "mpps_oldest_undelivered_seconds", subscription="pacs") == 0


def test_removed_subscription_leaves_nothing() -> None:
    """Subscriptions come and go through the API; the number of series must not grow for ever."""
    observer = PrometheusObserver()
    for name in ("ris", "pacs"):
        observer.attempt_finished(subscription=name, outcome="delivered", seconds=0.1)
        observer.delivered(subscription=name, seconds=0.1)
        observer.breaker(subscription=name, is_open=False)
    observer.set_counts(StoreCounts(), {1: "ris", 2: "pacs"})
    observer.set_counts(StoreCounts(), {2: "pacs"})
    text = bytes(observer.metrics_response().body).decode()
    assert '"ris"' not in text
    assert '"pacs"' in text
    observer.attempt_finished(subscription="ris", outcome="delivered", seconds=0.1)
    assert value(observer, "mpps_attempts_total", subscription="ris", outcome="delivered") == 1
