"""Microsoft's own reader of OData responses, as a program that the tests ask.

It does not ship with the project (`shared_folder`). A conversation begins with a model; each
response after it is read with all validations, and what the library saw comes back.
"""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from tests.fuzz.reading import same
from tests.fuzz.truth import One, Perhaps, Refused, Rows, Truth, Undecided, Value
from tests.support.live import shared_folder


def program() -> Path | None:
    """Return where the reader is; None when it is missing."""
    shared = shared_folder()
    found = None if shared is None else shared / "tools" / "odata-reader"
    return found if found is not None and found.exists() else None


@dataclass(frozen=True, slots=True)
class Read:
    """What the library made of a response: its kind and content, or why it refused it."""

    kind: str
    content: Any
    error: str = ""


def read_all(
    root: str, version: str, model: str, answers: Iterable[tuple[str, httpx.Response]]
) -> list[Read]:
    """Return what the reader sees in responses to URLs below `root`, in order."""
    lines: list[dict[str, Any]] = [{"model": model, "version": version}]
    lines += [_line(root, url, answer) for url, answer in answers]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    reader = program()
    assert reader is not None
    done = subprocess.run(
        [reader], input=text, capture_output=True, text=True, check=True, timeout=120
    )
    first, *rest = (json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines())
    assert first["model"] is True, first
    assert first["errors"] == []
    assert len(rest) == len(lines) - 1, done.stderr
    return [Read(r.get("kind", ""), _plain(r.get("read")), r.get("error", "")) for r in rest]


def _line(root: str, url: str, answer: httpx.Response) -> dict[str, Any]:
    body, headers = b64encode(answer.content).decode(), dict(answer.headers)
    headers.pop("content-encoding", None)
    line = {"id": url, "root": root, "url": url, "status": answer.status_code}
    return {**line, "headers": headers, "body": body}


@dataclass(frozen=True, slots=True)
class ReadDecimal:
    """A number that the library took for a Decimal."""

    value: Decimal


def _plain(value: Any) -> Any:
    match value:
        case {"decimal": str(text)} if len(value) == 1:
            return ReadDecimal(Decimal(text))
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def complaint(truth: Truth, read: Read, *, nulls_left_out: bool = False) -> str:
    """Return how what was read differs from the truth; empty when it does not."""
    answer = truth.answer if isinstance(truth, Perhaps) else truth
    if read.error:
        return f"refused: {read.error}"
    if read.kind == "error":
        expected = isinstance(answer, Refused | Undecided) or isinstance(truth, Perhaps)
        return "" if expected else f"an error: {read.content}"
    match answer:
        case Rows(rows, count):
            if count is not None and read.content.get("count") != count:
                return f"count {read.content.get('count')} instead of {count}"
            return _compared(read.content["rows"], rows, nulls_left_out=nulls_left_out)
        case One(row):
            return _compared([read.content], [_last_shown(row)], nulls_left_out=nulls_left_out)
        case Value(value):
            return "" if _same(read.content, value) else f"{read.content!r} instead of {value!r}"
        case _:
            return ""


def _last_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The program shows only the last of the rows that come along with a single entity."""
    return {
        name: value[-1]
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for name, value in row.items()
    }


def _compared(found: list[Any], wanted: list[Any], *, nulls_left_out: bool) -> str:
    if len(found) != len(wanted):
        return f"{len(found)} rows instead of {len(wanted)}"
    for row, right in zip(found, wanted, strict=True):
        kept = {n: v for n, v in right.items() if not (nulls_left_out and v is None)}
        if not _same(row, kept):
            return f"{row} instead of {kept}"
    return ""


def _same(found: Any, wanted: Any) -> bool:
    """The library reports no count of rows that do not come along: `way/$count` is not seen."""
    if isinstance(found, ReadDecimal):
        return not isinstance(wanted, float) and same(found.value, wanted)
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        seen = {n: v for n, v in wanted.items() if not n.endswith("@count") or n in found}
        return found.keys() == seen.keys() and all(_same(found[n], seen[n]) for n in seen)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    return same(found, wanted)
