"""One hospital for each module: its steps do not get into each other's way."""

from collections.abc import Iterator

import pytest

from tests.scenarios.hospital import Hospital, running


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Give a running hospital."""
    with running(tmp_path_factory.mktemp("hospital")) as hospital:
        yield hospital
