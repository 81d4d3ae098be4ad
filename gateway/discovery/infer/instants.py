"""Values -> the format of their instants, as steps of `decode`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from gateway.analytics.read.instants import to_micros_of
from gateway.contract.decoding import Undecodable, decode, parse_steps
from gateway.discovery.infer.found import Steps
from gateway.discovery.infer.members import is_number, spread
from gateway.errors import ConfigurationProblem

_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y")
_DATES = ("%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
_OTHERS = (
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %Y %H:%M:%S GMT%z",
    "%Y%m%dT%H%M%S%z",
    "%Y%m%dT%H%M%S",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)
_IN_UTC = ("%a, %d %b %Y %H:%M:%S GMT", "%Y%m%dT%H%M%SZ", "%a %b %d %H:%M:%S UTC %Y")
_BLANK: Steps = ({"split": "\n"}, "first")
"""Steps that turn an empty text into null, and leave any other as it is."""
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OFFSET = re.compile(r".*[0-9] ?(?:[Zz]|[+-][0-9]{2}:?(?:[0-9]{2})?)", re.DOTALL)
_SAMPLE_VALUES = 60
_TWO, _WORD = "[0-9]{1,2}", "[A-Za-z]+"
_SHAPES = {
    **dict.fromkeys("dmHIMS", _TWO),
    **dict.fromkeys("abB", _WORD),
    "Y": "[0-9]{4}",
    "f": "[0-9]{1,6}",
    "p": "[AaPp][Mm]",
    "z": ".+",
}
"""The texts that a directive of strptime may read: a pattern is tried only if they fit."""
_LEAST_SHARE = 0.5
_YEAR_9999 = 253_402_300_800


@dataclass(frozen=True, slots=True)
class InstantFormat:
    """The notation of instants.

    `undecoded` values cannot be read by `steps`. `zone_unknown` is True if some have a time but no
    offset. `others` are the steps of readings that fit as well: the day or the month may be first.
    """

    steps: Steps
    said: str
    undecoded: int = 0
    zone_unknown: bool = False
    others: tuple[Steps, ...] = ()


def find_format(values: Sequence[Any], like: Steps = ()) -> InstantFormat | None:
    """Return the format that reads the most values; None if none reads half of them.

    `like` are the steps of another column of the same rows, whose unit of epochs is preferred.

    >>> find_format(["2024-05-06T07:08:09Z"]).steps
    ()
    >>> find_format(["06.05.2024", "31.12.9999"]).steps
    ({'instant': '%d.%m.%Y', 'zone': 'UTC'},)
    >>> find_format([1_714_979_289_000, 253_402_300_799_000]).steps
    ({'instant': 'epoch_milliseconds'},)
    """
    filled = [value for value in values if value != ""]
    if not filled or any(isinstance(value, bool | dict | list) for value in filled):
        return None
    if len(filled) == len(values) and all(map(_is_plain, filled)):
        return InstantFormat((), "ISO 8601 with an offset")
    found = _best(filled, like)
    if found is None or len(filled) == len(values):
        return found
    return InstantFormat(
        (*_BLANK, *found.steps),
        f"{found.said}, or an empty text",
        found.undecoded,
        found.zone_unknown,
        tuple((*_BLANK, *steps) for steps in found.others),
    )


def _is_plain(value: Any) -> bool:
    """Return True if the reader of pages takes the text as it is."""
    if not isinstance(value, str):
        return False
    try:
        to_micros_of(value)
    except ValueError:
        return False
    return True


def _best(values: Sequence[Any], like: Steps) -> InstantFormat | None:
    few = spread(values, _SAMPLE_VALUES)
    likely = [steps for steps in _candidates(values, like) if _may_read(few, steps)]
    scored = [(_unread(few, steps), steps) for steps in likely]
    hopeful = [steps for unread, steps in scored if unread <= len(few) * _LEAST_SHARE]
    whole = [(_unread(values, steps), steps) for steps in hopeful]
    if not whole:
        return None
    least = min(unread for unread, _ in whole)
    if least > len(values) * _LEAST_SHARE:
        return None
    best = [steps for unread, steps in whole if unread == least]
    return _described(values, best, least)


def _described(values: Sequence[Any], best: list[Steps], undecoded: int) -> InstantFormat:
    steps = best[0]
    step = steps[-1]
    assert isinstance(step, dict)  # noqa: S101 - all candidates end so
    form = str(step["instant"])
    others = tuple(s for s in best[1:] if _is_day_or_month((form, str(s[-1]["instant"]))))  # type: ignore[index]  # as above
    if form == "iso":
        return _described_iso(values, undecoded)
    is_date = "%" in form and not re.search("%[HI]", form)
    unknown = "%" in form and "zone" in step and form not in _IN_UTC and not is_date
    if unknown:
        steps = (*steps[:-1], {"instant": form})
        others = tuple((*s[:-1], {"instant": s[-1]["instant"]}) for s in others)  # type: ignore[index]  # as above
    return InstantFormat(steps, form.replace("_", " "), undecoded, unknown, others)


def _is_day_or_month(forms: tuple[str, str]) -> bool:
    return forms[0].startswith(_DAY_FIRST) and forms[1].startswith(_MONTH_FIRST)


def _described_iso(values: Sequence[Any], undecoded: int) -> InstantFormat:
    texts = [value for value in values if isinstance(value, str)]
    naive = [text for text in texts if not _OFFSET.fullmatch(text) or _DATE_ONLY.fullmatch(text)]
    if not naive:
        return InstantFormat(({"instant": "iso"},), "ISO 8601 with an offset", undecoded)
    if all(_DATE_ONLY.fullmatch(text.strip()) for text in naive):
        said = "dates" if len(naive) == len(texts) else "ISO 8601 with an offset, and dates"
        return InstantFormat(({"instant": "iso", "zone": "UTC"},), said, undecoded)
    return InstantFormat(({"instant": "iso"},), "ISO 8601 without an offset", undecoded, True)


def _candidates(values: Sequence[Any], like: Steps) -> Iterator[Steps]:
    """Yield steps in the order of preference, with UTC for what has no offset."""
    yield ({"instant": "iso", "zone": "UTC"},)
    if any("epoch" in str(step) for step in like):
        yield tuple(step for step in like if step not in _BLANK)
    yield from _epochs(values)
    yield ({"instant": "dotnet"},)
    as_text: Steps = ("text",) if any(map(is_number, values)) else ()
    for date in (*_DATES, *_DAY_FIRST, *_MONTH_FIRST):
        for clock in _CLOCKS:
            yield (*as_text, {"instant": f"{date}{clock}", "zone": "UTC"})
            if clock:
                yield (*as_text, {"instant": f"{date},{clock}", "zone": "UTC"})
    for form in (*_OTHERS, *_IN_UTC):
        has_offset = "%z" in form
        yield (*as_text, {"instant": form} if has_offset else {"instant": form, "zone": "UTC"})


def _epochs(values: Sequence[Any]) -> Iterator[Steps]:
    """Yield the unit of epochs that puts most values between 1973 and 2128.

    A column of numbers has one unit, so the median decides. Values such as the year 9999 are
    larger.
    """
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) < len(values) * _LEAST_SHARE:
        return
    middle = median_low(numbers)
    fraction: Steps = () if all(is_number(v) or "." not in str(v) for v in values) else ("number",)
    for unit, step in ((1, "epoch_seconds"), (1_000, "epoch_milliseconds")):
        if 1e8 * unit <= middle < 5e9 * unit and max(numbers) <= _YEAR_9999 * unit:
            yield (*fraction, {"instant": step})
    if 1e14 <= middle < 5e15 and max(numbers) <= _YEAR_9999 * 1_000_000:
        yield ("number", {"scale": 0.001}, {"instant": "epoch_milliseconds"})


def _number(value: Any) -> float | None:
    if is_number(value):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{9,16}(?:\.[0-9]{1,9})?", value.strip()):
        return float(value)
    return None


def _may_read(values: Sequence[Any], steps: Steps) -> bool:
    """Return False if a pattern reads less than half of the values, by their letters and digits."""
    step = steps[-1]
    form = step.get("instant", "") if isinstance(step, dict) else ""
    if "%" not in form:
        return True
    shape = re.compile(re.sub(r"%(\w)", lambda found: _SHAPES[found[1]], re.escape(form)))
    matching = sum(shape.fullmatch(str(value)) is not None for value in values)
    return matching >= len(values) * _LEAST_SHARE


def _unread(values: Sequence[Any], steps: Steps) -> int:
    """Return the number of values that steps cannot read; all, if contracts know no such step."""
    try:
        parsed = parse_steps(steps, "")
    except ConfigurationProblem:
        return len(values)
    return sum(not _can_read(value, parsed) for value in values)


def _can_read(value: Any, parsed: Any) -> bool:
    try:
        made = decode(value, parsed)
        return made is None or (isinstance(made, str) and to_micros_of(made) is not None)
    except (Undecodable, ValueError):
        return False
