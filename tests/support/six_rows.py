"""The six awkward rows of tests/golden/fixture.json behind a live gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.contract.loader import built_in_contract
from tests.support.live import FIELDS, Bridge, bridge

_FIXTURE = Path(__file__).parents[1] / "golden" / "fixture.json"


@contextmanager
def six_rows_bridge(folder: Path) -> Iterator[Bridge]:
    """A gateway over them; their updatedAt may be null, so a contract in `folder` says the same."""
    contract = folder / "contract.toml"
    contract.write_text(_with_nullable(built_in_contract(), "updatedAt"), "utf-8")
    rows = json.loads(_FIXTURE.read_text("utf-8"))["rows"]
    settings = {"contract": str(contract)}
    with bridge([_nested(row) for row in rows], settings=settings) as running:
        yield running


def _with_nullable(text: str, column: str) -> str:
    start = text.index(f'name = "{column}"')
    end = text.index("nullable = false", start)
    assert "[[columns]]" not in text[start:end], f"{column} is nullable already"
    return text[:end] + "nullable = true" + text[end + len("nullable = false") :]


def _nested(row: Mapping[str, Any]) -> dict[str, object]:
    """A row of the fixture in the shape of the Analytics API."""
    own = ("id", "progress", "state", "enrollmentType", "updatedAt", "startedAt", "completedAt")
    nested: dict[str, object] = {name: row[name] for name in own}
    nested |= {name: row[name] for name in ("expiryDate", "certificateIssuedAt")}
    nested["content"] = {name: row[f"content{name.title()}"] for name in ("id", "name", "type")}
    fields = [{"customFieldId": i, "name": n, "value": row[n]} for n, i in FIELDS]
    user = {name: row[f"user{name.title()}"] for name in ("id", "name", "email", "avatar")}
    return nested | {"user": {**user, "groups": [], "customFields": fields}}
