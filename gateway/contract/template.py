"""Templates of request bodies: JSON with placeholders for the values of a request.

A text that is one placeholder, such as `"${limit}"`, becomes the value itself; inside a longer text
the value becomes a part of it. A member whose placeholder has no value is left out, and so are an
object or a list that held nothing else, and an element of a list that lacks one of its values.
`${NAME or JSON}` has a default: `${states or []}`. `.first` and `.text` turn a list into its first
value, or into one text with commas. Names that begin with `custom_fields.` repeat the element or
the member that holds them once for each field.

>>> body = compile_template({"options": {"limit": "${limit}"}, "states": "${states}"})
>>> body.render({"limit": 5})
{'options': {'limit': 5}}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from gateway.errors import ConfigurationProblem

_SLOT = re.compile(r"\$\{([^{}]*(?:\{\}[^{}]*)*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[a-z_]+)?)(?:\s+or\s+(.+))?", re.DOTALL)
EACH = "custom_fields"
"""The value with one mapping for each custom field that is filtered."""
Values: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder; `default` is JSON text, None without a default."""

    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A text with placeholders inside."""

    parts: tuple[str | Slot, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value without placeholders, as JSON text."""

    json: str


@dataclass(frozen=True, slots=True)
class Object:
    """An object; its names may contain placeholders too."""

    members: tuple[tuple[Joined | str, Node], ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list."""

    elements: tuple[Node, ...]


Node: TypeAlias = Slot | Joined | Constant | Object | Array
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template."""

    root: Node

    def render(self, values: Values) -> Any:
        """Return the JSON value; an empty object if no placeholder has a value."""
        found = _render(self.root, values)
        return {} if found is _ABSENT else found

    @property
    def names(self) -> frozenset[str]:
        """The names of all placeholders."""
        return frozenset(slot.name for slot in _slots(self.root))

    def uses(self) -> Iterator[Use]:
        """Yield each placeholder with its place."""
        return _uses(self.root, in_text=False, repeats=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A placeholder: `in_text` inside a longer text, `repeats` once for each custom field."""

    name: str
    in_text: bool
    repeats: bool


def compile_template(tree: Any) -> Template:
    """Compile decoded JSON or TOML.

    Raises:
        ConfigurationProblem: a text contains a malformed placeholder.
    """
    return Template(_compile(tree))


def _compile(tree: Any) -> Node:
    match tree:
        case str():
            return _compile_text(tree)
        case Mapping() if any("${" in name for name in tree) or any(map(_is_open, tree.values())):
            return Object(tuple((_compile_name(n), _compile(v)) for n, v in tree.items()))
        case list() if any(map(_is_open, tree)):
            return Array(tuple(map(_compile, tree)))
        case _:
            return Constant(msgspec.json.encode(tree).decode())


def _is_open(tree: Any) -> bool:
    """Return True if there is a placeholder somewhere."""
    return not isinstance(_compile(tree), Constant)


def _compile_text(text: str) -> Node:
    if "${" not in text:
        return Constant(msgspec.json.encode(text).decode())
    parts = _parts(text)
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Slot) else Joined(parts)


def _compile_name(name: str) -> Joined | str:
    return Joined(_parts(name)) if "${" in name else name


def _parts(text: str) -> tuple[str | Slot, ...]:
    parts: list[str | Slot] = []
    end = 0
    for found in _SLOT.finditer(text):
        parts += [text[end : found.start()]] if found.start() > end else []
        parts.append(_slot(found[1]))
        end = found.end()
    rest = text[end:]
    if "${" in rest:
        raise ConfigurationProblem(
            f"contract file: [request] body: {text!r} has an unclosed placeholder: write"
            " ${NAME} or ${NAME or JSON}"
        )
    return (*parts, rest) if rest else tuple(parts)


def _slot(text: str) -> Slot:
    match = _NAME.fullmatch(text.strip())
    if match is not None:
        try:
            if match[2] is not None:
                msgspec.json.decode(match[2])
        except msgspec.DecodeError:
            match = None
    if match is None:
        raise ConfigurationProblem(
            f"contract file: [request] body: ${{{text}}} is not a placeholder: write ${{NAME}} or"
            " ${NAME or JSON}"
        )
    return Slot(match[1], match[2])


def _slots(node: Node | Joined | str) -> Iterator[Slot]:
    match node:
        case Slot():
            yield node
        case Joined(parts):
            yield from (part for part in parts if isinstance(part, Slot))
        case Object(members):
            for name, inner in members:
                yield from _slots(name)
                yield from _slots(inner)
        case Array(elements):
            for element in elements:
                yield from _slots(element)
        case _:
            return


def _uses(node: Node | Joined | str, *, in_text: bool, repeats: bool) -> Iterator[Use]:
    match node:
        case Slot(name):
            yield Use(name, in_text, repeats)
        case Joined():
            for slot in _slots(node):
                yield Use(slot.name, True, repeats)
        case Object(members):
            for label, inner in members:
                each = repeats or _speaks(label)
                yield from _uses(label, in_text=True, repeats=each)
                yield from _uses(inner, in_text=in_text, repeats=each)
        case Array(elements):
            for element in elements:
                yield from _uses(element, in_text=in_text, repeats=repeats or _speaks(element))
        case _:
            return


def _speaks(node: Node | Joined | str) -> bool:
    """Return True if a name or an element refers to custom fields."""
    return any(slot.name.startswith(f"{EACH}.") for slot in _slots(node))


def _render(node: Node, values: Values) -> Any:
    match node:
        case Constant(json):
            return msgspec.json.decode(json)
        case Slot():
            return _value(node, values)
        case Joined():
            return _text(node, values)
        case Object():
            return _object(node, values)
        case Array():
            return _array(node, values)


def _value(slot: Slot, values: Values) -> Any:
    name, _, view = slot.name.partition(".")
    found = values.get(slot.name, _ABSENT)
    if found is _ABSENT and view in ("first", "text"):
        listed = values.get(name)
        if listed:
            found = listed[0] if view == "first" else ",".join(map(str, listed))
    if found is _ABSENT and slot.default is not None:
        return msgspec.json.decode(slot.default)
    return found


def _text(node: Joined, values: Values) -> Any:
    parts = [part if isinstance(part, str) else _value(part, values) for part in node.parts]
    return _ABSENT if _ABSENT in parts else "".join(map(str, parts))


def _object(node: Object, values: Values) -> Any:
    made: dict[str, Any] = {}
    for name, inner in node.members:
        for each in _repeated(name, values):
            label = name if isinstance(name, str) else _text(name, each)
            value = _render(inner, each)
            if label is not _ABSENT and value is not _ABSENT:
                made[label] = value
    return made or _ABSENT


def _array(node: Array, values: Values) -> Any:
    made = [
        _render(element, each)
        for element in node.elements
        for each in _repeated(element, values)
        if all(_value(slot, each) is not _ABSENT for slot in _slots(element))
    ]
    return made or _ABSENT


def _repeated(node: Node | str, values: Values) -> Iterator[Values]:
    """Yield the values of each custom field if a name or an element refers to custom fields."""
    if not _speaks(node) or f"{EACH}.id" in values:
        yield values
        return
    for field in values.get(EACH, ()):
        yield {**values, **{f"{EACH}.{name}": value for name, value in field.items()}}
