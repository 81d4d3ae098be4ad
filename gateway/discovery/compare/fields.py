"""Custom fields of a file in force, compared with those of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.analytics.read.translate import find
from gateway.contract import file
from gateway.contract.texts import text_of
from gateway.discovery.compare.case import Case
from gateway.discovery.findings import Edit, Finding, differs, holds
from gateway.discovery.infer.found import counted

_KEYS = ("path", "shape", "id", "value", "label")


def compare_fields(case: Case) -> Iterator[Finding]:
    """Yield a finding on where custom fields are, and one for each field."""
    section, seen = case.force.custom_fields, case.seen.custom_fields
    mapped = {c.field_id: c.name for c in case.contract.columns if c.field_id is not None}
    if section is None:
        if seen is not None:
            number = counted(seen.mapped, "field")
            yield holds("[custom_fields]", f"not in the file; `init` finds {number}")
        return
    found = _fields(case.learned.rows, section)
    if not found and seen is not None and _fields(case.learned.rows, seen):
        yield _moved(case, section, seen)
        return
    if not found:
        text = f"no row has custom fields at {section.path}"
        yield differs("[custom_fields]", text) if mapped else holds("[custom_fields]", text)
    else:
        yield holds("[custom_fields]", counted(len(found), "field"))
    yield from _mapping(case, found, mapped)


def _moved(case: Case, section: file.CustomFieldsSection, seen: Any) -> Finding:
    wrong = [key for key in _KEYS if getattr(section, key) != getattr(seen, key)]
    words = "; ".join(f"{key} = {getattr(seen, key)!r} was seen" for key in wrong)
    edits = tuple(Edit("custom_fields", key, getattr(seen, key) or None) for key in wrong)
    text = f"no row has custom fields at {section.path}; {words}"
    return differs("[custom_fields]", text, (*edits, *case.proof("custom_fields")))


def _fields(rows: Sequence[Any], section: file.CustomFieldsSection) -> dict[str, tuple[str, int]]:
    """Return label and number of rows of each field by its ID."""
    labels: dict[str, Counter[str]] = {}
    for row in rows:
        for id_, label in _of_row(row, section):
            labels.setdefault(id_, Counter())[label] += 1
    return {id_: (seen.most_common(1)[0][0], seen.total()) for id_, seen in sorted(labels.items())}


def _of_row(row: Any, section: file.CustomFieldsSection) -> Iterator[tuple[str, str]]:
    place = find(row, tuple(section.path.split(".")) if section.path else ())
    if section.shape == "object" and isinstance(place, dict):
        yield from ((name, name) for name in place)
    if section.shape != "list" or not isinstance(place, list):
        return
    for element in place:
        id_ = find(element, tuple(section.id.split(".")))
        label = find(element, tuple(section.label.split("."))) if section.label else id_
        if isinstance(id_, str | int):
            yield text_of(id_), label if isinstance(label, str) else text_of(id_)


def _mapping(
    case: Case, found: dict[str, tuple[str, int]], mapped: dict[str, str]
) -> Iterator[Finding]:
    section = case.force.custom_fields
    own = () if section is None else section.mapped
    names = {field.id: field.name for field in own}
    for id_, (label, rows) in found.items():
        subject = f"custom field {id_} ({label})"
        if id_ in mapped:
            yield holds(subject, f"is the column {mapped[id_]}, in {counted(rows)}")
        elif section is not None and section.shape == "list":
            yield holds(subject, f"is not mapped; --custom-field NAME={id_} makes it a column")
    for id_ in sorted(mapped.keys() - found.keys()):
        text = f"is mapped to the column {mapped[id_]}, but no row has it; check the ID"
        edits = (Edit(f"custom_fields.{names[id_]}"),) if id_ in names else ()
        yield differs(f"custom field {id_}", text, edits)
