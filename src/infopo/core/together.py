"""Work side by side where one error ends all of it."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def all_or_error(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order. The first error is raised as it is, once the others were cancelled and have ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
