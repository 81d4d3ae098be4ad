"""Pure stages get every moment as a value: they never read the clock, in Python or in SQL.

`lint-imports` forbids `time` there; `datetime` is allowed as a type, and can read the clock too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[2] / "gateway"
STAGES = ("edm", "query", "planner", "engine", "writer", "connect")
MODULES = sorted(path for stage in STAGES for path in (GATEWAY / stage).rglob("*.py"))
READING = frozenset({"now", "utcnow", "today"})
SQL = re.compile(
    r"\b(?:now|today|get_current_timestamp|transaction_timestamp)\(\)"
    r"|\bcurrent_(?:date|time|timestamp)\b|\blocaltime(?:stamp)?\b",
    re.IGNORECASE,
)


def clock_reads(source: str) -> Iterator[int]:
    """Yield the lines that read the clock, whatever names `datetime` and `time` are imported by."""
    tree = ast.parse(source)
    clocks: set[str] = set()
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Import(names) if any(name.name.split(".")[0] == "time" for name in names):
                yield node.lineno
            case ast.ImportFrom(module="time"):
                yield node.lineno
            case ast.Import(names):
                clocks |= {name.asname or name.name for name in names if name.name == "datetime"}
            case ast.ImportFrom(module="datetime", names=names):
                clocks |= {name.asname or name.name for name in names}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=attr) if attr in READING:
                if ast.unparse(value).split(".")[0] in clocks:
                    yield node.lineno
            case ast.Constant(value=str(text)) if id(node) not in prose and SQL.search(text):
                yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(GATEWAY)))
def test_a_pure_stage_does_not_read_the_clock(path: Path) -> None:
    assert not [*clock_reads(path.read_text("utf-8"))]


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as dt\nfield(default_factory=dt.utcnow)",
        "import datetime\ndatetime.date.today()",
        "import datetime as d\nd.datetime.now(d.UTC)",
        "import time\ntime.time()",
        "from time import monotonic\nmonotonic()",
        "text = f'SELECT {x}, current_timestamp'",
        "text = 'now() - INTERVAL 1 DAY'",
    ],
)
def test_each_way_to_read_the_clock_is_found(source: str) -> None:
    assert [*clock_reads(source)]
