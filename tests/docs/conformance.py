"""docs/conformance.md as data: its rows, and what their examples ask and expect.

A row is `| clause | must | answer | what the service does | example | expected | tests |`. Of the
last three cells the code spans count. An example is a request line without protocol (GET may be
left out, blanks are sent as %20), then header lines, then perhaps `body: ` and the body. What is
expected is a status, and then any of: a header line; `$metadata...`, the context URL below the
service root; `[a, b]`, the keys of the rows in order; `=text`, the whole body; `+text` and `-text`,
what it holds and does not.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tests.docs.render import ROOT
from tests.support.wire import WireAnswer, send

PAGE = ROOT / "docs" / "conformance.md"
IN_WORK = "in work"
ANSWERS = re.compile(r"yes|no|void|refused \d{3}|in work")
_SPAN = re.compile(r"`([^`]*)`")
_METHOD = re.compile(r"(?:(GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) )?(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Z][A-Za-z-]*): (.*)")
_BODY = "body: "


@dataclass(frozen=True, slots=True)
class Row:
    """One clause; `example`, `expected` and `tests` are the code spans of their cells."""

    clause: str
    must: str
    answer: str
    what: str
    example: tuple[str, ...]
    expected: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def status(self) -> int:
        """The status that the example is answered with."""
        return int(self.expected[0])


def read_rows(text: str) -> list[Row]:
    """All rows of all tables whose first column is `clause`.

    Raises:
        ValueError: a row has other cells than seven.
    """
    rows: list[Row] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.startswith("| clause |"):
            inside = True
        elif inside and not line.startswith("|--"):
            rows.append(_row(line))
    return rows


def _row(line: str) -> Row:
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) != 7:
        raise ValueError(f"{len(cells)} cells in place of 7: {line}")
    clause, must, answer, what, *rest = cells
    example, expected, tests = (tuple(_SPAN.findall(cell)) for cell in rest)
    return Row(clause, must, answer, what, example, expected, tests)


def ask(root: str, row: Row) -> WireAnswer:
    """Send a row's example, byte for byte."""
    first, *lines = row.example
    found = _METHOD.fullmatch(first)
    assert found is not None
    headers = [(h[1], h[2]) for line in lines if (h := _HEADER.fullmatch(line))]
    bodies = [line.removeprefix(_BODY) for line in lines if line.startswith(_BODY)]
    assert len(headers) + len(bodies) == len(lines), lines
    body = "".join(bodies).replace("\\r\\n", "\r\n").encode()
    target = found[2].removeprefix("/").replace(" ", "%20")
    return send(root, f"/odata/v4/{target}", headers, method=found[1] or "GET", body=body)


def complaints(root: str, row: Row, answer: WireAnswer) -> list[str]:
    """What of the answer is not as the row says."""
    wrong = [e for e in row.expected[1:] if not _holds(e, root, answer)]
    return wrong if answer.status == row.status else [str(answer.status), *wrong]


def _holds(expected: str, root: str, answer: WireAnswer) -> bool:
    match expected[0]:
        case "=":
            return expected[1:] == answer.text
        case "+":
            return expected[1:] in answer.text
        case "-":
            return expected[1:] not in answer.text
    if expected.startswith("$metadata"):
        body = answer.json()
        return bool(body.get("@odata.context", body.get("@context")) == root + expected)
    if expected.startswith("["):
        keys = ", ".join(row["id"] for row in answer.json()["value"])
        return f"[{keys}]" == expected
    header = _HEADER.fullmatch(expected)
    assert header is not None, f"not understood: {expected}"
    return answer.every(header[1]) == [header[2]]


def missing_tests(row: Row) -> list[str]:
    """The named tests that are nowhere."""
    return [name for name in row.tests if not _exists(name)]


def _exists(name: str) -> bool:
    path, _, function = name.partition("::")
    file = ROOT / path
    return path.startswith("tests/") and file.is_file() and function in _functions(file)


def _functions(file: Path) -> set[str]:
    module = ast.parse(file.read_text("utf-8"))
    return {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    }
