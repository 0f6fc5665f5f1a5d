"""How a test of the suite gets its store."""

import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.store.adapters import ADAPTERS, Adapter, Store
from tests.support.aio import run

Play = Callable[[Callable[[Store], Coroutine[Any, Any, None]]], None]
"""Runs a coroutine function with an empty store."""


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    name: str = request.param
    return ADAPTERS[name]


@pytest.fixture
def play(adapter: Adapter, tmp_path: Path) -> Play:
    def play(main: Callable[[Store], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            async with adapter(tmp_path / uuid.uuid4().hex) as store:
                await main(store)

        run(whole())

    return play
