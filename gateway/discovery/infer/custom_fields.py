"""Members of rows -> `[custom_fields]` with a column for each field."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.naming import column_name, free_name
from gateway.contract.rules import is_property_name
from gateway.contract.texts import text_of
from gateway.discovery.claims.name_table import Part, Role
from gateway.discovery.claims.names import EACH, plain_name, role_of
from gateway.discovery.infer.found import Steps, counted
from gateway.discovery.infer.members import Member, is_number, is_scalar

_MOST_FIELDS = 200
_NAMED, _UNNAMED = 0.5, 0.4
_LEAST_TYPED_VALUES = 5
_FLAT = re.compile(r"(?:cf|custom|customfield|attr|udf)[_-].+", re.IGNORECASE)
_USUAL_ROLES = (Role.USER_ID, Role.STATE, Role.UPDATED_AT, Role.CONTENT_ID, Role.KEY)


@dataclass(slots=True)
class _Field:
    """The observations of one field; `rows` is the number of rows that have it."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    values: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of custom fields; `steps` lead to the list or object."""

    steps: tuple[str, ...]
    score: float
    section: file.CustomFieldsSection
    fields: Mapping[str, _Field]


def find_custom_fields(
    members: Sequence[Member], usual: file.CustomFieldsSection | None, taken: Iterable[str]
) -> tuple[file.CustomFieldsSection | None, frozenset[tuple[str, ...]]]:
    """Return the section of a contract file, and the steps of the members that it describes.

    `taken` are the names of other columns.
    """
    found = [*_lists(members), *_objects(members), *_flat(members)]
    places = [place for place in found if not any("@" in id_ for id_ in place.fields)]
    if not places:
        return None, frozenset()
    best = max(places, key=lambda place: place.score)
    own = structs.replace(
        best.section,
        source="observed",
        evidence=counted(len(best.fields), "field"),
        filter=None if usual is None else usual.filter,
        personal=True if usual is None else usual.personal,
        mapped=tuple(_mapped(best, [*taken])),
    )
    if best.section.shape == "object" and best.score <= _UNNAMED:
        inside = frozenset((*best.steps, name) for name in best.fields)
    else:
        inside = frozenset(m.steps for m in members if m.steps[: len(best.steps)] == best.steps)
    return own, inside


def proposed_name(label: str, taken: Iterable[str]) -> str:
    """Return a column name in the style of the others.

    >>> proposed_name("Job title", []), proposed_name("EU", ["eu"])
    ('jobTitle', 'EU_2')
    """
    first, *others = column_name(label, ()).split("_")
    plain = first if first.isupper() else first[:1].lower() + first[1:]
    name = plain + "".join(word[:1].upper() + word[1:] for word in others)
    return free_name(name if is_property_name(name) else column_name(label, ()), taken)


def _mapped(place: _Place, taken: list[str]) -> Iterator[file.MappedField]:
    is_nested = "." in place.section.id or "." in place.section.value
    for id_, found in sorted(place.fields.items()):
        label = found.labels.most_common(1)[0][0] if found.labels else id_
        plain = re.sub(r"^(?:cf|custom)[_-]+(?=.)", "", label, flags=re.IGNORECASE)
        taken.append(proposed_name(label if found.labels else plain, taken))
        type_, steps = _type(found.values)
        if is_nested and not steps:
            steps = ("text",)
        yield file.MappedField(id_, taken[-1], label, type=type_, decode=steps)


def _type(values: Sequence[Any]) -> tuple[file.ColumnType, Steps]:
    """Return the type of values that all have it; texts are the most tolerant."""
    if len(values) < _LEAST_TYPED_VALUES:
        return "Edm.String", ()
    if all(isinstance(value, bool) for value in values):
        return "Edm.Boolean", ("boolean",)
    if all(map(is_number, values)):
        return "Edm.Double", ("number",)
    if all(isinstance(v, list) and all(is_scalar(each) for each in v) for v in values):
        texts = all(isinstance(each, str) for value in values for each in value)
        return "Edm.String", ({"split": "\n"},) if texts else ({"split": "\n"}, "text")
    return "Edm.String", ()


def _lists(members: Sequence[Member]) -> Iterator[_Place]:
    for member in members:
        inside = [
            m for m in members if m.steps[:-1][: len(member.steps) + 1] == (*member.steps, EACH)
        ]
        if member.is_each or not inside:
            continue
        names = {m.steps[len(member.steps) + 1 :]: m for m in inside}
        label = _part(names, Role.CUSTOM_FIELD_LABEL)
        id_ = _part(names, Role.CUSTOM_FIELD_ID) or label
        value = _part(names, Role.CUSTOM_FIELD_VALUE)
        if id_ is None or value is None or id_ == value:
            continue
        fields = _listed(member, id_, value, label)
        score = member.roles().get(Role.ROW_CUSTOM_FIELDS, 0.0)
        limit = _MOST_FIELDS if score >= _NAMED else max(20, member.rows // 5)
        if fields and len(fields) <= min(limit, _MOST_FIELDS):
            section = file.CustomFieldsSection(
                path=member.path,
                id=".".join(id_),
                value=".".join(value),
                label=".".join(label or id_),
            )
            yield _Place(member.steps, max(score, _UNNAMED), section, fields)


def _part(names: Mapping[tuple[str, ...], Member], role: Role) -> tuple[str, ...] | None:
    """Return the steps of the member of an element that has a role, whatever the list's name."""
    least = 0.5 if role is not Role.CUSTOM_FIELD_VALUE else 0.75
    scored = [
        (found.score, -len(steps), steps)
        for steps, member in names.items()
        if not any(isinstance(value, dict) for value in member.known)
        for found in role_of(("customFields", EACH, *steps), Part.ROW)
        if found.role is role and found.score >= least
    ]
    return max(scored)[2] if scored else None


def _listed(
    member: Member,
    id_: tuple[str, ...],
    value: tuple[str, ...],
    label: tuple[str, ...] | None,
) -> dict[str, _Field]:
    fields: dict[str, _Field] = defaultdict(_Field)
    for elements in member.values.values():
        for element in elements if isinstance(elements, list) else ():
            found = find(element, id_)
            if not isinstance(found, str | int) or found == "":
                continue
            _note(fields[text_of(found)], find(element, value), label and find(element, label))
    return dict(fields)


def _note(field_: _Field, value: Any, label: Any) -> None:
    field_.rows += 1
    if value not in (None, "") and value is not MISSING:
        field_.values.append(value)
    if isinstance(label, str) and label:
        field_.labels[label] += 1


def _objects(members: Sequence[Member]) -> Iterator[_Place]:
    for member in members:
        score = member.roles().get(Role.ROW_CUSTOM_FIELDS, 0.0)
        objects = [value for value in member.values.values() if isinstance(value, dict)]
        if score < _NAMED or member.is_each or len(objects) < len(member.values) or not objects:
            continue
        if _is_wrapper(member, members):
            continue
        fields: dict[str, _Field] = defaultdict(_Field)
        nested = all(_is_holder(value) for each in objects for value in each.values())
        for each in objects:
            for name, value in each.items():
                own = value.get("value") if nested else value
                _note(fields[name], own, _label(value) if nested else None)
        if 0 < len(fields) <= _MOST_FIELDS and (nested or not _has_objects(fields.values())):
            section = file.CustomFieldsSection(
                path=member.path, shape="object", value="value" if nested else ""
            )
            yield _Place(member.steps, score, section, dict(fields))


def _is_wrapper(member: Member, members: Sequence[Member]) -> bool:
    """Return True if the object holds the row's own members, such as `attributes` in JSON:API."""
    inside = [m for m in members if m.steps[:-1] == member.steps]
    usual = [m for m in inside if any(m.roles().get(role, 0) >= 0.9 for role in _USUAL_ROLES)]
    return len(usual) > 1


def _is_holder(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value


def _label(value: Mapping[str, Any]) -> Any:
    return value.get("label") or value.get("name")


def _has_objects(fields: Iterable[_Field]) -> bool:
    return any(isinstance(value, dict) for found in fields for value in found.values)


def _flat(members: Sequence[Member]) -> Iterator[_Place]:
    """Yield objects some of whose members are custom fields by a common prefix: `cf_region`."""
    inside: dict[tuple[str, ...], dict[str, _Field]] = defaultdict(dict)
    for member in members:
        if member.is_each or not _FLAT.fullmatch(member.steps[-1]):
            continue
        values = member.known
        if plain_name(member.steps[-1]).startswith("customfield") and any(
            isinstance(value, dict) for value in values
        ):
            continue
        if not any(isinstance(value, dict) for value in values):
            inside[member.holder][member.steps[-1]] = _Field(len(values), Counter(), values)
    for holder, fields in inside.items():
        section = file.CustomFieldsSection(path=".".join(holder), shape="object")
        yield _Place(holder, _UNNAMED, section, fields)
