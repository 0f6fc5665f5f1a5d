"""Two managers that subscribe to each other: what comes back is noticed, and nothing goes round for ever."""

import time
from pathlib import Path

from mpps_cli.samples import Sample
from tests.acceptance.conftest import QUICK, MakeReceiver
from tests.acceptance.steps import arrived, bodies, proved, report
from tests.support.aio import Background
from tests.support.manager import Manager, managers


def looped(manager: Manager, kind: str) -> float:
    text = manager.client.request("GET", "/metrics").body.decode()
    lines = [line for line in text.splitlines() if 'outcome="looped"' in line and f'kind="{kind}"' in line]
    return sum(float(line.split()[-1]) for line in lines if "_total{" in line)


def test_a_ring_of_two(tmp_path: Path, background: Background, receiving: MakeReceiver) -> None:
    left, right = Manager(tmp_path / "left", settings=QUICK), Manager(tmp_path / "right", settings=QUICK)
    end = receiving()
    with managers(left, right):
        left.subscribe("right", right.base)
        right.subscribe("left", left.base)
        right.subscribe("end", end.url)
        at_left = report(left, Sample.CT)
        at_right = report(right, Sample.US)
        arrived(background, end, 5)
        proved(end, {at_left: bodies(Sample.CT), at_right: bodies(Sample.US)})
        # Whatever was sent back is on its way or answered by now; wait until no lane is behind.
        for manager in (left, right):
            _level(manager)
        assert left.api("GET", f"/steps/{at_left}")["version"] == 3
        assert right.api("GET", f"/steps/{at_left}")["version"] == 3
        assert left.api("GET", f"/steps/{at_right}")["version"] == 2
        assert right.api("GET", f"/steps/{at_right}")["version"] == 2
        # What right sent back to left had left's name on it: answered, counted, not stored.
        assert (looped(left, "create"), looped(left, "update")) == (1, 2)
        assert (looped(right, "create"), looped(right, "update")) == (1, 1)
        via = right.api("GET", f"/steps/{at_left}")["operations"][0]["via"]
        assert via == [f"1.1 mpps-{left.api('GET', '/overview')['manager']['id']}"]


def _level(manager: Manager) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        counts = manager.api("GET", "/overview")["counts"]
        if counts["behind"] == counts["unrouted"] == 0:
            return
        time.sleep(0.1)
    raise AssertionError(manager.api("GET", "/overview"))
