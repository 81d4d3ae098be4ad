"""Instants without an offset get a zone only if rows prove it, however few rows there are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.discovery.probe.zones import ZONES, spread, telling_instants
from gateway.sandbox import generate
from gateway.sandbox.dataset import Dataset
from gateway.sandbox.variations import VARIATIONS, merge
from tests.support.discovered import Discovered, learn_variant, start
from tests.support.examples import examples

SPARSE, DENSE = generate(60, seed=3), generate(300, seed=7)
PROVED = {"instants-naive": "UTC", "instants-naive-berlin-alone": "Europe/Berlin"}
UNPROVED = ("instants-naive-india-alone",)
INSTANTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def learn(name: str, dataset: Dataset, zone: str = "") -> Discovered:
    upstream = start(VARIATIONS[name], dataset)
    return asyncio.run(learn_variant(upstream, described=False, zone=zone))


def zones_in(text: str) -> set[str]:
    """Return the zones of a contract file's columns, as far as discovery knows them."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {zone for zone in ZONES if any(f'zone = "{zone}"' in line for line in lines)}


@pytest.mark.parametrize("dataset", [SPARSE, DENSE], ids=["sparse", "dense"])
@pytest.mark.parametrize("name", PROVED)
def test_a_zone_is_proved_or_asked_for(name: str, dataset: Dataset) -> None:
    found = learn(name, dataset)
    zones = zones_in(found.text)
    assert zones <= {PROVED[name]}
    assert zones or any("--zone" in problem for problem in found.problems)


def test_a_zone_is_proved_by_rows_of_a_year() -> None:
    for name, zone in PROVED.items():
        assert zones_in(learn(name, DENSE).text) == {zone}


@pytest.mark.parametrize("dataset", [SPARSE, DENSE], ids=["sparse", "dense"])
def test_no_wrong_zone_is_proved(dataset: Dataset) -> None:
    """A shift of hours loses one row at an end of a range, as an exclusive end does."""
    berlin = merge(VARIATIONS["instants-naive-berlin-alone"], VARIATIONS["range-end-exclusive"])
    upstream = start(berlin, dataset)
    texts = [asyncio.run(learn_variant(upstream, described=False)).text]
    texts += [learn("instants-naive-india-alone", dataset).text]
    for text, right in zip(texts, ("Europe/Berlin", "Asia/Kolkata"), strict=True):
        assert zones_in(text) <= {right}


def test_a_zone_that_rows_contradict_is_refused() -> None:
    found = learn("instants-naive-berlin-alone", DENSE, zone="UTC")
    assert any("not in UTC, but in Europe/Berlin" in problem for problem in found.problems)


def test_a_range_without_a_zone_stays_if_the_owner_names_one() -> None:
    """Such a range proves no zone, but it selects the rows that it should."""
    upstream = start(merge(VARIATIONS["instants-naive"], VARIATIONS["range-naive"]), DENSE)
    found = asyncio.run(learn_variant(upstream, described=False, zone="UTC"))
    assert found.problems == ()
    assert found.contract.order_column == "updatedAt"


@given(st.lists(INSTANTS, min_size=1, max_size=20), st.sampled_from(ZONES))
@examples(200)
def test_other_zones_differ_at_a_telling_instant(moments: list[datetime], zone: str) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    instants = [(moment - epoch) // timedelta(microseconds=1) for moment in moments]
    chosen, left = telling_instants(spread(instants), zone)
    assert set(chosen) <= set(instants)

    def offsets(other: str, among: list[int]) -> list[timedelta | None]:
        moved = (epoch + timedelta(microseconds=at) for at in among)
        return [at.astimezone(ZoneInfo(other)).utcoffset() for at in moved]

    for other in {*ZONES} - {zone}:
        same = offsets(other, instants) == offsets(zone, instants)
        assert same == (other in left)
        assert same or offsets(other, chosen) != offsets(zone, chosen)
