"""Repair of pages that do not fit the contract, where no number becomes wrong by it.

Only pages that the fast reader refuses are repaired, member by member. An absent member becomes
null, a value of a text column becomes a text, and list elements without a value are left out. A
value of a wrong type in any other column stays as it is, and the reader refuses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.analytics.read.members import MISSING, value_at
from gateway.analytics.read.strange_values import Oddity, Reason
from gateway.contract.model import Column, Contract, MemberPath
from gateway.contract.texts import text_of
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract


class RepairedPage:
    """A repaired page: its `body`, and the numbers of the odd rows by oddity.

    `missing` are columns, not called optional, whose member no row has.
    """

    def __init__(self, body: bytes, odd: dict[Oddity, list[int]], missing: Sequence[str]) -> None:
        self.body = body
        self.odd = odd
        self.missing = tuple(missing)


class PageRepairer:
    """A repairer of pages for one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        plain = [column for column in contract.columns if column.field_id is None]
        self._singles = [column for column in plain if column.each is None]
        self._lists: dict[MemberPath, list[Column]] = defaultdict(list)
        for column in plain:
            if column.each is not None:
                self._lists[column.path[: column.each + 1]].append(column)
        self._fields = {c.field_id: c.name for c in contract.columns if c.field_id is not None}
        self._key = contract.column(contract.key).path

    def repair(self, body: bytes) -> RepairedPage | None:
        """Return the page repaired; None if it is not JSON, or has no rows.

        Raises:
            UpstreamBrokeContract: a row lacks a value that the contract calls never null.
        """
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        rows = value_at(answer, self._contract.response.rows)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return None
        odd: dict[Oddity, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            found = _Row(row)
            self._repair_row(found, number)
            for oddity in dict.fromkeys(found.odd):
                odd[oddity].append(number)
        missing = [c.name for c in self._singles if _is_missing(c, odd, len(rows))]
        return RepairedPage(msgspec.json.encode(answer), odd, missing)

    def _repair_row(self, row: _Row, number: int) -> None:
        for column in self._singles:
            value = row.repair_single(column, is_free=self._is_free(column))
            if value is None and not column.prop.nullable:
                raise self._lacks(column, row, number)
        for path, columns in self._lists.items():
            row.repair_list(path, columns, {c.name: self._is_free(c) for c in columns})
        if self._fields:
            row.repair_fields(self._contract, self._fields)

    def _is_free(self, column: Column) -> bool:
        """Return True if a value may become a text: the column has no filter and is not the key."""
        is_text = column.prop.type is PrimitiveType.STRING
        return is_text and column.filter is None and column.name != self._contract.key

    def _lacks(self, column: Column, row: _Row, number: int) -> UpstreamBrokeContract:
        contract = self._contract
        if column.name == contract.key:
            remedy = "have the row corrected, or name another column as `key` of [service]"
        elif column.name == contract.order_column:
            remedy = "have the row corrected, or name another column as `order_by` of [extract]"
        else:
            remedy = f"set nullable = true for the column {column.name}"
        key = value_at(row.row, self._key)
        return UpstreamBrokeContract(
            f"the Analytics API sent null in {'.'.join(column.path)} of row {number + 1} of a page,"
            f" which the contract file calls never null; {remedy}",
            details=(f"the row's {contract.key} is {key!r}",) if isinstance(key, str) else (),
        )


class _Row:
    """One row under repair, and its oddities."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.odd: list[Oddity] = []
        self._absent: set[MemberPath] = set()

    def repair_single(self, column: Column, *, is_free: bool) -> Any:
        """Return the value, repaired; None if there is none."""
        node, inside = self._enter(column.path, column)
        if node is None:
            return None if inside else MISSING
        return self._repair_leaf(node, column.path[-1], column, is_free=is_free)

    def repair_list(self, path: MemberPath, columns: list[Column], free: dict[str, bool]) -> None:
        """Leave out elements without a value that the contract calls never null."""
        node, _ = self._enter(path, columns[0])
        if node is None:
            return
        for column in columns:
            self._look_for(node, path, column)
        elements = self._list_at(node, path[-1], columns[0])
        kept = [e for e in elements if self._repair_element(e, path, columns, free)]
        if elements and columns[0].path == path:  # values themselves, not objects
            kept = [text_of(e) if free[columns[0].name] else e for e in kept]
        if len(kept) < len(elements):
            self._note(columns[0].name, Reason.LEFT_OUT)
        if isinstance(node[path[-1]], list):
            node[path[-1]] = kept

    def repair_fields(self, contract: Contract, names: dict[str, str]) -> None:
        """Convert mapped custom fields to texts, and keep the first of each."""
        shape = contract.custom_fields
        first = next(c for c in contract.columns if c.field_id is not None)
        node, _ = self._enter(shape.path, first)
        if node is None:
            return
        kept: dict[str, dict[str, Any]] = {}
        for element in self._list_at(node, shape.path[-1], first):
            field_id = element.get(shape.id_member) if isinstance(element, dict) else None
            if not isinstance(field_id, str):
                self._note(first.name, Reason.LEFT_OUT)
            elif field_id not in names:
                continue
            elif field_id in kept:
                self._note(names[field_id], Reason.REPEATED)
            else:
                kept[field_id] = element
                self._make_text(element, shape.value_member, names[field_id])
        node[shape.path[-1]] = [*kept.values()]

    def _enter(self, path: MemberPath, column: Column) -> tuple[Any, bool]:
        """Return the object with the last member, or None and whether the path ends in a null."""
        node: Any = self.row
        for depth, step in enumerate(path[:-1], 1):
            self._look_for(node, path[:depth], column)
            if node.get(step) == []:
                self._note(column.name, Reason.NOT_AN_OBJECT)
                node[step] = None
            inner = node[step]
            if not isinstance(inner, dict):
                return None, inner is None
            node = inner
        return node, True

    def _look_for(self, node: dict[str, Any], path: MemberPath, column: Column) -> None:
        """Set an absent member to null, and note it for the column."""
        if path[-1] not in node:
            self._absent.add(path)
            node[path[-1]] = None
        if path in self._absent and not column.optional:
            self._note(column.name, Reason.ABSENT)

    def _repair_leaf(
        self, node: dict[str, Any], name: str, column: Column, *, is_free: bool
    ) -> Any:
        if name not in node:
            if not column.optional:
                self._note(column.name, Reason.ABSENT)
            node[name] = None
        if is_free:
            self._make_text(node, name, column.name)
        return node[name]

    def _make_text(self, node: dict[str, Any], name: str, column: str) -> None:
        value = node.get(name)
        if value is not None and not isinstance(value, str):
            self._note(column, Reason.MADE_A_TEXT)
            node[name] = text_of(value)

    def _list_at(self, node: dict[str, Any], name: str, column: Column) -> list[Any]:
        """Return the list; an empty one for a value that is not a list."""
        found = node.setdefault(name, None)
        if found is None or isinstance(found, list):
            return found or []
        if found in ({}, "") or column.field_id is not None:
            self._note(column.name, Reason.NOT_A_LIST)
            node[name] = []
        return []

    def _repair_element(
        self, element: Any, path: MemberPath, columns: list[Column], free: dict[str, bool]
    ) -> bool:
        """Repair an element; return True if it stays."""
        if columns[0].path == path:
            return element is not None
        if element is None:
            return False
        if not isinstance(element, dict):
            return True
        for column in columns:
            node, _ = _descend(element, column.path[len(path) : -1])
            value = None
            if node is not None:
                value = self._repair_leaf(node, column.path[-1], column, is_free=free[column.name])
            if value is None and not column.prop.nullable:
                return False
        return True

    def _note(self, column: str, reason: Reason) -> None:
        self.odd.append(Oddity(column, reason))


def _descend(node: dict[str, Any], path: MemberPath) -> tuple[dict[str, Any] | None, bool]:
    found: Any = node
    for step in path:
        found = found.setdefault(step, None)
        if not isinstance(found, dict):
            return None, False
    return found, True


def _is_missing(column: Column, odd: dict[Oddity, list[int]], rows: int) -> bool:
    return len(odd.get(Oddity(column.name, Reason.ABSENT), ())) == rows > 0
