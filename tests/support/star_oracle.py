"""What the tables made of the results must show: plain Python, apart from the gateway."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.flat import COLUMNS, FlatRow, feed_order, flat_row
from tests.support.live import FIELDS

Nested = Mapping[str, Any]
STATES = {
    "notStarted": "NOT_STARTED",
    "inProgress": "IN_PROGRESS",
    "approved": "APPROVED",
    "failed": "FAILED",
    "expired": "EXPIRED",
}
ENROLLMENTS = {"mandatory": "MANDATORY", "optional": "OPTIONAL", "notEnrolled": "NOT_ENROLLED"}


class Star:
    """The tables of a workspace's rows; `now` is the moment of the extract."""

    def __init__(self, rows: Iterable[Nested], now: datetime) -> None:
        nested = {row["id"]: row for row in rows}
        self._rows = feed_order(map(flat_row, nested.values()))
        self._groups = {key: _groups(row) for key, row in nested.items()}
        self._now = now

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of an entity set in the order of its key."""
        attribute = "_groups_table" if name == "Groups" else f"_{name.lower()}"
        made: Callable[[], list[dict[str, Any]]] = getattr(self, attribute)
        return made()

    def _users(self) -> list[dict[str, Any]]:
        fields = [name for name, _ in FIELDS]
        return [
            {
                "id": key,
                "name": rows[0]["userName"],
                "email": rows[0]["userEmail"],
                "avatar": rows[0]["userAvatar"],
                **{name: rows[0][name] for name in fields},
            }
            for key, rows in self._by("userId")
        ]

    def _contents(self) -> list[dict[str, Any]]:
        return [
            {"id": key, "name": rows[0]["contentName"], "type": rows[0]["contentType"]}
            for key, rows in self._by("contentId")
        ]

    def _by_group(self) -> list[tuple[tuple[str, Any], list[FlatRow]]]:
        """Each group with its name in the newest result, and the results that it counts."""
        found: dict[str, list[tuple[FlatRow, Any]]] = defaultdict(list)
        for row in self._rows:
            for group_id, name in dict.fromkeys(self._groups[row["id"]]):
                found[group_id].append((row, name))
        return [
            ((key, pairs[0][1]), [row for row, _ in pairs]) for key, pairs in sorted(found.items())
        ]

    def _groups_table(self) -> list[dict[str, Any]]:
        return [{"id": key, "name": name} for (key, name), _ in self._by_group()]

    def _groupmembers(self) -> list[dict[str, Any]]:
        return [
            {"userId": key, "groupId": group}
            for key, rows in self._by("userId")
            for group in sorted(set(rows[0]["groupIds"]))
        ]

    def _contentstatistics(self) -> list[dict[str, Any]]:
        return [
            {
                "contentId": key,
                "contentName": rows[0]["contentName"],
                "contentType": rows[0]["contentType"],
                **self._counted(rows),
            }
            for key, rows in self._by("contentId")
        ]

    def _userstatistics(self) -> list[dict[str, Any]]:
        return [
            {
                "userId": key,
                "userName": rows[0]["userName"],
                "userEmail": rows[0]["userEmail"],
                **self._counted(rows),
            }
            for key, rows in self._by("userId")
        ]

    def _groupstatistics(self) -> list[dict[str, Any]]:
        return [
            {"groupId": key, "groupName": name, **self._counted(rows)}
            for (key, name), rows in self._by_group()
        ]

    def _statistics(self) -> list[dict[str, Any]]:
        return [{"id": "workspace", **self._counted(self._rows)}]

    def _resultrows(self) -> list[dict[str, Any]]:
        return [
            {
                "rowId": str(UUID(bytes=_md5(row["id"]))),
                "partitionDay": f"{_year_of(row['contentId'])}-07-01T00:00:00Z",
                "partitionDigest": "",
                **{name: row[name] for name in COLUMNS},
            }
            for row in self._rows
        ]

    def _by(self, name: str) -> list[tuple[str, list[FlatRow]]]:
        groups: dict[str, list[FlatRow]] = defaultdict(list)
        for row in self._rows:
            groups[row[name]].append(row)
        return sorted(groups.items())

    def _counted(self, rows: list[FlatRow]) -> dict[str, Any]:
        progress = [row["progress"] for row in rows if row["progress"] is not None]
        updates = [row["updatedAt"] for row in rows]
        return {
            "results": len(rows),
            "users": len({row["userId"] for row in rows}),
            "contents": len({row["contentId"] for row in rows}),
            **{n: sum(row["state"] == s for row in rows) for n, s in STATES.items()},
            **{n: sum(row["enrollmentType"] == e for row in rows) for n, e in ENROLLMENTS.items()},
            "averageProgress": sum(progress) / len(progress) if progress else None,
            "certificatesIssued": sum(row["certificateIssuedAt"] is not None for row in rows),
            "overdue": sum(map(self._is_overdue, rows)),
            "expiringSoon": sum(map(self._expires_soon, rows)),
            "lastUpdatedAt": max(updates, default=None),
        }

    def _is_overdue(self, row: FlatRow) -> bool:
        late = row["expiryDate"] is not None and row["expiryDate"] < self._now
        return late and row["enrollmentType"] == "MANDATORY" and row["state"] != "APPROVED"

    def _expires_soon(self, row: FlatRow) -> bool:
        if row["expiryDate"] is None or row["state"] != "APPROVED":
            return False
        return bool(self._now <= row["expiryDate"] < self._now + timedelta(days=30))


def _md5(text: str) -> bytes:
    return hashlib.md5(text.encode(), usedforsecurity=False).digest()


def _year_of(content_id: str) -> int:
    return 1992 + int.from_bytes(_md5(content_id)[8:], "little") % 32


def _groups(row: Nested) -> list[tuple[str, Any]]:
    return [(group["id"], group.get("name")) for group in row["user"].get("groups") or ()]
