"""Struct types generated from the contract, for `gateway.analytics.read.cells` to read.

msgspec decodes fastest into structs and skips members that they do not declare. Members are data,
so the structs are generated at run time. An attribute's name is derived from its member's
name. Instants stay texts here: Arrow parses a whole column of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from gateway.contract.model import Column, Contract
from gateway.edm.types import PrimitiveType
from gateway.errors import ConfigurationProblem

_PYTHON_TYPES: dict[PrimitiveType, Any] = {
    PrimitiveType.STRING: str,
    PrimitiveType.BOOLEAN: bool,
    PrimitiveType.INT32: int,
    PrimitiveType.INT64: int,
    PrimitiveType.DOUBLE: float,
    PrimitiveType.DATE_TIME_OFFSET: str,
}
_TOTAL = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(pattern="^[0-9]{1,18}$")]


def envelope_type(contract: Contract, undecoded: Iterable[str] = ()) -> Any:
    """Return the struct type of one page; decoding fails for missing members and wrong types.

    Objects of a row that are to stay undecoded become `msgspec.Raw`.

    Raises:
        ConfigurationProblem: two columns contradict each other, or a name is invalid.
    """
    row = _row(contract)
    for name in undecoded:
        row.children[name].decoded = False
    root = _Node()
    total = contract.response.total
    if total is not None and total.member:
        root.descend(total.member).become(_TOTAL, optional=False)
    rows = GenericAlias(list, (_struct(row, "Row"),))
    root.descend(contract.response.rows).become(rows, optional=False)
    return _struct(root, "Page")


def object_type(contract: Contract, name: str) -> Any:
    """Return the type of an object of a row: a struct or None."""
    return _type_of(_row(contract).children[name])


def _row(contract: Contract) -> _Node:
    row = _Node()
    for column in contract.columns:
        _add_column(row, column, contract)
    return row


def walk(node: Any, path: Iterable[str]) -> Any:
    """Return the value at a member path; None below a null."""
    for step in path:
        node = None if node is None else getattr(node, attribute(step))
    return node


def attribute(member: str) -> str:
    """Return a Python identifier for any member name; different names give different ones."""
    return "m_" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", member)


class _Node:
    """A response member while its type is built: a leaf, an object or an array of objects."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.children: dict[str, _Node] = {}
        self.kind: Any = None
        self.decoded = True
        self._absent_for: set[bool] = set()

    def descend(self, path: Sequence[str]) -> _Node:
        node = self
        for number, step in enumerate(path, 1):
            node = node.children.setdefault(step, _Node(step))
            if number < len(path):
                node.become(_OBJECT)
        return node

    def become(self, kind: Any, *, optional: bool | None = None) -> None:
        """Set the kind of a member; columns may share a member if they agree on its kind."""
        if self.kind not in (None, kind):
            raise ConfigurationProblem(
                f"contract file: columns disagree on what the member {self.name!r} is: their paths"
                " give it two types, or lead both to it and below it"
            )
        self.kind = kind
        if optional is not None:
            self._absent_for.add(optional)

    @property
    def optional(self) -> bool:
        """True if every column that reads the member, or below it, allows its absence."""
        if self.kind == _OBJECT:
            return all(child.optional for child in self.children.values())
        return False not in self._absent_for


_NULL = msgspec.Raw(b"null")
_OBJECT, _ARRAY = "object", "array of objects"


def _add_column(row: _Node, column: Column, contract: Contract) -> None:
    kind = _PYTHON_TYPES[column.prop.type]
    if column.field_id is not None:
        _add_custom_fields(row, contract)
    elif column.each is None:
        row.descend(column.path).become(kind | None, optional=column.optional)
    else:
        _add_collection(row, column, column.each, kind)


def _add_collection(row: _Node, column: Column, each: int, kind: Any) -> None:
    """Add a collection; no member of an element may be absent, as it would have no value."""
    array = row.descend(column.path[: each + 1])
    inside = column.path[each + 1 :]
    if inside:
        array.become(_ARRAY, optional=column.optional)
        array.descend(inside).become(kind | None, optional=False)
    else:
        array.become(GenericAlias(list, (kind,)) | None, optional=column.optional)


def _add_custom_fields(row: _Node, contract: Contract) -> None:
    shape = contract.custom_fields
    array = row.descend(shape.path)
    array.become(_ARRAY, optional=True)
    array.descend((shape.id_member,)).become(str | None, optional=False)
    array.descend((shape.value_member,)).become(Any, optional=True)  # of other fields, anything


def _struct(node: _Node, name: str) -> Any:
    """Return the struct type of an object; optional members come last and default to None."""
    required: list[Any] = []
    optional: list[Any] = []
    for member, child in node.children.items():
        slot = attribute(member)
        if child.optional:
            optional.append((slot, _type_of(child), None if child.decoded else _NULL))
        else:
            required.append((slot, _type_of(child)))
    rename = {attribute(member): member for member in node.children}
    try:
        return msgspec.defstruct(name, [*required, *optional], rename=rename, gc=False)
    except ValueError as error:
        raise ConfigurationProblem(f"contract file: {error}") from error


def _type_of(node: _Node) -> Any:
    if not node.decoded:
        return msgspec.Raw
    if node.kind not in (_OBJECT, _ARRAY):
        return node.kind
    inner = _struct(node, f"Struct_{attribute(node.name)}")
    return GenericAlias(list, (inner,)) | None if node.kind == _ARRAY else inner | None
