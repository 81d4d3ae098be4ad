"""Struct types made from the contract, and the functions that read columns out of them.

msgspec decodes fastest into structs and skips what they do not declare; the members are data, so
the structs are made at run time. An attribute's name is derived from the member's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from gateway.contract.model import Column, Contract
from gateway.edm.types import PrimitiveType

_PYTHON_TYPES: dict[PrimitiveType, Any] = {
    PrimitiveType.STRING: str,
    PrimitiveType.BOOLEAN: bool,
    PrimitiveType.INT32: int,
    PrimitiveType.INT64: int,
    PrimitiveType.DOUBLE: float,
    PrimitiveType.DATE_TIME_OFFSET: Annotated[datetime, msgspec.Meta(tz=True)],
}


def envelope_type(contract: Contract) -> Any:
    """The struct type of one page; missing members and wrong types make decoding fail."""
    row = _Node()
    for column in contract.columns:
        _add_column(row, column, contract)
    root = _Node()
    root.descend(contract.response.total).leaf = int
    root.descend(contract.response.rows).leaf = GenericAlias(list, (_struct(row, "Row"),))
    return _struct(root, "Page")


def extractor(column: Column, contract: Contract) -> Callable[[Sequence[Any]], list[Any]]:
    """A function from decoded rows to the column's values, in order; null for what is absent."""
    if column.field_id is not None:
        return _field_extractor(column, contract)
    if column.each is None:
        return _value_extractor(column.path)
    array = _value_extractor(column.path[: column.each + 1])
    inside = column.path[column.each + 1 :]
    if not inside:
        return lambda rows: [found or [] for found in array(rows)]
    element = attrgetter(_attributes(inside))
    return lambda rows: [[*map(element, found or ())] for found in array(rows)]


def walk(node: Any, path: Iterable[str]) -> Any:
    """The value at a member path; None below a null."""
    for step in path:
        node = None if node is None else getattr(node, _attribute(step))
    return node


def _value_extractor(path: tuple[str, ...]) -> Callable[[Sequence[Any]], list[Any]]:
    fast = attrgetter(_attributes(path))

    def extract(rows: Sequence[Any]) -> list[Any]:
        try:
            return [*map(fast, rows)]
        except AttributeError:  # an object on the way is null in some row
            return [walk(row, path) for row in rows]

    return extract


def _field_extractor(column: Column, contract: Contract) -> Callable[[Sequence[Any]], list[Any]]:
    shape = contract.custom_fields
    arrays = _value_extractor(shape.path)
    field_id = attrgetter(_attribute(shape.id_member))
    value = attrgetter(_attribute(shape.value_member))
    wanted = column.field_id
    return lambda rows: [
        next((value(f) for f in fields or () if field_id(f) == wanted), None)
        for fields in arrays(rows)
    ]


def _attributes(path: Iterable[str]) -> str:
    return ".".join(_attribute(step) for step in path)


def _attribute(member: str) -> str:
    """A Python identifier for any member name; different names give different identifiers."""
    return "m_" + re.sub(r"\W|_", lambda found: f"_{ord(found[0]):x}_", member)


class _Node:
    """A member of the answer while its type is made: a leaf, an object or an array of objects."""

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.leaf: Any = None
        self.optional = False
        self.array = False

    def descend(self, path: Iterable[str]) -> _Node:
        node = self
        for step in path:
            node = node.children.setdefault(step, _Node())
        return node


def _add_column(row: _Node, column: Column, contract: Contract) -> None:
    kind = _PYTHON_TYPES[column.prop.type]
    if column.field_id is not None:
        _add_custom_fields(row, contract)
    elif column.each is None:
        node = row.descend(column.path)
        node.leaf, node.optional = kind | None, column.optional
    else:
        array = row.descend(column.path[: column.each + 1])
        array.array, array.optional = True, column.optional
        element = array.descend(column.path[column.each + 1 :])
        element.leaf = kind if element is not array else GenericAlias(list, (kind,)) | None


def _add_custom_fields(row: _Node, contract: Contract) -> None:
    shape = contract.custom_fields
    array = row.descend(shape.path)
    array.array = array.optional = True
    array.descend((shape.id_member,)).leaf = str
    value = array.descend((shape.value_member,))
    value.leaf, value.optional = str | None, True


def _struct(node: _Node, name: str) -> Any:
    """The struct type of an object; optional members come last and default to None."""
    required: list[Any] = []
    optional: list[Any] = []
    for member, child in node.children.items():
        attribute = _attribute(member)
        if child.optional:
            optional.append((attribute, _type_of(child, member), None))
        else:
            required.append((attribute, _type_of(child, member)))
    rename = {_attribute(member): member for member in node.children}
    return msgspec.defstruct(name, [*required, *optional], rename=rename, gc=False)


def _type_of(node: _Node, name: str) -> Any:
    if not node.children:
        return node.leaf
    inner = _struct(node, f"Struct_{_attribute(name)}")
    return GenericAlias(list, (inner,)) | None if node.array else inner | None
