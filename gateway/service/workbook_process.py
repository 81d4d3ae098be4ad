"""`python -m gateway.service.workbook_process`: rows on stdin -> a workbook on stdout.

It begins with a line of JSON, `WorkbookFacts`; an Arrow stream follows. Stdout must be a file. A
process of its own, because a workbook takes much CPU and some memory: both have limits here, and a
failure harms nothing else.
"""

from __future__ import annotations

import sys

import msgspec
import pyarrow as pa

from gateway.writer.workbook import WorkbookFacts, write_workbook

_MEMORY_BYTES = 2 * 1024**3
_CPU_SECONDS = 900


def main() -> None:
    """Write one workbook."""
    _limit()
    facts = msgspec.json.decode(sys.stdin.buffer.readline(), type=WorkbookFacts)
    with pa.ipc.open_stream(sys.stdin.buffer) as reader:
        write_workbook(sys.stdout.buffer, facts, reader.schema, reader)
    sys.stdout.buffer.flush()


def _limit() -> None:
    """Limit this process, on systems that can."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))


if __name__ == "__main__":
    main()
