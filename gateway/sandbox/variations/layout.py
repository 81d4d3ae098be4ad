"""The layout of a row: the case of its names, renamed members, nesting, and absent nulls."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Case = Literal["camel", "snake", "pascal"]
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class LayoutForm:
    """The names and the arrangement of a row's members.

    Attributes:
        case: the case of all names.
        renamed: pairs of a row's own member and its name here; a name of None leaves it out.
        inside: the member that holds everything but the key, such as `attributes`, or "".
        nulls: the form of a member without a value.
    """

    case: Case = "camel"
    renamed: tuple[tuple[str, str | None], ...] = ()
    inside: str = ""
    nulls: Literal["null", "absent"] = "null"


def to_snake(name: str) -> str:
    """Return a name in snake case.

    >>> to_snake("certificateIssuedAt")
    'certificate_issued_at'
    """
    return _HUMP.sub("_", name).lower()


def to_pascal(name: str) -> str:
    """Return a name that begins with a capital letter."""
    return name[:1].upper() + name[1:]


_CASES: Mapping[Case, Callable[[str], str]] = MappingProxyType(
    {"snake": to_snake, "pascal": to_pascal}
)


def rename(members: dict[str, object], form: LayoutForm) -> dict[str, object]:
    """Rename a row's own members, and leave out those without a name."""
    names = dict(form.renamed)
    pairs = ((names.get(name, name), value) for name, value in members.items())
    return {name: value for name, value in pairs if name is not None}


def lay_out(row: dict[str, object], form: LayoutForm, key: str | None) -> object:
    """Return a rendered row in its final shape."""
    value: object = row
    if form.nulls == "absent":
        value = _without_nulls(value)
    if form.inside and isinstance(value, dict):
        outside = {name: value.pop(name) for name in [key] if name in value}
        value = {**outside, form.inside: value}
    return _renamed(value, _CASES[form.case]) if form.case in _CASES else value


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        kept = ((name, part) for name, part in value.items() if part is not None)
        return {name: _without_nulls(part) for name, part in kept}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def _renamed(value: object, case: Callable[[str], str]) -> object:
    """Return a value with all of its names in a case; ids of custom fields are not names."""
    if isinstance(value, dict):
        return {
            name if name.startswith(("$", "cf_")) else case(name): _renamed(part, case)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_renamed(part, case) for part in value]
    return value
