"""Translation of responses that the fast reader cannot decode: any JSON -> flat rows.

The reader of pages (`gateway.analytics.read.page`) decodes rows whose members are the columns.
Other shapes are decoded as plain JSON here, each column's value is made as the contract says, and
the result is the body of a *flat* contract, so that all checks of pages apply to it. A value that
no step can read becomes null and is counted; queries that need the column are refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from gateway.analytics.read.bodies import REPLACEMENT, UNDECODED, repaired
from gateway.analytics.read.members import MISSING
from gateway.analytics.read.strange_values import Oddity, Reason
from gateway.contract.decoding import Join, Undecodable, decode
from gateway.contract.model import (
    Column,
    Contract,
    MemberPath,
    Pages,
    ResponseShape,
    TotalPlace,
)
from gateway.contract.texts import text_of
from gateway.edm.types import PrimitiveType
from gateway.errors import UpstreamBrokeContract

_STEP = re.compile(r"(.*?)(?:\[([0-9]*)\])?")
_FLAT = ResponseShape(("rows",), TotalPlace(("total",)))


def flat_contract(contract: Contract) -> Contract:
    """Return the contract of translated pages: each column is a member of its own name."""
    columns = tuple(
        replace(
            column,
            path=(column.name,),
            each=0 if column.prop.collection else None,
            field_id=None,
            source=None,
        )
        for column in contract.columns
    )
    return replace(contract, columns=columns, response=_FLAT, pages=Pages())


@dataclass(frozen=True, slots=True)
class Translated:
    """A page as the body of the flat contract, and the other facts in its envelope.

    `total` is None if the response states none. `odd` has the numbers of rows by oddity.
    """

    body: bytes
    total: int | None
    has_more: bool | None = None
    cursor: str | int | None = None
    odd: Mapping[Oddity, Sequence[int]] = field(default_factory=dict)


class Translator:
    """A translator of pages for one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._shape = contract.response
        order = contract.order_column
        parts = [p for c in contract.columns if c.source for p in c.source.key_of]
        self._vital = {contract.key, order, *parts} - {""}
        self._cells = [_Cell(column, contract) for column in contract.columns]

    def translate(self, body: bytes, headers: Mapping[str, str]) -> Translated:
        """Translate the body of a response.

        Raises:
            UpstreamBrokeContract: there are no rows, or a key or the order column is unreadable.
            msgspec.MsgspecError, UnicodeDecodeError, RecursionError: the body is not JSON.
        """
        answer, was_mended = _decoded(body)
        rows = find(answer, self._shape.rows)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            place = ".".join(self._shape.rows) or "the whole body"
            raise UpstreamBrokeContract(
                f"the response of the Analytics API has no list of objects at {place}; correct"
                " `rows` of [response] in the contract file"
            )
        odd: dict[Oddity, list[int]] = defaultdict(list)
        flat = [self._row(row, number, odd) for number, row in enumerate(rows)]
        if was_mended:
            self._check_keys(flat)
        total = self._total(answer, headers)
        return Translated(
            msgspec.json.encode({"rows": flat, "total": len(flat) if total is None else total}),
            total,
            self._has_more(answer),
            self._cursor(answer),
            odd,
        )

    def _row(self, row: Any, number: int, odd: dict[Oddity, list[int]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for cell in self._cells:
            try:
                value, reason = cell.value(row)
            except Undecodable:
                value, reason = None, Reason.UNDECODED
                if cell.column.name in self._vital:
                    raise self._unreadable(cell.column, number) from None
            if reason is not None:
                odd[Oddity(cell.column.name, reason)].append(number)
            if value is not MISSING:
                made[cell.column.name] = value
        for cell in self._cells:
            if cell.key_of:
                made[cell.column.name] = self._key(cell, made, number)
        return made

    def _key(self, cell: _Cell, made: Mapping[str, Any], number: int) -> str:
        parts = [made.get(name) for name in cell.key_of]
        if None in parts:
            missing = cell.key_of[parts.index(None)]
            raise UpstreamBrokeContract(
                f"the Analytics API sent null in {missing} of row {number + 1} of a page, which is"
                f" a part of the key; correct `key_of` of the column {cell.column.name} in the"
                " contract file"
            )
        return "|".join(text_of(p).replace("\\", "\\\\").replace("|", "\\|") for p in parts)

    def _unreadable(self, column: Column, number: int) -> UpstreamBrokeContract:
        return UpstreamBrokeContract(
            f"the Analytics API sent a value in {column.name} of row {number + 1} of a page that"
            " `decode` cannot read, and rows cannot be identified or ordered without it; correct"
            f" `decode` of the column {column.name} in the contract file"
        )

    def _check_keys(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Refuse keys in which half of a character was replaced: two of them may be equal."""
        if any(REPLACEMENT in text_of(row.get(self._contract.key, "")) for row in rows):
            raise UpstreamBrokeContract(
                f"the Analytics API sent a {self._contract.key} with half of a character, so that"
                " no text identifies it; correct it in Skillhabit"
            )

    def _total(self, answer: Any, headers: Mapping[str, str]) -> int | None:
        place = self._shape.total
        if place is None or place.counts_pages:
            return None
        found: Any = headers.get(place.header, MISSING) if place.header else MISSING
        if place.member is not None:
            found = find(answer, place.member)
        number = _whole_number(found)
        if number is None:
            where = place.header or ".".join(place.member or ())
            raise UpstreamBrokeContract(
                f"the response of the Analytics API has no number of rows in {where}; correct"
                " `total` or `total_header` of [response] in the contract file"
            )
        return number

    def _has_more(self, answer: Any) -> bool | None:
        if self._shape.has_more is None:
            return None
        found = find(answer, self._shape.has_more)
        if found is MISSING or isinstance(found, dict | list):
            where = ".".join(self._shape.has_more)
            raise UpstreamBrokeContract(
                f"the response of the Analytics API does not say in {where} whether there are more"
                " rows; correct `has_more` of [response] in the contract file, or `stop` of [pages]"
            )
        if isinstance(found, str):  # such as a link to the next page
            return found.strip().lower() not in ("", "false", "no", "0")
        return bool(found)

    def _cursor(self, answer: Any) -> str | int | None:
        if self._shape.cursor is None:
            return None
        found = find(answer, self._shape.cursor)
        if isinstance(found, bool) or found == "":
            return None
        return found if isinstance(found, str | int) else None


class _Cell:
    """A column, and the steps that make its value from a row."""

    def __init__(self, column: Column, contract: Contract) -> None:
        self.column = column
        source = column.source
        self.key_of = () if source is None else source.key_of
        self._steps = () if source is None else source.steps
        self._paths = _paths(column) if source is None or not source.paths else source.paths
        self._find: Callable[[Any], tuple[Any, Reason | None]] = self._from_row
        if column.field_id is not None:
            self._find = _field_finder(column, contract)
        self._joins = bool(self._steps) and isinstance(self._steps[0], Join)
        self._is_text = column.prop.type is PrimitiveType.STRING and not column.prop.collection

    def value(self, row: Any) -> tuple[Any, Reason | None]:
        """Return the value and its oddity.

        Raises:
            Undecodable: no step can read it.
        """
        if self.key_of:
            return MISSING, None
        found, reason = self._find(row)
        if found is MISSING or found is None:
            return found, reason
        found = decode(found, self._steps)
        if self.column.field_id is not None and self._is_text and not isinstance(found, str | None):
            return text_of(found), Reason.MADE_A_TEXT
        return found, reason

    def _from_row(self, row: Any) -> tuple[Any, Reason | None]:
        found = [find(row, path) for path in self._paths]
        if self._joins and len(found) > 1:
            return [value for value in found if value is not MISSING and value is not None], None
        for value in found:
            if value is not MISSING and value is not None:
                return value, None
        return (MISSING if all(value is MISSING for value in found) else None), None


def _paths(column: Column) -> tuple[MemberPath, ...]:
    if column.each is None:
        return (column.path,)
    steps = (f"{s}[]" if n == column.each else s for n, s in enumerate(column.path))
    return (tuple(steps),)


def _field_finder(column: Column, contract: Contract) -> Callable[[Any], tuple[Any, Reason | None]]:
    shape, wanted = contract.custom_fields, column.field_id
    id_path, value_path = tuple(shape.id_member.split(".")), _split(shape.value_member)

    def in_object(row: Any) -> tuple[Any, Reason | None]:
        holder = find(row, shape.path)
        found = holder.get(wanted) if isinstance(holder, dict) else None
        value = find(found, value_path)
        return (None if value is MISSING else value), None

    def in_list(row: Any) -> tuple[Any, Reason | None]:
        elements = find(row, shape.path)
        if not isinstance(elements, list):
            return None, None
        found = [find(e, value_path) for e in elements if _is_field(e, id_path, wanted)]
        value = found[0] if found else None
        reason = Reason.REPEATED if len(found) > 1 else None
        return (None if value is MISSING else value), reason

    return in_object if shape.is_object else in_list


def _is_field(element: Any, id_path: MemberPath, wanted: str | None) -> bool:
    found = find(element, id_path)
    return found not in (MISSING, None) and text_of(found) == wanted


def _split(dotted: str) -> MemberPath:
    return tuple(dotted.split(".")) if dotted else ()


def find(node: Any, path: MemberPath) -> Any:
    """Return the value at a path whose steps may have `[]` (a list of values) or `[0]`.

    None below a null, `MISSING` below anything else.
    """
    for number, step in enumerate(path):
        if node is None:
            return None
        match = _STEP.fullmatch(step)
        assert match is not None  # noqa: S101 - the pattern matches any text
        name, index = match.groups()
        if name:
            node = node.get(name, MISSING) if isinstance(node, dict) else MISSING
        if index is None or node is MISSING or node is None:
            continue
        if not isinstance(node, list):
            return MISSING
        if index == "":
            return [*_elements(node, path[number + 1 :])]
        node = node[int(index)] if int(index) < len(node) else None
    return node


def _elements(nodes: Sequence[Any], rest: MemberPath) -> Iterator[Any]:
    for node in nodes:
        found = find(node, rest)
        yield None if found is MISSING else found


def _whole_number(found: Any) -> int | None:
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    if isinstance(found, str) and re.fullmatch(r"[0-9]{1,18}", found.strip()):
        return int(found)
    return None


def _decoded(body: bytes) -> tuple[Any, bool]:
    """Return the JSON, and True if halves of characters had to be replaced."""
    try:
        return msgspec.json.decode(body), False
    except UNDECODED:
        return msgspec.json.decode(repaired(body)), True
