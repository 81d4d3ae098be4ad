"""Rows of the sandbox's variations: what is inferred reads them as they were meant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import pytest

from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.found import Inferred
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.generator import generate
from gateway.sandbox.variations import VARIATIONS, Variation, truth
from gateway.sandbox.variations.catalogue.people import PEOPLE
from gateway.sandbox.variations.catalogue.values import VALUES
from gateway.sandbox.variations.envelope import Page, wrap_page
from gateway.sandbox.variations.paging import Window
from gateway.sandbox.variations.population import populate
from gateway.sandbox.variations.rows import render_rows
from tests.support.examples import sparse
from tests.support.inferred import infer, read

REFUSED = {"attempts-unnumbered": "occur twice"}
NOT_CLEAR = {
    "words-other": ("state", "enrollmentType"),
    "user-by-language": ("userName",),
    "user-two-names": ("userName",),
    "content-by-language": ("contentName",),
}
"""Variations that inference must not read at all, or not in these columns: other words need the
owner, an empty name in English is taken from the next language, and two empty names are none."""
ROWS = 700


@cache
def dataset() -> Dataset:
    return generate(ROWS)


def pages_of(variation: Variation) -> tuple[list[Any], list[list[Any]], list[dict[str, Any]]]:
    """Return all rows as the variation renders them, sample pages of them, and the true ones."""
    rows = list(populate(dataset(), variation.population, variation.values).rows)
    shown = msgspec.json.decode(msgspec.json.encode(render_rows(rows, variation)))
    newest = sorted(range(len(rows)), key=lambda n: -(rows[n].updated_at or 0))
    states: dict[Any, list[int]] = {}
    for number in newest:
        states.setdefault(rows[number].state, []).append(number)
    chosen = [newest[:250], newest[-250:], *(numbers[:100] for numbers in states.values())]
    pages = [[shown[number] for number in page] for page in chosen]
    return shown, pages, truth(rows, variation, archived=True)


_ZONES = {"Berlin": "Europe/Berlin", "+05:30": "Asia/Kolkata"}


def zoned(found: Inferred, variation: Variation) -> Inferred:
    """Return the columns with the zone that probes find out."""
    return found.with_zone(_ZONES.get(variation.values.zone, "UTC"))


@pytest.mark.parametrize("name", sparse([*PEOPLE, *VALUES]))
def test_rows_are_read_as_they_were_meant(name: str) -> None:
    variation = VARIATIONS[name]
    shown, pages, expected = pages_of(variation)
    found = infer(*pages)
    if found.key.kind == "none":
        assert name in REFUSED
        assert REFUSED[name] in found.key.evidence
        assert found.key.advice
        return
    if found.undecoded:
        assert name == "instants-dotnet", "contracts have no step for these"
        assert found.questions
        return
    names = {m.id: m.name for m in found.custom_fields.mapped} if found.custom_fields else {}
    for got, wanted in zip(read(zoned(found, variation), shown), expected, strict=True):
        fields: Any = wanted.pop("customFields", {})
        wanted |= {names[id_]: value for id_, value in fields.items()}
        kept = {n: _plain(v) for n, v in wanted.items() if n not in NOT_CLEAR.get(name, ())}
        assert {n: got.get(n, []) for n in kept} == kept | _unnamed(kept, got)


def _unnamed(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> dict[str, Any]:
    return {n: [] for n, v in wanted.items() if v == [] and n not in got}


def _plain(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    "name", ["users-null", "custom-typed", "words-lower", "instants-epoch-seconds"]
)
def test_evidence_counts_rows(name: str) -> None:
    _, pages, _ = pages_of(VARIATIONS[name])
    found = infer(*pages)
    assert all("row" in column.evidence for column in found.columns)
    assert all(column.source == "observed" for column in found.columns)


SHAPES = [
    name
    for name, variation in VARIATIONS.items()
    if variation.envelope != Variation().envelope and variation.population.sees != "nothing"
]


@pytest.mark.parametrize("name", SHAPES)
def test_envelopes_are_found(name: str) -> None:
    variation = VARIATIONS[name]
    form = variation.envelope
    shown, _, _ = pages_of(Variation())
    page = Page(shown[:100], Window(0, 100), len(shown), "bmV4dA==")
    body, headers = wrap_page(page, form, variation.paging, None)
    found = find_envelope(
        msgspec.json.decode(msgspec.json.encode(body)), headers, limit=100, skip=0
    )
    assert found.rows[0].path == form.rows
    assert found.leads
    totals = [place for place in found.totals if place.counts == "rows"]
    if form.total_kind in ("rows", "text") and (form.total or form.total_header):
        assert (totals[0].member, totals[0].header) == (form.total, form.total_header)
        assert totals[0].number == len(shown)
    if form.total_kind in ("pages", "of_page"):
        assert not any(place.score > 0.5 for place in totals)
    if form.has_more is not None:
        assert found.has_more[0].path == form.has_more
    if variation.paging.kind == "cursor":
        assert found.cursors[0].path == form.next_cursor
