"""Workbooks, made in processes of their own: few at a time, in turns, and limited in time."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import IO

import anyio
import msgspec
from anyio.abc import Process

from gateway.errors import LimitExceeded, QueryTimeout
from gateway.fairness.budget import current_budget
from gateway.fairness.round_robin import RoundRobin
from gateway.writer.workbook import MAX_ROWS, WorkbookFacts

_COMMAND = (sys.executable, "-P", "-m", "gateway.service.workbook_process")
"""`-P`: a folder called gateway in the working directory is not run."""
_SECONDS = 900.0
_PART_BYTES = 262_144
_MAX_COMPLAINT_BYTES = 2_000
InThread = Callable[..., Awaitable[bytes | None]]


def check_rows(rows: int) -> None:
    """Check that a sheet can have so many rows.

    Raises:
        LimitExceeded: with what to do instead.
    """
    if rows > MAX_ROWS:
        raise LimitExceeded(
            f"Excel's sheets end at {MAX_ROWS:,} rows, and these are {rows:,}: narrow $filter, add"
            " $top, or take $format=csv or parquet, which have no limit",
            target="$format",
        )


class Workbooks:
    """The processes of one gateway that make workbooks; callers take turns."""

    def __init__(self, at_once: int = 2, seconds: float = _SECONDS) -> None:
        self._turns = RoundRobin(at_once)
        self._seconds = seconds

    async def make(
        self, facts: WorkbookFacts, arrow: Iterator[bytes], in_thread: InThread
    ) -> IO[bytes]:
        """Return an open file without a name, which has the workbook; the caller closes it.

        `arrow` is the Arrow stream of the rows, read in threads while the process writes.

        Raises:
            QueryTimeout: it took too long.
            RuntimeError: the process failed.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            with anyio.fail_after(self._seconds):
                async with self._turns.turn(current_budget().caller):
                    await _run(file, facts, arrow, in_thread)
        except TimeoutError as error:
            file.close()
            raise QueryTimeout from error
        except BaseException:
            file.close()
            raise
        return file


async def sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Yield a file in parts from its beginning."""
    await anyio.to_thread.run_sync(file.seek, 0)
    while part := await anyio.to_thread.run_sync(file.read, _PART_BYTES):
        yield part


async def _run(
    file: IO[bytes], facts: WorkbookFacts, arrow: Iterator[bytes], in_thread: InThread
) -> None:
    with tempfile.TemporaryFile() as complaint:
        process = await anyio.open_process(_COMMAND, stdout=file, stderr=complaint)
        try:
            await _feed(process, facts, arrow, in_thread)
            code = await process.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process)
        if code:
            raise RuntimeError(f"the process of a workbook ended with {code}: {_kind(complaint)}")


async def _feed(
    process: Process, facts: WorkbookFacts, arrow: Iterator[bytes], in_thread: InThread
) -> None:
    assert process.stdin is not None  # noqa: S101 - opened with a pipe
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # its exit code says why
        await process.stdin.send(msgspec.json.encode(facts) + b"\n")
        while (part := await in_thread(next, arrow, None)) is not None:
            if part:
                await process.stdin.send(part)
            current_budget().renew()  # the process sets the pace
        await process.stdin.aclose()


def _kind(complaint: IO[bytes]) -> str:
    """Return the kind of the last error; its message may have values of rows."""
    complaint.seek(0)
    lines = complaint.read()[-_MAX_COMPLAINT_BYTES:].decode(errors="replace").splitlines()
    return lines[-1].partition(":")[0] if lines else "no message"


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.aclose()
