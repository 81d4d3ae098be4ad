"""The filter by custom fields: its form, tried with the field whose values tell rows apart best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.analytics.read.members import MISSING
from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.template import EACH
from gateway.discovery.probe.filters import Scene, lacks_rows, narrows
from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import Tree, at, paths_of
from gateway.discovery.probe.usual import FIELD_FILTERS, WITHIN

_ID, _VALUES = f"${{{EACH}.id}}", f"${{{EACH}.values}}"
_LIST_VALUES = 50
_KEYS = (
    ("customFieldId", "values"),
    ("id", "values"),
    ("fieldId", "values"),
    ("custom_field_id", "values"),
    ("key", "values"),
    ("name", "values"),
)


@dataclass(frozen=True, slots=True)
class FieldFilterFound:
    """A filter by custom fields that lost no row and left some out.

    It is not exact: how the API compares texts was not tried, so the gateway filters again.
    """

    tree: Tree
    most_values: int
    evidence: str


@dataclass(frozen=True, slots=True)
class _Field:
    """A custom field, read as a column is; `id` is its name in requests."""

    section: file.CustomFieldsSection
    id: str

    def raw(self, row: Mapping[str, Any]) -> Any:
        """Return the field's text; None if the row has none."""
        found = values_in(row, self.section).get(self.id)
        return found if isinstance(found, str) and found else None


def values_in(row: Mapping[str, Any], section: file.CustomFieldsSection) -> dict[str, Any]:
    """Return the values of a row's custom fields by the fields' IDs."""
    place = find(row, tuple(section.path.split(".")))
    if section.shape == "object":
        members = place.items() if isinstance(place, dict) else ()
        return {name: _inside(value, section.value) for name, value in members}
    elements = place if isinstance(place, list) else ()
    return {str(_inside(e, section.id)): _inside(e, section.value) for e in elements}


def _inside(node: Any, path: str) -> Any:
    if not path:
        return node
    found = find(node, tuple(path.split("."))) if isinstance(node, dict) else MISSING
    return None if found is MISSING else found


async def find_field_filter(
    study: Study,
    section: file.CustomFieldsSection,
    scene: Scene,
    beside: Sequence[Tree],
    trees: Sequence[tuple[Tree, str]] = (),
    *,
    calls: int,
) -> FieldFilterFound | None:
    """Find the form of the filter; None if no candidate narrows the rows without losing any.

    `beside` are the other filters' trees: this one is probably in the same object. The list that
    is sent has other values too, so that its length is proved.
    """
    field = _telling(section, scene.rows)
    if field is None:
        return None
    wanted = _rarest(field, scene.rows)[:2]
    others = [f"zz-no-such-value-{number}" for number in range(_LIST_VALUES - len(wanted))]
    sent = [*wanted[:1], *others, *wanted[1:]]
    values = {**scene.values, EACH: [{"id": field.id, "values": sent}]}
    study.allow(calls)
    for group in _groups(study, section, beside, trees):
        reply, left = await study.together([tree for tree, _ in group], values)
        rows = None if reply is None else study.rows(reply)
        if rows is None or not narrows(field, scene, rows, wanted):
            continue
        words = {id(tree): text for tree, text in group}
        for tree in left:
            if len(left) > 1:
                rows = study.rows(await study.ask(values, tree)) or []
            if narrows(field, scene, rows, wanted) and not lacks_rows(field, scene, rows, wanted):
                told = f"{words[id(tree)]}: {len(rows)} rows for {len(wanted)} values of a field"
                return FieldFilterFound(tree, len(sent), told)
        return None
    return None


def _telling(section: file.CustomFieldsSection, rows: Sequence[Mapping[str, Any]]) -> _Field | None:
    """Return the field with the most rows that have one of two rare values, but not all rows."""
    ids = {id_ for row in rows for id_ in values_in(row, section)}
    fields = [_Field(section, id_) for id_ in sorted(ids)]
    usable = [field for field in fields if len(_rarest(field, rows)) > 1]
    return max(usable, key=lambda f: sum(f.raw(row) is not None for row in rows), default=None)


def _rarest(field: _Field, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the field's values that some rows have and others lack, rare ones first."""
    seen = Counter(value for row in rows if (value := field.raw(row)) is not None)
    found = sorted(seen.items(), key=lambda item: (item[1], item[0]))
    return [value for value, number in found if number < len(rows)]


def _groups(
    study: Study,
    section: file.CustomFieldsSection,
    beside: Sequence[Tree],
    trees: Sequence[tuple[Tree, str]],
) -> list[list[tuple[Tree, str]]]:
    """Return candidates in groups that can be sent together, the likeliest one alone."""
    return study.groups([*trees, *_usual_trees(section, _within(beside))])


def _within(beside: Sequence[Tree]) -> Sequence[str]:
    """Return the objects to look in, that of the other filters first."""
    places = [".".join(path[:-1]) for tree in beside for path in paths_of(tree)]
    return list(dict.fromkeys([*places, *WITHIN]))


def _usual_trees(
    section: file.CustomFieldsSection, within: Sequence[str]
) -> Iterator[tuple[Tree, str]]:
    own = section.path.rpartition(".")[2]
    keys = dict.fromkeys([*([(section.id, "values")] if section.id else []), *_KEYS])
    objects = [{_ID: _VALUES}]
    lists = [[{id_: _ID, values: _VALUES}] for id_, values in keys]
    forms = [*objects, *lists] if section.shape == "object" else [*lists, *objects]
    for node in forms:
        for name in dict.fromkeys([own, *FIELD_FILTERS]):
            for place in within:
                path = f"{place}.{name}" if place else name
                yield at(path, node), path
