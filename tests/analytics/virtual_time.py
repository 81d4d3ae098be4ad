"""Time that stands still while anybody works, and jumps to the next sleeper when nobody does."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

import anyio
from anyio.lowlevel import checkpoint

Job = Callable[[], Awaitable[object]]


class VirtualTime:
    """`now` and `sleep` for whoever takes them; `run` is where time passes."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._numbers = count()

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        event = anyio.Event()
        heapq.heappush(self._sleepers, (self.seconds + seconds, next(self._numbers), event))
        await event.wait()

    async def run(self, jobs: Sequence[Job]) -> None:
        """Run jobs side by side, until all have ended."""
        async with anyio.create_task_group() as group:
            for job in jobs:
                group.start_soon(_finish, job)
            await _all_blocked()
            while self._sleepers:
                self.seconds, _, event = heapq.heappop(self._sleepers)
                event.set()
                await _all_blocked()


async def _all_blocked() -> None:
    """As `anyio.wait_all_tasks_blocked`, which polls ten times a second."""
    for _ in range(30):
        await checkpoint()


async def _finish(job: Job) -> None:
    await job()
