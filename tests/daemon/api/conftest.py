import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
from support.rest import Rest, rest


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Rest]:
    """In open mode."""
    async with rest(tmp_path) as running:
        yield running


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Rest]:
    """In secured mode, without an account yet."""
    async with rest(tmp_path, config={"auth": {"mode": "secured"}}) as running:
        yield running


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Function
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests of a module that names ``LOOPS`` run once on each of them."""
    return getattr(item.module, "LOOPS", {"asyncio": asyncio.new_event_loop})
