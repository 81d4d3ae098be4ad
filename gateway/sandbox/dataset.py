"""A fixed set of results, from nested rows or from `gateway.sandbox.generator`.

A dataset never changes, so tests may share one. Each sandbox has its own list of rows, which it
changes when it drifts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from gateway.sandbox.records import (
    Content,
    Row,
    User,
    build_content,
    build_row,
    build_user,
    decode_rows,
    encode_rows,
)

_Shared = TypeVar("_Shared", Content, User)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows in the order of insertion."""

    rows: tuple[Row, ...]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]]) -> "Dataset":
        """Build a dataset of results in the API's nested shape, each with an `id`.

        Unknown members are returned unchanged. Absent ones stay absent, except `user` and
        `content`, which become null.

        Raises:
            msgspec.ValidationError: a member has a type that the API does not document.
        """
        contents: dict[bytes, Content] = {}
        users: dict[bytes, User] = {}
        built: list[Row] = []
        for sequence, row in enumerate(rows):
            members = dict(row)
            content = _shared(contents, members.pop("content", None), build_content)
            user = _shared(users, members.pop("user", None), build_user)
            built.append(build_row(sequence, members, content, user))
        return cls(tuple(built))

    def __len__(self) -> int:
        return len(self.rows)

    def to_rows(self) -> list[dict[str, object]]:
        """Return the results in the nested shape, as new dicts on each call."""
        return decode_rows(self.rows)

    def to_json(self) -> bytes:
        """Return the results as one JSON array; equal datasets give equal bytes."""
        return b"[%b]" % encode_rows(self.rows)


def _shared(
    known: dict[bytes, _Shared],
    member: object,
    build: Callable[[Mapping[str, object] | None], _Shared],
) -> _Shared:
    """Return the record of a nested object, which all rows of a user or content share."""
    text = msgspec.json.encode(member)
    if text not in known:
        known[text] = build(msgspec.convert(member, dict[str, object] | None))
    return known[text]
