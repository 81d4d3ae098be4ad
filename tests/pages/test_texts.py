"""The texts of all languages: complete, used, with the same placeholders and all plural forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel import Locale
from jinja2 import Environment, nodes

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.labels import table_label
from gateway.figures.definitions import AVERAGE_PROGRESS, FIGURES, TIME_TO_COMPLETE
from gateway.figures.period import usual_periods
from gateway.pages.builder.conditions import OPERATORS
from gateway.pages.builder.to_query import COUNT, METHODS
from gateway.pages.charts import read_gallery
from gateway.pages.languages import DEFAULT, is_plural, read_tables
from gateway.pages.row_filter import OPERATORS as ROW_OPERATORS
from gateway.snapshots.freshness import Verdict

PAGES = files("gateway.pages")
TABLES = read_tables(PAGES.joinpath("texts"))
OTHERS = [code for code in TABLES if code != DEFAULT]
MEASURES = (TIME_TO_COMPLETE, AVERAGE_PROGRESS)
_OWN = {"regions", "labels", "tables"}
"""Tables that each language has for itself."""


def leaves(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The texts with their places; a text with plural forms is one, a list another."""
    for name, value in table.items():
        place = f"{path}.{name}" if path else name
        if place in _OWN:
            continue
        if isinstance(value, dict) and not is_plural(value):
            yield from leaves(value, place)
        else:
            yield place, value


ENGLISH = dict(leaves(TABLES[DEFAULT]))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def forms(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value.values()]
    return [*value] if isinstance(value, list) else [value]


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_missing_and_none_is_left_over(code: str) -> None:
    found = dict(leaves(TABLES[code]))
    missing = [f"{place} = {ENGLISH[place]!r}" for place in ENGLISH if place not in found]
    assert not missing, "\n".join(["to be translated:", *missing])
    unknown = [place for place in found if place not in ENGLISH]
    assert not unknown, "\n".join(["to be removed:", *unknown])


@pytest.mark.parametrize("code", OTHERS)
def test_texts_have_the_same_kind_length_and_placeholders(code: str) -> None:
    for place, value in leaves(TABLES[code]):
        english = ENGLISH[place]
        assert type(value) is type(english), place
        assert all(text.strip() == text and text for text in forms(value)), place
        if isinstance(value, list):
            assert len(value) == len(english), place
        wanted = set().union(*map(placeholders, forms(english)))
        assert set().union(*map(placeholders, forms(value))) == wanted, place


@pytest.mark.parametrize("code", TABLES)
def test_every_text_with_a_count_has_all_plural_forms_of_its_language(code: str) -> None:
    rule = Locale.parse(code).plural_form
    numbers: dict[str, list[int]] = {}
    for number in range(2_000):
        numbers.setdefault(rule(number), []).append(number)
    for place, value in leaves(TABLES[code]):
        if not isinstance(value, dict):
            assert "count" not in set().union(*map(placeholders, forms(value))), place
            continue
        assert value.keys() == {*rule.tags, "other"}, place
        wanted = placeholders(value["other"])
        for name, text in value.items():
            is_said = len(numbers.get(name, ())) == 1  # such as "1 row"
            assert placeholders(text) == wanted or (is_said and placeholders(text) < wanted), place


@pytest.mark.parametrize("code", OTHERS)
def test_the_labels_of_the_built_in_contract_are_translated(code: str) -> None:
    schema = load_contract(built_in_contract()).schema
    labels = {each.label for each in schema.entity_sets}
    labels |= {p.label for each in schema.entity_sets for p in each.entity_type.properties}
    found = TABLES[code]["labels"]
    missing = sorted(labels - {None, ""} - found.keys())
    assert not missing, "\n".join(["to be translated:", *missing])
    unknown = sorted(found.keys() - labels)
    assert not unknown, "\n".join(["to be removed:", *unknown])
    assert TABLES[code]["tables"].keys() == {table_label(each) for each in schema.entity_sets}


def test_the_glossary_has_the_words_that_the_texts_use() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pages.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    heads, *terms = rows[[row[0] for row in rows].index("English") :]
    assert len(heads) == len(TABLES)
    for code, words in zip(("en", "sv", "de"), zip(*terms, strict=True), strict=True):
        said = " ".join(text for _, value in leaves(TABLES[code]) for text in forms(value))
        said = f"{said} {' '.join(TABLES[code].get('labels', {}).values())}".lower()
        listed = {word for cell in words for word in cell.split(", ")}
        assert {word for word in listed if word.lower() not in said} == set(), code


def test_every_text_is_used() -> None:
    read = {"language", "name", *in_templates(), *in_code()}
    left = [
        place for place in ENGLISH if not any(place == r or place.startswith(f"{r}.") for r in read)
    ]
    assert not left, "\n".join(["not used:", *left])


def test_texts_that_are_found_by_name_are_those_of_their_lists() -> None:
    table = TABLES[DEFAULT]
    figures = {figure.name for figure in (*FIGURES, *MEASURES)}
    charts, colours = read_gallery().charts, read_gallery().colours
    assert table["query"]["operators"].keys() == OPERATORS.keys()
    assert table["query"]["times"].keys() <= OPERATORS.keys()
    assert table["query"]["methods"].keys() == {COUNT, *METHODS}
    assert table["insights"]["figures"].keys() == {"people", *figures}
    assert table["rows"]["operators"].keys() == {*ROW_OPERATORS}
    assert table["insights"]["usual"].keys() == usual_periods(date(2025, 3, 9)).keys()
    assert table["charts"].keys() == {chart.name for chart in charts}
    assert table["status"]["states"].keys() == {verdict.name for verdict in Verdict}
    named = {*colours, *(name for chart in charts if not chart.by for name in chart.series)}
    assert named | {"30", "60", "90"} == table["names"].keys()


def in_templates() -> Iterator[str]:
    """The places that templates read; a whole group if its texts are found by name."""
    environment = Environment(autoescape=True)
    for file in PAGES.joinpath("templates").iterdir():
        tree = environment.parse(file.read_text("utf-8"))
        found: list[nodes.Getattr | nodes.Getitem] = [*tree.find_all(nodes.Getattr)]
        found += tree.find_all(nodes.Getitem)
        parts = {id(each.node) for each in found if place_of(each)}
        places = (place_of(each) for each in found if id(each) not in parts)
        yield from (place.removesuffix(".format") for place in places if place)


def place_of(node: nodes.Node) -> str:
    """The place that a chain from `t` names, up to a part that is not a constant."""
    match node:
        case nodes.Name(name="t"):
            return ""
        case nodes.Getattr(node=inner, attr=name):
            return extended(inner, name)
        case nodes.Getitem(node=inner, arg=nodes.Const(value=name)):
            return extended(inner, name)
    return ""


def extended(inner: nodes.Node, name: str) -> str:
    if isinstance(inner, nodes.Name):
        return name if inner.name == "t" else ""
    found = place_of(inner)
    return f"{found}.{name}" if found else ""


def in_code() -> Iterator[str]:
    """The places that modules read, as `texts.query.notes`."""
    for folder in ("", "builder"):
        for file in PAGES.joinpath(folder).iterdir():
            if file.name.endswith(".py"):
                yield from re.findall(r"\btexts\.([a-z_.]+)", file.read_text("utf-8"))
