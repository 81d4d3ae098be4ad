"""The truth about every response: rows change and are added, but none of the first ones goes."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec

from gateway.sandbox import Dataset, generate

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """The keys that each table has from the beginning, and each person's results."""

    keys: Mapping[str, frozenset[str]]
    results_of: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, rows: int) -> Truth:
        """Return the truth of the sandbox's rows before anything changed."""
        return cls._of(generate(rows))

    @classmethod
    def _of(cls, dataset: Dataset) -> Truth:
        results: defaultdict[str, set[str]] = defaultdict(set)
        contents, groups, members = set(), set(), set()
        for row in dataset.to_rows():
            user, content = _part(row, "user"), _part(row, "content")
            results[user["id"]].add(str(row["id"]))
            contents.add(content["id"])
            for group in user["groups"]:
                groups.add(group["id"])
                members.add(f"{group['id']}/{user['id']}")
        keys = {
            "Results": frozenset(key for found in results.values() for key in found),
            "Users": frozenset(results),
            "Contents": frozenset(contents),
            "Groups": frozenset(groups),
            "GroupMembers": frozenset(members),
        }
        return cls(keys, {user: frozenset(found) for user, found in results.items()})

    def faults_of(self, table: str, keys: Iterable[str]) -> str:
        """Return what is wrong with the keys of a whole table; empty if nothing is."""
        found = list(keys)
        distinct = set(found)
        doubled, lost = len(found) - len(distinct), self.keys[table] - distinct
        strange = [k for k in distinct - self.keys[table] if "usr-drift-" not in k]
        if not (doubled or lost or strange):
            return ""
        return (
            f"{table}: {doubled} doubled, {len(lost)} lost, {len(strange)} strange of {len(found)}"
        )


def key_of(table: str, row: Row) -> str:
    """Return the key of a row of a table."""
    return f"{row['groupId']}/{row['userId']}" if table == "GroupMembers" else str(row["id"])


def snapshot_in(link: str) -> str:
    """Return the snapshot of a nextLink: the first field of its token, before the signature.

    SnapshotTakenAt does not identify it: it moves on while the snapshot is still current.
    """
    token = unquote(link.partition("$skiptoken=")[2].partition("&")[0])
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return str(msgspec.msgpack.decode(raw[:-16])[0])


def _part(row: Mapping[str, object], name: str) -> dict[str, Any]:
    part = row[name]
    assert isinstance(part, dict)
    return part
