"""How far long work has come, on stderr, when somebody looks at it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

Tell = Callable[[int, int | None], None]
_EVERY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ExtractProgress:
    """An extract on its way: `rows` of `total`, None while that is not known."""

    rows: int
    total: int | None


@contextmanager
def bar(title: str, *, as_bytes: bool = False) -> Iterator[Tell]:
    """A bar that is told what is done and of how much; nothing when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console  # only a terminal needs it, and it takes its time
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    counted = DownloadColumn() if as_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), counted, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@asynccontextmanager
async def watched(client: httpx.AsyncClient, tell: Tell) -> AsyncIterator[None]:
    """Tell of the extract that is being read meanwhile, as /status knows it."""

    async def watch() -> None:
        while True:
            for reading in await extracts(client):
                tell(reading.rows, reading.total)
            await asyncio.sleep(_EVERY_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def extracts(client: httpx.AsyncClient) -> list[ExtractProgress]:
    """What is being read; nothing where that is not told."""
    with suppress(httpx.HTTPError, ValueError):
        told: Any = (await client.get("/status")).json()
        found = told.get("extracts", []) if isinstance(told, dict) else []
        return [ExtractProgress(e["rows"], e["of"]) for e in found if "rows" in e]
    return []
