"""Texts of instants: cut to microseconds of UTC, null outside of the years 1 to 9999."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.analytics.read.instants import read_instants, to_micros_of
from gateway.analytics.read.page import PageReader
from gateway.analytics.read.strange_values import Oddity, Reason, Tally
from gateway.contract.model import Column
from gateway.edm.model import Property
from gateway.edm.types import PrimitiveType
from gateway.sandbox.instants import to_nanoseconds
from tests.analytics.small_contract import small_contract
from tests.support.examples import examples

FIRST, BEHIND = to_nanoseconds("0001-01-01T00:00:00Z"), to_nanoseconds("10000-01-01T00:00:00Z")
BEYOND = "10000-01-01T00:00:00Z"

_CLOCKS = st.builds(
    "{:02}:{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)
)
_DAYS = st.builds(
    "{:04}-{:02}-{:02}".format,
    st.sampled_from([0, 1, 2, 1969, 1970, 2024, 9998, 9999, 10000]) | st.integers(0, 12_000),
    st.sampled_from([1, 12]) | st.integers(1, 12),
    st.sampled_from([1, 28]) | st.integers(1, 28),
)
_OFFSETS = st.just("Z") | st.builds(
    "{}{:02}:{:02}".format, st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59)
)
_FRACTIONS = st.just("") | st.text("0123456789", min_size=1, max_size=9).map(".{}".format)
TEXTS = st.builds("{}T{}{}{}".format, _DAYS, _CLOCKS, _FRACTIONS, _OFFSETS)


def wanted(text: str | None) -> int | None:
    nanoseconds = None if text is None else to_nanoseconds(text)
    if nanoseconds is None or not FIRST <= nanoseconds < BEHIND:
        return None
    return nanoseconds // 1000


@examples(300)
@given(st.lists(st.none() | TEXTS, max_size=6))
def test_a_column_is_cut_never_rounded_and_what_no_column_can_hold_is_told(
    texts: list[str | None],
) -> None:
    array, outside = read_instants(texts)
    assert array.cast(pa.int64()).to_pylist() == [wanted(text) for text in texts]
    assert outside == tuple(
        place for place, text in enumerate(texts) if text is not None and wanted(text) is None
    )
    for text in texts:
        assert text is None or to_micros_of(text) == wanted(text)


@pytest.mark.parametrize(
    "text",
    [
        "+010000-01-01T00:00:00.000Z",
        "-000001-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z",
        "2024-01-01T24:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+24:00",
    ],
)
def test_an_instant_that_is_none_here_is_null(text: str) -> None:
    assert to_micros_of(text) is None
    array, outside = read_instants(["2024-01-01T00:00:00Z", text])
    assert (array.null_count, outside) == (1, (1,))


@pytest.mark.parametrize("text", ["", "now", "2024-01-01", "2024-01-01T00:00:00", "1704067200"])
def test_a_text_that_is_no_instant_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="timezone") as refusal:
        read_instants(["2024-01-01T00:00:00Z", text])
    assert text not in str(refusal.value) or not text


def page(reader: PageReader, rows: list[dict[str, Any]]) -> Any:
    return reader.read(json.dumps({"rows": rows, "total": len(rows)}).encode())


@pytest.mark.parametrize("is_repeated", [False, True])
def test_each_row_outside_is_known_by_its_place_and_counted_once(*, is_repeated: bool) -> None:
    columns = (
        Column(Property("id", PrimitiveType.STRING), ("id",)),
        Column(Property("at", PrimitiveType.DATE_TIME_OFFSET), ("user", "at")),
        Column(
            Property("all", PrimitiveType.DATE_TIME_OFFSET, collection=True),
            ("user", "all"),
            each=1,
        ),
    )
    contract = replace(small_contract(), columns=columns, key="id")
    shape = replace(contract.response, repeated=("user",) if is_repeated else ())
    reader = PageReader(replace(contract, response=shape))
    fine = {"at": "2024-01-01T00:00:00Z", "all": ["2024-01-01T00:00:00.1234567Z"]}
    bad = {"at": BEYOND, "all": [fine["at"], BEYOND, BEYOND]}
    rows = [{"id": str(n), "user": bad if n % 2 else fine} for n in range(5)]
    tally = Tally(contract)
    for _ in range(2):
        found = page(reader, rows)
        assert dict(found.outside) == {"at": (1, 3), "all": (1, 3)}
        assert found.rows.column("at").to_pylist().count(None) == 2
        assert found.odd[Oddity("at", Reason.OUTSIDE)] == ["1", "3"]
        tally.note(found.rows, found.odd)
    counts = {odd.column: odd.rows for odd in tally.counts() if odd.reason == Reason.OUTSIDE.value}
    assert counts == {"at": 2, "all": 2}
