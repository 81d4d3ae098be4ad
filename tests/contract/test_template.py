"""Templates of bodies against a plain reading of their rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.template import compile_template
from gateway.errors import ConfigurationProblem
from tests.support.examples import examples

NAMES = ("limit", "states", "changed.from", "custom_fields.id", "custom_fields.values")
GONE = object()
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab$ {}", max_size=3)
CONSTANTS = SCALARS.filter(lambda value: not isinstance(value, str) or "${" not in value)
SLOTS = st.sampled_from(
    [
        *(f"${{{name}}}" for name in NAMES),
        *("${states or []}", "${limit or 7}", "${states.first}", "${states.text}"),
        *("${ changed.from or {} }", '${states or ["x"]}', "${nosuch or null}"),
    ]
)
INSIDE = st.sampled_from(
    ["p=${limit}", "${custom_fields.id}!", "${states.text} and ${limit}", "a${nosuch}b"]
)
LABELS = st.sampled_from(["a", "b", "c", "${custom_fields.id}", "f.${custom_fields.id}"])
TREES = st.recursive(
    CONSTANTS | SLOTS | INSIDE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LABELS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.lists(
    st.fixed_dictionaries({"id": st.text("xy", min_size=1), "values": st.lists(st.text("v"))}),
    max_size=2,
    unique_by=lambda field: field["id"],
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(0, 9),
        "states": st.lists(st.sampled_from("AB"), min_size=1, max_size=2),
        "changed.from": st.just("2024-01-01T00:00:00Z"),
        "custom_fields": FIELDS,
    },
)


def looked_up(name: str, values: dict[str, Any]) -> Any:
    """The value of a placeholder without its braces, `GONE` if there is none."""
    name, _, default = (part.strip() for part in name.partition(" or "))
    if name in values:
        return values[name]
    base, _, view = name.partition(".")
    if view == "first" and base in values:
        return values[base][0]
    if view == "text" and base in values:
        return ",".join(values[base])
    literals: dict[str, Any] = {"[]": [], "7": 7, "{}": {}, '["x"]': ["x"], "null": None}
    return literals[default] if default else GONE


def said(tree: Any, values: dict[str, Any]) -> Any:
    """Render a template, one rule after the other: an independent second version."""
    match tree:
        case str() if "${" not in tree:
            return tree
        case str():
            return text(tree, values)
        case dict():
            made = {}
            for label, inner in tree.items():
                for each in each_field(label, values):
                    name = text(label, each) if "${" in label else label
                    value = said(inner, each)
                    if name is not GONE and value is not GONE:
                        made[name] = value
            return made if made or not is_open(tree) else GONE
        case list():
            elements = [
                said(inner, each)
                for inner in tree
                for each in each_field(inner, values)
                if all(looked_up(slot, each) is not GONE for slot in all_slots(inner))
            ]
            return elements if elements or not is_open(tree) else GONE
        case _:
            return tree


def text(template: str, values: dict[str, Any]) -> Any:
    parts = re.split(r"(\$\{(?:[^{}]|\{\})*\})", template)
    found = [looked_up(p[2:-1].strip(), values) if p.startswith("${") else p for p in parts if p]
    if len(found) == 1:
        return found[0]
    return GONE if any(part is GONE for part in found) else "".join(map(str, found))


def all_slots(tree: Any) -> list[str]:
    match tree:
        case str():
            return [found.strip() for found in re.findall(r"\$\{((?:[^{}]|\{\})*)\}", tree)]
        case dict():
            return [s for pair in tree.items() for part in pair for s in all_slots(part)]
        case list():
            return [slot for inner in tree for slot in all_slots(inner)]
        case _:
            return []


def is_open(tree: Any) -> bool:
    return bool(all_slots(tree))


def each_field(tree: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    if "custom_fields.id" in values or not any("custom_fields." in s for s in all_slots(tree)):
        return [values]
    return [
        {**values, "custom_fields.id": field["id"], "custom_fields.values": field["values"]}
        for field in values.get("custom_fields", ())
    ]


@examples(400)
@given(TREES, VALUES)
def test_a_template_says_what_its_rules_say(tree: Any, values: dict[str, Any]) -> None:
    wanted = said(tree, values)
    assert compile_template(tree).render(values) == ({} if wanted is GONE else wanted)


@examples(100)
@given(TREES)
def test_all_placeholders_are_named(tree: Any) -> None:
    template = compile_template(tree)
    assert template.names == {slot.partition(" or ")[0].strip() for slot in all_slots(tree)}
    assert {use.name for use in template.uses()} == template.names


@pytest.mark.parametrize(
    "text_", ["${", "${}", "a ${limit", "${a-b}", "${limit or }", "${limit or nope}", "${1}"]
)
def test_a_malformed_placeholder_is_refused(text_: str) -> None:
    for tree in (text_, {"a": [text_]}, {text_: 1}):
        with pytest.raises(ConfigurationProblem, match=r"\[request\] body"):
            compile_template(tree)
