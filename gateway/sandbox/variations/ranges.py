"""Date ranges: the members, formats and bounds in which an API takes them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import UNSET, UnsetType

from gateway.sandbox.payloads import DateRange
from gateway.sandbox.variations.moments import (
    EXPECTED,
    RangeFormat,
    Zone,
    parse_instant,
)
from gateway.sandbox.variations.reader import MISSING, BodyReader

Support = Literal["exact", "ignored", "absent"]
Bound = datetime | UnsetType


@dataclass(frozen=True, slots=True)
class RangeForm:
    """The form of the two date ranges in a request.

    Attributes:
        updated_at: the path of the range of last changes.
        expiry_date: the path of the range of expiry dates.
        shape: `object` has two members, `list` is a pair, `flat` has the two names appended to the
            path (`updatedAtFrom`).
        start: the name of the lower end.
        end: the name of the upper end.
        instant: the only format that is accepted.
        zone: the zone of formats without one.
        start_exclusive: True if a row at the lower end is left out.
        end_exclusive: True if a row at the upper end is left out.
        whole_days: True if the clock time of both ends is ignored, the upper end's day included.
        both_required: True if a range needs both ends.
        open_days: the days that a range with one end covers, if it is limited.
        since: rows with an older last change are left out of a request without their range.
        updated_at_required: True if a request without the range of last changes is refused.
        updated_at_support: `ignored` accepts the range and returns all rows, `absent` does not know
            it.
        expiry_date_support: the same for expiry dates.
    """

    updated_at: str = "updatedAtDateRange"
    expiry_date: str = "expiryDateRange"
    shape: Literal["object", "list", "flat"] = "object"
    start: str = "from"
    end: str = "to"
    instant: RangeFormat = "iso"
    zone: Zone = "UTC"
    start_exclusive: bool = False
    end_exclusive: bool = False
    whole_days: bool = False
    both_required: bool = False
    open_days: int | None = None
    since: datetime | None = None
    updated_at_required: bool = False
    updated_at_support: Support = "exact"
    expiry_date_support: Support = "exact"


def take_range(
    reader: BodyReader, form: RangeForm, path: str, support: Support
) -> DateRange | UnsetType:
    """Take the range at a path, as the canonical range that includes both ends."""
    if support == "absent":
        return UNSET
    ends = _take_ends(reader, form, path)
    if ends is None:
        return UNSET
    first, last = ends
    start = _parse_end(reader, form, path, first)
    end = _parse_end(reader, form, path, _day_after(last, form))
    missing = (start is UNSET) + (end is UNSET)
    if missing == 2 or (missing and form.both_required):
        reader.refuse("required", f"{path}.{form.start if start is UNSET else form.end}")
        return UNSET
    if support == "ignored":
        return UNSET
    start, end = _closed(start, end, form)
    return DateRange(_lower(start, form), _upper(end, form))


def _closed(start: Bound, end: Bound, form: RangeForm) -> tuple[Bound, Bound]:
    """Return both ends of a range that the API limits if one of them is open."""
    if form.open_days is None:
        return start, end
    days = timedelta(days=form.open_days)
    if start is not UNSET and end is UNSET:
        return start, start + days
    return (end - days, end) if start is UNSET and end is not UNSET else (start, end)


def _take_ends(reader: BodyReader, form: RangeForm, path: str) -> tuple[object, object] | None:
    """Take both ends; None if the whole range is missing or has another shape."""
    match form.shape:
        case "flat":
            ends = reader.take(path + form.start), reader.take(path + form.end)
            return None if ends == (MISSING, MISSING) else ends
        case "list":
            return _take_pair(reader, path)
        case _:
            return _take_object(reader, form, path)


def _take_pair(reader: BodyReader, path: str) -> tuple[object, object] | None:
    value = reader.take(path)
    if value is MISSING:
        return None
    if not isinstance(value, list) or len(value) != 2:
        reader.refuse("list", path)
        return None
    first, last = (MISSING if end is None else end for end in value)
    return first, last


def _take_object(reader: BodyReader, form: RangeForm, path: str) -> tuple[object, object] | None:
    value = reader.take(path)
    if value is MISSING:
        return None
    if not isinstance(value, dict):
        reader.refuse("object", path)
        return None
    for name in value.keys() - {form.start, form.end}:
        reader.refuse("unknown", f"{path}.{name}")
    return value.get(form.start, MISSING), value.get(form.end, MISSING)


def _parse_end(reader: BodyReader, form: RangeForm, path: str, value: object) -> Bound:
    if value is MISSING:
        return UNSET
    try:
        return parse_instant(value, form.instant, form.zone)
    except (ValueError, OverflowError):
        reader.refuse("instant", path, EXPECTED[form.instant])
        return UNSET


_STEP = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def _lower(start: Bound, form: RangeForm) -> Bound:
    if start is UNSET:
        return UNSET
    if form.whole_days:
        start = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return start + _STEP if form.start_exclusive else start


def _day_after(value: object, form: RangeForm) -> object:
    """Return the next day for an upper end whose whole day belongs to the range."""
    if form.instant != "date" or form.end_exclusive or not isinstance(value, str):
        return value
    try:
        return f"{date.fromisoformat(value) + _DAY:%Y-%m-%d}"
    except (ValueError, OverflowError):
        return value


def _upper(end: Bound, form: RangeForm) -> Bound:
    """Return the last microsecond that belongs to the range."""
    if end is UNSET:
        return UNSET
    if form.instant == "date":
        return end - _STEP
    if not form.whole_days:
        return end - _STEP if form.end_exclusive else end
    end = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return end - _STEP if form.end_exclusive else end + (_DAY - _STEP)
