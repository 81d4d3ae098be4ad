"""Formats of instants, against the standard library and the time zone database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.variations.moments import (
    RESOLUTIONS,
    InstantFormat,
    RangeFormat,
    Zone,
    offset_minutes,
    parse_instant,
    render_instant,
)
from tests.support.examples import examples
from tests.support.variants import in_zone, range_end, read_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
ZONES: tuple[Zone, ...] = ("UTC", "+05:30", "-05:00", "Berlin")
NAIVE: tuple[InstantFormat, ...] = ("naive", "blank", "blank-seconds", "german")
RANGES: tuple[RangeFormat, ...] = (
    "iso", "milliseconds-z", "seconds-z", "offset", "naive", "blank-seconds", "epoch-seconds",
    "epoch-milliseconds",
)  # fmt: skip


def nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000


@given(moments)
@examples(400)
def test_berlin_has_the_offset_of_the_time_zone_database(moment: datetime) -> None:
    offset = moment.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()
    assert timedelta(minutes=offset_minutes("Berlin", moment)) == offset


@given(moments, st.sampled_from([*RESOLUTIONS]), st.sampled_from(ZONES))
@examples(600)
def test_a_rendered_instant_reads_back_cut_to_its_resolution(
    moment: datetime, form: InstantFormat, zone: Zone
) -> None:
    if form == "date":
        assert (
            render_instant(nanoseconds(moment), form, zone) == f"{in_zone(moment, zone):%Y-%m-%d}"
        )
        return
    step = RESOLUTIONS[form]
    cut = EPOCH + timedelta(microseconds=nanoseconds(moment) // step * step // 1_000)
    wanted = in_zone(cut, zone).replace(tzinfo=None) if form in NAIVE else cut
    assert read_instant(render_instant(nanoseconds(moment), form, zone)) == wanted


@given(moments, st.sampled_from(RANGES), st.sampled_from(ZONES))
@examples(400)
def test_an_end_of_a_range_is_parsed_as_it_was_meant(
    moment: datetime, form: RangeFormat, zone: Zone
) -> None:
    parsed = parse_instant(range_end(moment, form, zone), form, zone)
    seconds = form in ("seconds-z", "blank-seconds", "epoch-seconds")
    micro = 0 if seconds else moment.microsecond // 1_000 * 1_000
    wanted = moment.replace(microsecond=micro)
    if form in ("naive", "blank-seconds"):
        assert in_zone(parsed, zone).replace(tzinfo=None) == in_zone(wanted, zone).replace(
            tzinfo=None
        )
    else:
        assert parsed == wanted


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2024-01-01", "iso"),
        ("2024-01-01T00:00:00", "iso"),
        ("2024-13-01T00:00:00Z", "iso"),
        (1_704_067_200, "iso"),
        ("2024-01-01T00:00:00Z", "milliseconds-z"),
        ("2024-01-01T00:00:00.000000Z", "milliseconds-z"),
        ("2024-01-01T00:00:00.000Z", "seconds-z"),
        ("2024-01-01T00:00:00Z", "offset"),
        ("2024-01-01T00:00:00Z", "naive"),
        ("2024-01-01T00:00:00", "blank-seconds"),
        ("2024-01-01T00:00:00Z", "date"),
        ("1704067200", "epoch-seconds"),
        (1_704_067_200_000, "epoch-seconds"),
        (True, "epoch-milliseconds"),
    ],
)
def test_another_format_is_refused(value: object, form: RangeFormat) -> None:
    with pytest.raises(ValueError, match=r"date|timestamp|month"):
        parse_instant(value, form)


def test_the_last_year_stays_itself_in_every_zone() -> None:
    last = nanoseconds(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert str(render_instant(last, "offset", "Berlin")).startswith("9999-12-31T23:59:59")
