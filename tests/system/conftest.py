"""What long runs have in common."""

import asyncio
from collections.abc import AsyncIterator
import logging

import pytest


@pytest.fixture
async def quick() -> AsyncIterator[None]:
    """Log lines and the stack of every callback would take most of the time."""
    asyncio.get_running_loop().set_debug(False)
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
