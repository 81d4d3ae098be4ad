"""Steps of `decode`: total for any JSON, inverted by `encode`; instants as datetime has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.analytics.read.instants import to_micros_of
from gateway.contract.decoding import Step, Undecodable, decode, encode, parse_steps
from gateway.contract.instants import is_exact_on_grid, write_instant
from gateway.errors import ConfigurationProblem
from tests.support.examples import examples

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["2024-13-01T00:00:00Z", "2024-02-29", "1e999", "9" * 400, "1e308", "50 %"])
    | st.sampled_from(["0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "99999-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["en", "de", "x"]), inner)
    ),
    max_leaves=6,
)
WORDS = ["text", "number", "boolean", "first", "upper", "lower"]
ENTRIES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *WORDS,
        {"scale": 100},
        {"scale": 1e300},
        {"scale": -0.1},
        {"map": {"done": "APPROVED", "1": "A", "a": "b", "b": "a"}},
        {"map": {"x": "y", "z": "y"}},
        {"instant": "iso"},
        {"instant": "iso", "zone": "UTC"},
        {"instant": "iso", "zone": "Europe/Berlin"},
        {"instant": "epoch_seconds"},
        {"instant": "epoch_milliseconds"},
        {"instant": "%d.%m.%Y %H:%M", "zone": "America/New_York"},
        {"split": ","},
        {"join": " "},
        {"language": ["en", "de"]},
    ]
)
STEPS: st.SearchStrategy[tuple[Step, ...]] = st.lists(ENTRIES, max_size=3).map(
    lambda entries: parse_steps(entries, "c")
)


@examples(1000)
@given(JSON, STEPS)
def test_any_value_is_decoded_to_json_or_undecodable(value: Any, steps: tuple[Step, ...]) -> None:
    try:
        found = decode(value, steps)
    except Undecodable:
        return
    sent = msgspec.json.encode(found)
    if value is None:
        assert found is None
    assert b"null" in sent or found is not None


TEXTS = st.text(max_size=5) | st.sampled_from(
    ["APPROVED", "done", "5", "-0", "05", "1.5", "true", "a,b", " a", "ß", "İ", "A", "b", "y", "x"]
)


@examples(1000)
@given(TEXTS, STEPS)
def test_what_is_sent_for_a_value_is_decoded_to_it(value: str, steps: tuple[Step, ...]) -> None:
    try:
        sent = encode(value, steps)
    except Undecodable:
        return
    assert decode(sent, steps) in (value, [value])


@pytest.mark.parametrize("first", ["text", "upper", "lower", {"split": ","}, {"map": {"a": "5"}}])
def test_a_number_is_never_sent_through_a_step_that_makes_texts(first: Any) -> None:
    """A step before "text" makes texts, so "5" cannot come from the number 5."""
    with pytest.raises(Undecodable):
        encode("5", parse_steps([first, "text"], "c"))


MAPS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("abcdXY"), max_size=4)


@examples(300)
@given(MAPS, st.sampled_from("abcdXY"))
def test_only_one_value_is_decoded_to_what_can_be_sent(pairs: dict[str, str], value: str) -> None:
    steps = parse_steps([{"map": pairs}], "c")
    try:
        sent = encode(value, steps)
    except Undecodable:
        return
    for other in "abcdXYZ":
        try:
            assert (decode(other, steps) == value) == (other == sent)
        except Undecodable:
            assert other != sent


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15)


@examples(200)
@given(NUMBERS)
def test_numbers_are_the_same_as_texts(number: float) -> None:
    steps = parse_steps(["number"], "c")
    assert decode(number, steps) == decode(str(number), steps) == number
    assert type(decode(number, steps)) is type(number)


@pytest.mark.parametrize(
    ("value", "factor", "found"),
    [
        (0.07, 100, 7.0),
        (0.29, 100, 29.0),
        (1e-12, 1, 1e-12),
        (1, 1e-12, 1e-12),
        (57, 0.01, 0.57),
        (2**53 + 1, 1, float(2**53 + 1)),
    ],
)
def test_a_scaled_number_is_the_nearest_double(value: float, factor: float, found: float) -> None:
    assert decode(value, parse_steps([{"scale": factor}], "c")) == found


# --- instants -------------------------------------------------------------------------------------

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
LOCAL = st.one_of(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 - zones come next
    st.datetimes(datetime(2024, 3, 31), datetime(2024, 3, 31, 4)),  # noqa: DTZ001 - clocks go on
    st.datetimes(datetime(2024, 10, 27), datetime(2024, 10, 27, 4)),  # noqa: DTZ001 - and back
    st.datetimes(datetime(2024, 11, 3), datetime(2024, 11, 3, 4)),  # noqa: DTZ001 - elsewhere
)


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def read(value: Any, **step: str) -> int | None:
    found = decode(value, parse_steps([step], "c"))
    assert isinstance(found, str)
    return to_micros_of(found)


@examples(400)
@given(LOCAL, ZONES, st.integers(0, 9))
def test_local_times_are_those_of_their_zone(moment: datetime, zone: str, digit: int) -> None:
    moment = moment.replace(fold=0)
    wanted = micros(moment.replace(tzinfo=ZoneInfo(zone)))
    text = moment.isoformat(timespec="microseconds") + str(digit)
    assert read(text, instant="iso", zone=zone) == wanted
    if moment.year >= 1000:  # strftime has fewer digits before
        minute = moment.replace(second=0, microsecond=0)
        wanted = micros(minute.replace(tzinfo=ZoneInfo(zone)))
        assert read(f"{minute:%d.%m.%Y %H:%M}", instant="%d.%m.%Y %H:%M", zone=zone) == wanted


@examples(200)
@given(LOCAL, st.integers(-14 * 60, 14 * 60), ZONES)
def test_an_offset_counts_more_than_a_zone(moment: datetime, ahead: int, zone: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=ahead)))
    assert read(aware.isoformat(), instant="iso", zone=zone) == micros(aware)


@examples(200)
@given(st.integers(micros(datetime(1, 1, 1, tzinfo=UTC)), micros(datetime.max.replace(tzinfo=UTC))))
def test_epochs_are_exact(at: int) -> None:
    seconds, milliseconds = at // 1_000_000, at // 1000
    assert read(seconds, instant="epoch_seconds") == seconds * 1_000_000
    assert read(str(milliseconds), instant="epoch_milliseconds") == milliseconds * 1000
    text = f"{milliseconds // 1000}.{milliseconds % 1000:03d}"
    if milliseconds >= 0:
        assert read(text, instant="epoch_seconds") == milliseconds * 1000


@pytest.mark.parametrize(
    "value", ["2024-02-30T00:00:00", "2024-02-29T25:00:00", "yesterday", "", 5, True, [1], {"a": 1}]
)
def test_what_is_no_instant_is_undecodable(value: Any) -> None:
    for zone in ("", "Europe/Berlin"):
        with pytest.raises(Undecodable):
            decode(value, parse_steps([{"instant": "iso", "zone": zone}, "text"], "c"))


def test_an_instant_without_an_offset_needs_a_zone() -> None:
    for value in ("2024-02-29T00:00:00", "2024-02-29"):
        with pytest.raises(Undecodable):
            decode(value, parse_steps([{"instant": "iso"}], "c"))


@pytest.mark.parametrize(
    "notation", ["ISO", "iso8601", "%Q", "%H:%M", "%Y-%m", "%Y-%m-%d %I:%M", "%d.%m. %H:%M", ""]
)
def test_a_notation_without_a_date_is_refused(notation: str) -> None:
    with pytest.raises(ConfigurationProblem, match="is not a step"):
        parse_steps([{"instant": notation, "zone": "UTC"}], "c")


NOTATIONS = st.sampled_from(
    [
        *("iso", "epoch_seconds", "epoch_milliseconds", "%Y-%m-%d", "%d/%m/%Y %H:%M"),
        *("%Y-%m-%dT%H:%M:%S.%LZ", "%Y-%m-%dT%H:%M:%S%z", "%Y%m%d%H%M%S", "%Y-%m-%d %H"),
    ]
)
STEPS_IN_TIME = st.sampled_from([1, 10, 1000, 60_000, 3_600_000, 86_400_000])


def read_back(text: str | int, notation: str, zone: str) -> datetime:
    match notation:
        case "iso":
            return datetime.fromisoformat(str(text))
        case "epoch_seconds":
            return EPOCH + timedelta(seconds=int(text))
        case "epoch_milliseconds":
            return EPOCH + timedelta(milliseconds=int(text))
    found = datetime.strptime(str(text), notation.replace("%L", "%f"))  # noqa: DTZ007
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))


@examples(400)
@given(NOTATIONS, ZONES, STEPS_IN_TIME, LOCAL)
def test_ends_of_ranges_are_sent_in_full(
    notation: str, zone: str, milliseconds: int, moment: datetime
) -> None:
    assume(moment.year >= 1900)
    if not is_exact_on_grid(notation, zone, milliseconds):
        return
    step = timedelta(milliseconds=milliseconds)
    value = EPOCH + (moment.replace(tzinfo=UTC) - EPOCH) // step * step
    text = write_instant(value, notation, zone, milliseconds)
    assert read_back(text, notation, zone) == value
