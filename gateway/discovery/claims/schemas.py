"""JSON schemas of an API description -> the members that they describe.

The `referencing` library looks up references, inside the document only: its registry holds
nothing else and retrieves nothing. `allOf` adds up; `oneOf` and `anyOf` become one shape with the
members of all alternatives, of which only those are required that each alternative requires.
Recursive schemas end where they meet themselves; the number of schemas and the depth are limited.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from referencing import Registry, Resource, Specification
from referencing.exceptions import Unresolvable

from gateway.discovery.claims.claims import Scalar
from gateway.discovery.claims.document import as_object, as_text
from gateway.discovery.claims.names import ANY, EACH, Path

MAX_SCHEMAS = 20_000
MAX_PATH = 12
MAX_MEMBERS = 2_000
MAX_PROPERTIES = 500
MAX_PARTS = 50
_HIDDEN = {"request": "readOnly", "response": "writeOnly"}

_Part = tuple[Any, tuple[str, ...]]
"""A schema, and the references that led to it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The schemas of one place together; `members` and `items` are not resolved yet."""

    type: str = ""
    format: str = ""
    nullable: bool = False
    enum: tuple[Scalar, ...] = ()
    default: Scalar | None = None
    minimum: float | None = None
    maximum: float | None = None
    most_values: int | None = None
    hidden: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    members: dict[str, tuple[_Part, ...]] = field(default_factory=dict)
    items: tuple[_Part, ...] = ()
    others: tuple[_Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One place of a body: its path, whether its parent requires it, and its shape."""

    path: Path
    required: bool
    shape: Shape


class SchemaReader:
    """Reads the schemas of one document; counts the schemas so that it always ends."""

    def __init__(self, document: dict[str, Any]) -> None:
        resource: Resource[Any] = Specification.OPAQUE.create_resource(document)
        self._resolver = Registry[Any]().with_resource("", resource).resolver()
        self._left = MAX_SCHEMAS
        self.outside = 0
        """References to other documents; they are not followed."""

    @property
    def is_cut(self) -> bool:
        """True if the document has more schemas than are read."""
        return self._left <= 0

    def target(self, value: Any) -> Any:
        """Return an object of the description, through references, or an empty one."""
        for _ in range(MAX_PATH):
            if not isinstance(value, dict):
                return {}
            if "$ref" not in value:
                return value
            value = self._lookup(value["$ref"])
        return {}

    def members(self, schema: Any, side: str) -> tuple[Member, ...]:
        """Return all places of a request or response (`side`) below its root, parents first."""
        root = Member((), True, self._shape(((schema, ()),)))
        found = list(self._below(root, side))
        return tuple(found[:MAX_MEMBERS])

    def shape(self, schema: Any) -> Shape:
        """Return the shape of a schema itself, e.g. of a header."""
        return self._shape(((schema, ()),))

    def _below(self, parent: Member, side: str) -> Iterator[Member]:
        if len(parent.path) >= MAX_PATH or self.is_cut:
            return
        shape = parent.shape
        inner = [(name, parts, name in shape.required) for name, parts in shape.members.items()]
        inner += [(EACH, shape.items, False), (ANY, shape.others, False)]
        for name, parts, required in inner:
            if not parts:
                continue
            member = Member((*parent.path, name), required, self._shape(parts))
            if _HIDDEN[side] not in member.shape.hidden:
                yield member
                yield from self._below(member, side)

    def _shape(self, parts: Iterable[_Part]) -> Shape:
        return _all_of([self._flat(schema, refs) for schema, refs in parts])

    def _flat(self, schema: Any, refs: tuple[str, ...]) -> Shape:
        """Return the shape of a schema with what it refers to and is composed of."""
        self._left -= 1
        if not isinstance(schema, dict) or self.is_cut or len(refs) > MAX_PATH * 2:
            return Shape()
        shapes = [_own(schema, refs)]
        ref = schema.get("$ref")
        if isinstance(ref, str) and ref not in refs:
            shapes.append(self._flat(self._lookup(ref), (*refs, ref)))
        shapes += [self._flat(one, refs) for one in _list(schema.get("allOf"))[:MAX_PARTS]]
        for word in ("oneOf", "anyOf"):
            if alternatives := [
                self._flat(one, refs) for one in _list(schema.get(word))[:MAX_PARTS]
            ]:
                shapes.append(_any_of(alternatives))
        return _all_of(shapes)

    def _lookup(self, ref: object) -> Any:
        if not isinstance(ref, str) or not ref.startswith("#"):
            self.outside += 1
            return {}
        try:
            return self._resolver.lookup(ref).contents
        except (Unresolvable, ValueError, TypeError, LookupError):
            return {}


def skeleton(members: Iterable[Member]) -> str:
    """Return the body as JSON with types for values; empty without members."""
    root: dict[str, Any] = {}
    for member in list(members)[:MAX_MEMBERS]:
        parent = root
        for step in member.path[:-1]:
            parent = parent.setdefault(step, {})
            if not isinstance(parent, dict):
                break
        else:
            is_leaf = member.shape.type not in ("object", "array")
            parent.setdefault(member.path[-1], member.shape.type or "any" if is_leaf else {})
    return json.dumps(_arrays(root), ensure_ascii=False) if root else ""


def _arrays(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if list(value) == [EACH]:
        return [_arrays(value[EACH])]
    return {name: _arrays(inner) for name, inner in value.items()}


def _own(schema: dict[str, Any], refs: tuple[str, ...]) -> Shape:
    """Return what a schema says by itself."""
    types = [one for one in _list(schema.get("type")) if isinstance(one, str)]
    values = _list(schema.get("enum")) or ([schema["const"]] if "const" in schema else [])
    enum = tuple(one for one in values if isinstance(one, Scalar))
    nullable = "null" in types or None in values or "null" in enum
    nullable = nullable or schema.get("nullable") is True or schema.get("x-nullable") is True
    properties = schema.get("properties")
    members: dict[str, tuple[_Part, ...]] = {
        name: ((inner, refs),)
        for name, inner in islice(as_object(properties).items(), MAX_PROPERTIES)
        if isinstance(name, str)
    }
    items, others = schema.get("items"), schema.get("additionalProperties")
    return Shape(
        type=next((one for one in types if one != "null"), _implied(schema, enum)),
        format=as_text(schema.get("format")),
        nullable=nullable,
        enum=enum,
        default=schema["default"] if isinstance(schema.get("default"), Scalar) else None,
        minimum=_number(schema.get("minimum")),
        maximum=_number(schema.get("maximum")),
        most_values=_count(schema.get("maxItems")),
        hidden=frozenset(word for word in _HIDDEN.values() if schema.get(word) is True),
        required=frozenset(one for one in _list(schema.get("required")) if isinstance(one, str)),
        members=members,
        items=((items, refs),) if isinstance(items, dict) else (),
        others=((others, refs),) if isinstance(others, dict) and others else (),
    )


def _implied(schema: dict[str, Any], enum: tuple[Scalar, ...]) -> str:
    for word, kind in (("properties", "object"), ("additionalProperties", "object"),
                       ("items", "array")):  # fmt: skip
        if word in schema:
            return kind
    if not enum:
        return ""
    first = enum[0]
    return (
        "string" if isinstance(first, str) else "boolean" if isinstance(first, bool) else "number"
    )


def _all_of(shapes: list[Shape]) -> Shape:
    """Return the shape of a value that fits all shapes; the first word on each matter counts."""
    whole = shapes[0] if shapes else Shape()
    for other in shapes[1:]:
        both = tuple(one for one in whole.enum if one in other.enum)
        whole = replace(
            _filled(whole, other),
            nullable=whole.nullable or other.nullable,
            enum=both if whole.enum and other.enum else whole.enum or other.enum,
            maximum=_least(whole.maximum, other.maximum),
            hidden=whole.hidden | other.hidden,
            required=whole.required | other.required,
        )
    return whole


def _any_of(shapes: list[Shape]) -> Shape:
    """Return the shape of a value that fits one of the shapes."""
    nullable = any(shape.nullable or shape.type == "null" for shape in shapes)
    real = [shape for shape in shapes if shape != Shape(nullable=True) and shape.type != "null"]
    whole = real[0] if real else Shape()
    for other in real[1:]:
        listed = whole.enum and other.enum
        whole = replace(
            _filled(whole, other),
            enum=tuple(dict.fromkeys((*whole.enum, *other.enum))) if listed else (),
            maximum=None,
            required=whole.required & other.required,
        )
    return replace(whole, nullable=whole.nullable or nullable)


def _filled(whole: Shape, other: Shape) -> Shape:
    """Return the first shape with what only the second says."""
    names = dict.fromkeys((*whole.members, *other.members))
    members = {n: (*whole.members.get(n, ()), *other.members.get(n, ())) for n in names}
    return replace(
        whole,
        type=whole.type or other.type,
        format=whole.format or other.format,
        default=other.default if whole.default is None else whole.default,
        minimum=other.minimum if whole.minimum is None else whole.minimum,
        most_values=_least(whole.most_values, other.most_values),
        members=members,
        items=whole.items or other.items,
        others=whole.others or other.others,
    )


def _least(one: Any, other: Any) -> Any:
    return min((found for found in (one, other) if found is not None), default=None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
