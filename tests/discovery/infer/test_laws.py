"""Laws: nothing raises, nothing personal is said, and any mixture of forms is read rightly."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.discovery.infer.columns import infer_columns
from gateway.discovery.infer.envelope import find_envelope
from gateway.discovery.infer.expiry import expiry_meaning, states_move_by_time
from gateway.discovery.infer.profile import merge_pages
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.generator import generate
from gateway.sandbox.variations import VARIATIONS, Variation, truth
from gateway.sandbox.variations.catalogue.people import PEOPLE
from gateway.sandbox.variations.catalogue.values import VALUES
from gateway.sandbox.variations.population import populate
from gateway.sandbox.variations.rows import render_rows
from tests.support.inferred import USUAL, infer, read

WORDS = (
    "id user name email state updatedAt groups progress customFields value content key first_name"
    " status type createdBy $date"
)
NAMES = st.sampled_from([*WORDS.split(), "a b", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "2024-05-06", "APPROVED", "06.05.2024", "1714979289", "a@b.c", "12 %"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
ROWS = st.lists(st.dictionaries(NAMES, JSON, max_size=8), max_size=8)


@settings(max_examples=120, deadline=None)
@given(ROWS)
def test_no_rows_raise(rows: list[dict[str, Any]]) -> None:
    sample = merge_pages([rows, rows[:2]])
    found = infer_columns(sample.rows, usual=USUAL, pages=sample.pages)
    assert len(found.columns) + len(found.missing) >= len(USUAL.columns)
    expiry_meaning(sample.rows, found.columns)
    states_move_by_time(sample.rows, found.columns)


@settings(max_examples=120, deadline=None)
@given(JSON, st.dictionaries(NAMES, st.text(max_size=8)), st.none() | st.integers(0, 5))
def test_no_response_raises(answer: Any, headers: dict[str, str], limit: int | None) -> None:
    found = find_envelope(answer, headers, limit=limit, skip=0)
    assert all(place.score >= 0 for place in found.rows)


@cache
def dataset() -> Dataset:
    return generate(220, seed=11)


KEYS = ("assumed", "key-underscore", "key-number", "key-mongo", "key-absent", "key-result-id")
PERSONS = [name for name in PEOPLE if name.startswith("user-") and "language" not in name]
CONTENTS = [name for name in PEOPLE if name.startswith("content-") and "language" not in name]
GROUPS = [name for name in PEOPLE if name.startswith("groups-")]
FIELDS = [name for name in PEOPLE if name.startswith("custom-") and "typed" not in name]
FORMS = [name for name in VALUES if name.startswith(("words-", "progress-", "instants-"))]
LAYOUTS = [name for name in VALUES if name.startswith(("rows-", "member-"))]
LEFT_OUT = {"words-other", "instants-dotnet"}


@st.composite
def variations(draw: st.DrawFn) -> Variation:
    """Draw an API whose parts are of different variations."""

    def one(names: Any) -> Variation:
        return VARIATIONS[draw(st.sampled_from([n for n in names if n not in LEFT_OUT]))]

    words, progress = one(FORMS).values.words, one(FORMS).values.progress
    values = replace(one(FORMS).values, words=words, progress=progress, zone="UTC")
    return replace(
        Variation(),
        key=one(KEYS).key,
        user=one(PERSONS).user,
        content=one(CONTENTS).content,
        groups=one(GROUPS).groups,
        fields=one(FIELDS).fields,
        values=values,
        layout=one(LAYOUTS).layout,
    )


@settings(max_examples=15, deadline=None)
@given(variations())
def test_any_mixture_is_read_rightly_or_not_at_all(variation: Variation) -> None:
    rows = list(populate(dataset(), variation.population, variation.values).rows)
    shown: list[Any] = msgspec.json.decode(msgspec.json.encode(render_rows(rows, variation)))
    found = infer(shown).with_zone("UTC")
    if found.key.kind == "none":
        assert variation.key.name is None
        return
    asked = {question.subject for question in found.questions}
    for got, wanted in zip(read(found, shown), truth(rows, variation), strict=True):
        wanted.pop("customFields", None)
        for name in wanted.keys() & got.keys() - asked:
            value = wanted[name]
            plain = value.replace(tzinfo=None) if isinstance(value, datetime) else value
            assert got[name] == plain or (value, got[name]) == ("", None), name


MARK = "Zq7Person"


def marked(node: Any, name: str = "") -> Any:
    """Return rows whose values of people have a mark."""
    if isinstance(node, dict):
        return {key: marked(value, key) for key, value in node.items()}
    if isinstance(node, list):
        return [marked(each, name) for each in node]
    secret = isinstance(node, str) and any(w in name.lower() for w in ("name", "mail", "avatar"))
    return f"{MARK}{node}" if secret or name.lower() in ("id", "value") else node


@settings(max_examples=15, deadline=None)
@given(variations())
def test_no_value_of_a_person_is_said(variation: Variation) -> None:
    rows = list(dataset().rows[:60])
    plain: list[Any] = msgspec.json.decode(msgspec.json.encode(render_rows(rows, variation)))
    for row in plain:
        row["remarks"] = {f"{MARK}@example.org": [{"id": "x", "value": MARK}]}
    fields = variation.fields
    hidden = [marked(row) for row in plain] if fields.name is None or fields.id != "id" else plain
    found = infer(hidden)
    shown = repr(replace(found, custom_fields=None))
    assert MARK not in shown
    assert "@" not in shown.replace("text with @", "")
