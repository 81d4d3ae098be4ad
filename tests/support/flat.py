"""What the feed must show of the sandbox's nested rows: written apart from the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gateway.sandbox import Dataset
from tests.support.live import FIELDS

FlatRow = dict[str, Any]

INSTANTS = ("updatedAt", "startedAt", "completedAt", "expiryDate", "certificateIssuedAt")
COLUMNS = (
    *("id", "userId", "userName", "userEmail", "userAvatar", "contentId", "contentName"),
    *("contentType", "progress", "state", "enrollmentType"),
    *(*INSTANTS, "groupIds", "department", "region", "jobTitle"),
)


def flat_rows(dataset: Dataset) -> list[FlatRow]:
    """The rows of a dataset as the feed shows them, instants as aware datetimes."""
    return [flat_row(row) for row in dataset.to_rows()]


def flat_row(row: Mapping[str, Any]) -> FlatRow:
    """One row."""
    user, content = row["user"], row["content"]
    fields = {f["customFieldId"]: f.get("value") for f in user.get("customFields") or ()}
    flat = {name: row.get(name) for name in ("id", "progress", "state", "enrollmentType")}
    flat |= {f"user{n.title()}": user.get(n) for n in ("id", "name", "email", "avatar")}
    flat |= {f"content{n.title()}": content.get(n) for n in ("id", "name", "type")}
    flat |= {name: _instant(row.get(name)) for name in INSTANTS}
    flat["groupIds"] = [group["id"] for group in user.get("groups") or ()]
    return flat | {name: fields.get(field_id) for name, field_id in FIELDS}


def with_instants(rows: Iterable[Mapping[str, Any]]) -> list[FlatRow]:
    """Rows of the feed with their instants as aware datetimes, to compare with `flat_rows`."""
    return [
        {**row, **{name: _instant(row[name]) for name in INSTANTS if name in row}} for row in rows
    ]


def by_key(rows: Iterable[FlatRow]) -> dict[str, FlatRow]:
    """Rows by key; a key that comes twice is a failure."""
    found: dict[str, FlatRow] = {}
    for row in rows:
        assert row["id"] not in found, f"the key {row['id']!r} came twice"
        found[row["id"]] = row
    return found


def feed_order(rows: Iterable[FlatRow]) -> list[FlatRow]:
    """The order of the feed when the client asks for none: newest first, then by key."""
    ordered = sorted(rows, key=lambda row: row["id"])
    return sorted(ordered, key=lambda row: row["updatedAt"], reverse=True)


def _instant(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))
