"""A fixed set of results: made from nested rows here, or by `gateway.sandbox.generator`.

A dataset never changes, so tests may share one; each sandbox copies the list when it starts and
changes its own copy when it drifts.
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
    """Rows in order of insertion."""

    rows: tuple[Row, ...]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]]) -> "Dataset":
        """Build a dataset of results in the API's nested shape, each with an `id`.

        Unknown members are answered as they are and absent ones stay absent, save `user` and
        `content`, which are answered as null.

        Raises:
            msgspec.ValidationError: a member has another type than the API documents.
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
        """Return the results in the nested shape, fresh dicts on each call."""
        return decode_rows(self.rows)

    def to_json(self) -> bytes:
        """Return the results as one JSON array; equal datasets give equal bytes."""
        return b"[%b]" % encode_rows(self.rows)


def _shared(
    known: dict[bytes, _Shared],
    member: object,
    build: Callable[[Mapping[str, object] | None], _Shared],
) -> _Shared:
    """Return the one record for this nested object, so that rows of one user share it."""
    text = msgspec.json.encode(member)
    if text not in known:
        known[text] = build(msgspec.convert(member, dict[str, object] | None))
    return known[text]
