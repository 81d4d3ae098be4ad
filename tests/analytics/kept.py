"""A sink that keeps an extract's rows as lists, and watches what reaches it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from gateway.analytics.read.page import arrow_schema
from gateway.contract.model import Contract


class Kept:
    """Rows by place."""

    def __init__(self, contract: Contract) -> None:
        self._schema = arrow_schema(contract)
        self._key = contract.key
        self._order = contract.order_column
        self._rows: list[dict[str, Any]] = []

    @property
    def rows(self) -> pa.Table:
        return pa.Table.from_pylist(self._rows, schema=self._schema)

    @property
    def keys(self) -> list[object]:
        return [row[self._key] for row in self._rows]

    def append(self, rows: pa.Table) -> None:
        found = rows.to_pylist()
        assert not {row[self._key] for row in found} & set(self.keys), "a key is appended twice"
        self._rows += found

    def replace(self, rows: pa.Table) -> None:
        places = {key: place for place, key in enumerate(self.keys)}
        for row in rows.to_pylist():
            place = places[row[self._key]]
            before, after = (r.get(self._order) for r in (self._rows[place], row))
            if before is None or after is None or after >= before:
                self._rows[place] = row
