"""Health and metrics."""

from starlette.testclient import TestClient

from mpps_core.errors import StoreUnavailable
from mpps_web.app import create_app
from mpps_web.health import Readiness, health_router
from mpps_web.observer import PrometheusObserver


async def fine() -> None:
    pass


async def down() -> None:
    raise StoreUnavailable("the disk is full")


async def broken() -> None:
    raise ValueError("Doe^Jane")


def client(readiness: Readiness, observer: PrometheusObserver | None = None) -> TestClient:
    app = create_app([health_router(readiness, observer, refresh=down)], log_requests=False)
    return TestClient(app)


def test_alive_whatever_is_missing() -> None:
    assert client(Readiness({"store": down})).get("/healthz").status_code == 200


def test_ready() -> None:
    answer = client(Readiness({"store": fine}, reported={"bus": down})).get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ready": True, "missing": {}, "reported": {"bus": "the disk is full"}},
    )


def test_what_is_missing_is_named() -> None:
    answer = client(Readiness({"store": down, "other": broken, "third": fine})).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"store": "the disk is full", "other": "ValueError"}


def test_draining_is_not_ready() -> None:
    readiness = Readiness({"store": fine})
    readiness.drain()
    answer = client(readiness).get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, {"process": "draining"})


def test_metrics_come_without_a_store_too() -> None:
    observer = PrometheusObserver()
    observer.deviation(source="ct-1", rule="vm")
    answer = client(Readiness({}), observer).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'mpps_deviations_total{rule="vm",source="ct-1"} 1.0' in answer.text
