"""JSON values of examples -> their members: paths, types, formats and presence, without the values.

Only four kinds of values are kept: those of enumerations (states, enrollment and content types), of
the order, small numbers of the page, and constants that can belong to no person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.discovery.claims.claims import (
    ConstantCandidate,
    RequestMember,
    ResponseMember,
    Scalar,
    Source,
)
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import ANY, EACH, Path, role_of
from gateway.discovery.claims.private import (
    is_about_a_person,
    is_enum_value,
    is_harmless,
    is_secret_name,
)

_Key = TypeVar("_Key", bound=Hashable)

MAX_VALUES = 200_000
MAX_ELEMENTS = 200
"""The most elements read of one array: further rows of a page show no other shapes."""

MAX_PATH = 12
MAX_ENUM = 30
MAX_MEMBERS = 1_000
_SURE_SCORE = 0.9
_PAGES = (Role.LIMIT, Role.SKIP, Role.PAGE)
_ORDER = (Role.ORDER_FIELD, Role.ORDER_DIRECTION)
_REQUEST_ENUMS = (Role.STATES, Role.ENROLLMENT_TYPES, *_ORDER)
_ROW_ENUMS = (Role.STATE, Role.ENROLLMENT_TYPE, Role.CONTENT_TYPE)
_FIELD_PARTS = (Role.CUSTOM_FIELD_ID, Role.CUSTOM_FIELD_VALUE, Role.CUSTOM_FIELD_LABEL)
_NAME = re.compile(r"[$_@]?[A-Za-z_][A-Za-z_]*(?:[-.:]?[A-Za-z0-9_]+)*")
_ORDER_VALUE = re.compile(r"[-+]?[A-Za-z][A-Za-z0-9_.]{0,60}(?:[: ,](?i:asc|desc)(?:ending)?)?")
_FORMATS = (
    ("iso-milliseconds-z", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")),
    ("iso-seconds-z", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
    ("iso-offset", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?[+-]\d\d:?\d\d")),
    ("iso-fraction-z", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")),
    ("iso-local", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")),
    ("blank-local", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("uri", re.compile(r"https?://\S+")),
    ("numeric", re.compile(r"-?\d+(\.\d+)?")),
)


@dataclass(slots=True)
class Seen:
    """All values of one path, while examples are read; never leaves this package."""

    path: Path
    parents: int = 0
    count: int = 0
    values: list[Any] = field(default_factory=list, repr=False)

    @property
    def types(self) -> list[str]:
        """Return the JSON types of the values, without null, in order of appearance."""
        found = [_type(value) for value in self.values if value is not None]
        kinds = list(dict.fromkeys(found))
        return ["number"] if sorted(kinds) == ["integer", "number"] else kinds

    @property
    def texts(self) -> list[str]:
        """Return the texts among the values."""
        return [value for value in self.values if isinstance(value, str)]


def seen_in(bodies: Iterable[Any]) -> dict[Path, Seen]:
    """Return all paths of the bodies with their values, parents first."""
    found: dict[Path, Seen] = {}
    names, left = _Names(), MAX_VALUES
    stack: list[tuple[Path, Any]] = [((), body) for body in bodies]
    stack.reverse()
    while stack and left > 0:
        left -= 1
        path, value = stack.pop()
        children = names.children(path, value) if len(path) < MAX_PATH else []
        for name in dict.fromkeys(name for name, _ in children):
            child = (*path, name)
            if child not in found and len(found) >= MAX_MEMBERS:
                children = [pair for pair in children if pair[0] != name]
                continue
            found.setdefault(child, Seen(child)).count += 1
        for name, inner in children:
            found[(*path, name)].values.append(inner)
        stack.extend(((*path, name), inner) for name, inner in reversed(children))
        if path in found and isinstance(value, dict):
            found[path].parents += 1
    return found


def request_members(bodies: list[Any]) -> tuple[RequestMember, ...]:
    """Return the members of the request bodies of one endpoint."""
    seen = seen_in(bodies)
    return tuple(_request_member(one, seen, len(bodies)) for one in seen.values())


def response_members(bodies: list[Any]) -> tuple[ResponseMember, ...]:
    """Return the members of the response bodies of one endpoint."""
    seen = seen_in(bodies)
    return tuple(
        ResponseMember(
            path=one.path,
            type=_only(one.types),
            format=_format(one),
            nullable=None in one.values,
            required=one.count >= _parents(one.path, seen, len(bodies)),
            enum=_enum(one, Part.ROW, _ROW_ENUMS),
            source=Source.EXAMPLE,
        )
        for one in seen.values()
    )


def constants(bodies: list[Any]) -> tuple[ConstantCandidate, ...]:
    """Return the constants of the requests: no filters, pages, secrets, or words of persons."""
    found = []
    seen = seen_in(bodies)
    for one in seen.values():
        values = list(dict.fromkeys((type(v), v) for v in one.values if isinstance(v, Scalar)))
        always = one.count >= _parents(one.path, seen, len(bodies))
        alone = always and len(values) == 1 and len(one.values) == one.count
        if alone and not {EACH, ANY} & set(one.path) and _is_constant(one.path, values[0][1]):
            found.append(ConstantCandidate(one.path, values[0][1]))
    return tuple(found)


def skeleton_of(bodies: list[Any]) -> str:
    """Return the first body as JSON with types for values; empty without bodies."""
    return json.dumps(_skeleton((), bodies[0], _Names()), ensure_ascii=False) if bodies else ""


def _skeleton(path: Path, value: Any, names: _Names) -> Any:
    children = names.children(path, value) if len(path) < MAX_PATH else []
    if isinstance(value, dict):
        return {n: _skeleton((*path, n), inner, names) for n, inner in children}
    if isinstance(value, list):
        return [_skeleton((*path, n), inner, names) for n, inner in children[:1]]
    return _type(value)


class _Names:
    """A judge of objects' names: members, or ids and labels; it remembers its judgements.

    Bodies repeat the same few paths thousands of times.
    """

    def __init__(self) -> None:
        self._known: dict[Path, bool] = {}
        self._holders: dict[Path, bool] = {}
        self._parts: dict[Path, bool] = {}
        self._usual: dict[str, bool] = {}

    def children(self, path: Path, value: Any) -> list[tuple[str, Any]]:
        """Return the members of an object or the elements of an array, with their steps."""
        if isinstance(value, list):
            return [(EACH, inner) for inner in value[:MAX_ELEMENTS]]
        if not isinstance(value, dict):
            return []
        if self._is_map(path, value):
            return [(ANY, inner) for inner in value.values()]
        usual = [_remembered(self._usual, name, _is_name) for name in value]
        if all(usual):
            return list(value.items())
        pairs = zip(value.items(), usual, strict=True)
        return [(n if ok and self._is_known((*path, n)) else ANY, v) for (n, v), ok in pairs]

    def _is_map(self, path: Path, value: dict[str, Any]) -> bool:
        """Return True if the names of an object are ids or labels of custom fields."""
        if not path or not _remembered(self._holders, path, _holds_fields):
            return False
        return not any(
            _remembered(self._parts, (*path, name), _is_field_part)
            for name in value
            if _remembered(self._usual, name, _is_name)
        )

    def _is_known(self, path: Path) -> bool:
        return _remembered(self._known, path, lambda one: bool(_sure(one, None, 0.6)))


def _remembered(memory: dict[_Key, bool], key: _Key, judge: Callable[[_Key], bool]) -> bool:
    if key not in memory:
        memory[key] = judge(key)
    return memory[key]


def _holds_fields(path: Path) -> bool:
    wanted = (Role.ROW_CUSTOM_FIELDS, Role.CUSTOM_FIELDS)
    return any(role in wanted for role in _sure(path, None))


def _is_field_part(path: Path) -> bool:
    return any(role in _FIELD_PARTS for role in _sure(path, None, 0.5))


def _is_name(name: str) -> bool:
    return len(name) <= 64 and _NAME.fullmatch(name) is not None and not re.search(r"\d{4}", name)


def _request_member(one: Seen, seen: dict[Path, Seen], bodies: int) -> RequestMember:
    simple = [value for value in one.values if isinstance(value, Scalar)]
    different = len(set(map(json.dumps, simple))) > 1 or one.count < bodies
    sure = _sure(one.path, Part.REQUEST)
    page = [v for v in simple if isinstance(v, int) and not isinstance(v, bool) and v < 100_000]
    is_page = any(role in _PAGES for role in sure) and len(page) == len(one.values)
    return RequestMember(
        path=one.path,
        type=_only(one.types),
        format=_format(one),
        nullable=None in one.values,
        required=bodies > 1 and one.count >= _parents(one.path, seen, bodies),
        enum=_enum(one, Part.REQUEST, _REQUEST_ENUMS),
        constant=page[0] if is_page and len(set(page)) == 1 else None,
        varies=different and bodies > 1 and EACH not in one.path,
        source=Source.EXAMPLE,
    )


def _parents(path: Path, seen: dict[Path, Seen], bodies: int) -> int:
    parent = path[:-1]
    return seen[parent].parents if parent in seen else bodies


def _enum(one: Seen, part: Part, roles: tuple[Role, ...]) -> tuple[str, ...]:
    """Return the different texts of an enumeration; none if they do not look like one."""
    path = one.path
    if part is Part.ROW:
        path = path[path.index(EACH) + 1 :] if EACH in path else path
    found = [role for role in _sure(path, part, 0.6) if role in roles]
    texts = list(dict.fromkeys(one.texts))
    usual = _ORDER_VALUE.fullmatch if found and found[0] in _ORDER else is_enum_value
    if not found or len(texts) > MAX_ENUM or not all(map(usual, texts)):
        return ()
    return tuple(texts)


def _is_constant(path: Path, value: Scalar) -> bool:
    if any(found.score >= 0.5 for found in role_of(path, Part.REQUEST)):
        return False
    if any(map(is_secret_name, path)):
        return False
    if isinstance(value, bool):
        return True
    if any(map(is_about_a_person, path)):
        return False
    return is_harmless(value) if isinstance(value, str) else abs(value) < 100_000


def _sure(path: Path, part: Part | None, least: float = _SURE_SCORE) -> list[Role]:
    return [found.role for found in role_of(path, part) if found.score >= least]


def _format(one: Seen) -> str:
    """Return the format that all texts of a path have, if there is one."""
    texts = one.texts[:500]
    if not texts or any(isinstance(value, dict | list) for value in one.values):
        return _epoch(one)
    for name, pattern in _FORMATS:
        if all(pattern.fullmatch(text) for text in texts):
            return name
    return ""


def _epoch(one: Seen) -> str:
    numbers = [v for v in one.values if isinstance(v, int | float) and not isinstance(v, bool)]
    if numbers and all(1_000_000_000 <= number < 10_000_000_000 for number in numbers):
        return "epoch-seconds"
    if numbers and all(1_000_000_000_000 <= number < 10_000_000_000_000 for number in numbers):
        return "epoch-milliseconds"
    return ""


def _type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array",
             dict: "object", type(None): "null"}  # fmt: skip
    return kinds.get(type(value), "any")


def _only(types: list[str]) -> str:
    return types[0] if len(types) == 1 else ""
