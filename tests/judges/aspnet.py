"""The questions that Microsoft's own OData server was asked, and how its values compare with ours.

The data does not ship with the project (`shared_folder`): 240 flat rows without nulls, and for
each path the values that the server gave and that a second evaluation confirmed.
"""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.live import FIELDS, shared_folder

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_OWN = (
    *("id", "progress", "state", "enrollmentType", "updatedAt", "startedAt", "completedAt"),
    *("expiryDate", "certificateIssuedAt"),
)
_RELATIVE = 1e-12
"""Sums depend on the order of adding in their last digits."""


@dataclass(frozen=True, slots=True)
class Case:
    """A path below the service root, ready to send, and what the other server answered."""

    path: str
    value: Any
    ordered: bool
    count: int | None


def load_rows() -> list[dict[str, Any]]:
    """Return the rows in the nested shape of the Analytics API; none when the data is missing."""
    return [_nested(json.loads(line)) for line in _lines("rows.ndjson")]


def load_cases() -> list[Case]:
    """Return all cases, or none when the data is missing."""
    found = map(json.loads, _lines("answers.jsonl.gz"))
    return [Case(c["path"], c["value"], c["ordered"], c.get("count")) for c in found]


def _lines(name: str) -> Iterator[bytes]:
    shared = shared_folder()
    path = None if shared is None else shared / "data" / "aspnet" / name
    if path is None or not path.exists():
        return
    content = path.read_bytes()
    yield from (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    groups = [{"id": key, "name": f"Group {key}"} for key in row["groupIds"]]
    fields = [{"customFieldId": i, "name": n, "value": row[n]} for n, i in FIELDS]
    user = {name: row[f"user{name.title()}"] for name in ("id", "name", "email", "avatar")}
    content = {name: row[f"content{name.title()}"] for name in ("id", "name", "type")}
    own = {name: row[name] for name in _OWN}
    return {**own, "user": {**user, "groups": groups, "customFields": fields}, "content": content}


def difference(case: Case, body: Any) -> str:
    """Return how a JSON body differs from the case; empty when it is the same."""
    if not isinstance(case.value, list):
        return "" if body == case.value else f"{body} instead of {case.value}"
    if body.get("@odata.count") != case.count:
        return f"count {body.get('@odata.count')} instead of {case.count}"
    found, wanted = map(_comparable, body["value"]), map(_comparable, case.value)
    ours, theirs = (list(found), list(wanted))
    if not case.ordered:
        ours, theirs = (sorted(ours, key=_rank), sorted(theirs, key=_rank))
    if len(ours) != len(theirs):
        return f"{len(ours)} rows instead of {len(theirs)}"
    pairs = zip(ours, theirs, strict=True)
    return next((f"{a} instead of {b}" for a, b in pairs if not _is_same(a, b)), "")


def _comparable(value: Any) -> Any:
    """Without annotations, instants as such."""
    match value:
        case dict():
            return {n: _comparable(v) for n, v in value.items() if "@" not in n}
        case list():
            return [_comparable(item) for item in value]
        case str() if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value)
        case _:
            return value


def _rank(row: Any) -> str:
    """Rows of one meaning have one rank, or ranks that differ in what is not compared exactly."""
    return json.dumps(_rounded(row), sort_keys=True, default=str)


def _rounded(value: Any) -> Any:
    match value:
        case bool():
            return value
        case int() | float():
            return format(value, ".9g")
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case _:
            return value


def _is_same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_is_same(ours[n], theirs[n]) for n in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        same_length = len(ours) == len(theirs)
        return same_length and all(map(_is_same, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=_RELATIVE)
    return bool(ours == theirs)
