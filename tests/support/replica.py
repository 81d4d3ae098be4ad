"""A client that keeps a copy of a feed, and applies what deltaLinks tell to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.support.live import Bridge

Row = dict[str, Any]


def key_in(url: str) -> str:
    """The key of an entity's id; that of several values as it stands there."""
    inside = unquote(url).partition("(")[2][:-1]
    return inside[1:-1].replace("''", "'") if inside.startswith("'") else inside


@dataclass
class Replica:
    """What a client knows: rows by key, and where changes are. `version` is that of OData."""

    gateway: Bridge
    path: str
    version: str = "4.0"
    pages: int = 1_000
    rows: dict[str, Row] = field(default_factory=dict)
    link: str = ""
    applied: str = ""

    @property
    def mark(self) -> str:
        """The prefix of control information."""
        return "@odata." if self.version == "4.0" else "@"

    def read(self) -> None:
        """All rows; only the first request says that changes are wanted."""
        wish = {"Prefer": f"track-changes, maxpagesize={self.pages}"}
        for item in self._follow(self.gateway.root + self.path, wish):
            self._put(item)

    def catch_up(self) -> list[Row]:
        """Apply what has changed; the items, as they came."""
        items = self._follow(self.link, {})
        for item in items:
            gone = self._gone(item)
            if gone is None:
                self._put(item)
            else:
                assert gone in self.rows, "what is told to be gone was there"
                del self.rows[gone]
        return items

    def full(self) -> dict[str, Row]:
        """The same feed, read anew by somebody else."""
        headers = {"OData-MaxVersion": self.version}
        path = self.gateway.root + self.path
        found: dict[str, Row] = {}
        url: str | None = path
        while url is not None:
            answer = self.gateway.client.get(url, headers=headers)
            assert answer.status_code == 200, answer.text
            for row in answer.json()["value"]:
                found[self._key(row)] = self._plain(row)
            url = answer.json().get(f"{self.mark}nextLink")
        return found

    def reason(self, item: Row) -> str | None:
        """Why an item has left; None when it has not."""
        if self.version == "4.0":
            return item.get("reason") if "/$deletedEntity" in str(item) else None
        removed = item.get("@removed")
        return None if removed is None else str(removed["reason"])

    def _follow(self, url: str | None, headers: dict[str, str]) -> list[Row]:
        items: list[Row] = []
        first = {"OData-MaxVersion": self.version, "Prefer": f"maxpagesize={self.pages}", **headers}
        while url is not None:
            answer = self.gateway.client.get(url, headers=first)
            assert answer.status_code == 200, answer.text
            if not items and headers:
                self.applied = answer.headers.get("Preference-Applied", "")
            first["Prefer"] = f"maxpagesize={self.pages}"
            body = answer.json()
            items += body["value"]
            url = body.get(f"{self.mark}nextLink")
            link = body.get(f"{self.mark}deltaLink")
            assert (url is None) is (link is not None), "either more pages, or a deltaLink"
        self.link = link
        return items

    def _put(self, row: Row) -> None:
        key, plain = self._key(row), self._plain(row)
        assert self.rows.get(key) != plain, "what is told to be new or changed is"
        self.rows[key] = plain

    def _gone(self, item: Row) -> str | None:
        if self.reason(item) is None:
            return None
        assert self.reason(item) in ("deleted", "changed")
        return key_in(item["id" if self.version == "4.0" else "@id"])

    def _key(self, row: Row) -> str:
        url = row.get(f"{self.mark}id")
        if url:
            return key_in(url)
        return str(row.get("id") or ",".join(f"{name}='{value}'" for name, value in row.items()))

    @staticmethod
    def _plain(row: Row) -> Row:
        return {name: value for name, value in row.items() if not name.startswith("@")}
