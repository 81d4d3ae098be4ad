"""Keys that become equal when U+FFFD replaces the half of a surrogate pair in each.

Two users whose ids become equal would silently be one user. So keys of all sets that contain U+FFFD
are remembered as they were sent. A page with a different key that reads the same is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.analytics.read.bodies import REPLACEMENT
from gateway.analytics.read.cells import ColumnReader, Members
from gateway.contract.model import Column, Contract
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract

_MAX_KEYS = 10_000


class Identities:
    """The known keys with U+FFFD, by column, with the text that was sent."""

    def __init__(self, contract: Contract) -> None:
        self._columns = tuple(c for c in contract.columns if c.name in _names_of_keys(contract))
        self._reader = ColumnReader(self._columns, contract.custom_fields)
        self._sent: dict[tuple[str, str], str] = {}

    def concern(self, rows: pa.Table) -> bool:
        """Return True if some key has U+FFFD, so that `check` must see the page."""
        return any(_has_replacement(rows.column(column.name)) for column in self._columns)

    def check(self, read: Sequence[Any], sent: Sequence[Any]) -> None:
        """Compare keys as read with the same keys as sent.

        Args:
            read: The structs of the rows, with U+FFFD.
            sent: The same rows with the halves as distinct texts.

        Raises:
            UpstreamBrokeContract: two keys are read as one.
        """
        if len(self._sent) > _MAX_KEYS:
            self._sent.clear()
        for name, as_read, as_sent in self._pairs(read, sent):
            known = self._sent.get((name, as_read), as_sent)
            self._sent[name, as_read] = as_sent
            if known != as_sent:
                raise UpstreamBrokeContract(
                    f"the Analytics API sent two values of {name} that differ only in characters"
                    f" cut in half, so that no text distinguishes them: {known!a} and"
                    f" {as_sent!a}; its owner has to change one of them there"
                )

    def _pairs(self, read: Sequence[Any], sent: Sequence[Any]) -> Iterator[tuple[str, str, str]]:
        columns = (self._reader.read(Members(rows)) for rows in (read, sent))
        for column, as_read, as_sent in zip(self._columns, *columns, strict=True):
            for one, other in zip(as_read.flat, as_sent.flat, strict=True):
                if one is not None and REPLACEMENT in one:
                    yield column.name, one, other


def _names_of_keys(contract: Contract) -> frozenset[str]:
    """Return the text columns of the results that are keys, or sources of keys."""
    found = {contract.key}
    for derived in contract.derived:
        names = derived.entity_set.entity_type.key
        found |= {column.of for name in names if (column := derived.find(name)) is not None}
    return frozenset(c.name for c in contract.columns if c.name in found and _is_text(c))


def _is_text(column: Column) -> bool:
    return column.prop.type is PrimitiveType.STRING


def _has_replacement(values: pa.ChunkedArray) -> bool:
    texts = pc.list_flatten(values) if pa.types.is_list(values.type) else values
    return bool(pc.any(pc.match_substring(texts, REPLACEMENT), min_count=0).as_py())
