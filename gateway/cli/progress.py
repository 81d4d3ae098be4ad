"""Progress of long work, on stderr, if that is a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

Report = Callable[[int, int | None], None]
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ExtractProgress:
    """A running extract: `rows` of `total`, None if the total is not known yet."""

    rows: int
    total: int | None


@contextmanager
def bar(title: str, *, as_bytes: bool = False) -> Iterator[Report]:
    """Yield a function that updates a progress bar; no bar if stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console  # imported late: slow, and needed on a terminal only
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
async def reporting_extracts(client: httpx.AsyncClient, report: Report) -> AsyncIterator[None]:
    """Report the progress of running extracts, as /status shows it, during the block."""

    async def poll() -> None:
        while True:
            for extract in await extracts(client):
                report(extract.rows, extract.total)
            await asyncio.sleep(_POLL_SECONDS)

    task = asyncio.create_task(poll())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def extracts(client: httpx.AsyncClient) -> list[ExtractProgress]:
    """Return the running extracts; empty if /status does not show row counts."""
    with suppress(httpx.HTTPError, ValueError):
        status: Any = (await client.get("/status")).json()
        found = status.get("extracts", []) if isinstance(status, dict) else []
        return [ExtractProgress(e["rows"], e["of"]) for e in found if "rows" in e]
    return []
