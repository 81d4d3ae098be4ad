"""Steps that turn an upstream's value into a column's: few, total, and written in the contract.

A step is a word or a table with one key: `"number"`, `{ scale = 100 }`,
`{ map = { done = "APPROVED" } }`. Each step takes any JSON value but null, and returns a value or
raises `Undecodable`; null stays null. Steps that only rename values can be inverted, so that
filters may be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.contract.texts import text_of
from gateway.errors import ConfigurationProblem


class Undecodable(Exception):
    """A value that a step cannot read; it never quotes the value."""


@dataclass(frozen=True, slots=True)
class Text:
    """`"text"`: any value in its shortest notation."""


@dataclass(frozen=True, slots=True)
class Number:
    """`"number"`: a number, or a text with one."""


@dataclass(frozen=True, slots=True)
class Boolean:
    """`"boolean"`: true and false, as JSON, text or 1 and 0."""


@dataclass(frozen=True, slots=True)
class First:
    """`"first"`: the first element of a list."""


@dataclass(frozen=True, slots=True)
class Case:
    """`"upper"` or `"lower"`."""

    upper: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """`{ scale = 100 }`: a number times a factor."""

    factor: float


@dataclass(frozen=True, slots=True)
class ValueMap:
    """`{ map = { "Done" = "APPROVED" } }`: other values stay as they are."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Instant:
    """`{ instant = FORMAT, zone = "Europe/Berlin" }`; the zone is for instants without an offset.

    FORMAT is `iso`, `epoch_seconds`, `epoch_milliseconds`, or a pattern of Python's strptime. A
    date is its midnight. Without a zone, an instant without an offset cannot be decoded.
    """

    format: str = "iso"
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """`{ split = "," }`: a text to a list, without blanks around the parts."""

    separator: str


@dataclass(frozen=True, slots=True)
class Join:
    """`{ join = " " }`: the values of all paths, or of a list, to one text; nulls are left out."""

    separator: str


@dataclass(frozen=True, slots=True)
class Language:
    """`{ language = ["en", "de"] }`: the first of these that is there, else the first of all."""

    codes: tuple[str, ...]


Step: TypeAlias = (
    Text | Number | Boolean | First | Case | Scale | ValueMap | Instant | Split | Join | Language
)
_WORDS: dict[str, Step] = {
    "text": Text(),
    "number": Number(),
    "boolean": Boolean(),
    "first": First(),
    "upper": Case(upper=True),
    "lower": Case(upper=False),
}
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ISO = re.compile(
    r"([+-]?[0-9]{4,6})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r" ?([Zz]|[+-][0-9]{2}:?(?:[0-9]{2})?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_steps(entries: Sequence[str | dict[str, Any]], column: str) -> tuple[Step, ...]:
    """Parse the `decode` of a column.

    Raises:
        ConfigurationProblem: an entry is no step; the message lists the steps.
    """
    return tuple(_parse(entry, column) for entry in entries)


def _parse(entry: Any, column: str) -> Step:
    try:
        match entry:
            case str():
                return _WORDS[entry]
            case {"scale": int() | float() as factor, **rest} if not rest and factor:
                return Scale(float(factor))
            case {"map": dict() as pairs, **rest} if not rest:
                return ValueMap(tuple((str(k), str(v)) for k, v in pairs.items()))
            case {"instant": str() as text, **rest} if rest.keys() <= {"zone"}:
                return Instant(text, _zone(str(rest.get("zone", ""))))
            case {"split": str() as text, **rest} if not rest and text:
                return Split(text)
            case {"join": str() as text, **rest} if not rest:
                return Join(text)
            case {"language": list() as codes, **rest} if not rest:
                return Language(tuple(map(str, codes)))
    except (KeyError, ValueError, ZoneInfoNotFoundError):
        pass
    raise ConfigurationProblem(
        f"contract file: column {column!r}: decode = {entry!r} is no step; steps are"
        f" {', '.join(map(repr, _WORDS))}, {{ scale = 100 }}, {{ map = {{ ... }} }},"
        ' { instant = "iso", zone = "UTC" }, { split = "," }, { join = " " } and'
        ' { language = ["en"] }'
    )


def _zone(name: str) -> str:
    if name and name != "UTC":
        ZoneInfo(name)
    return name


def decode(value: Any, steps: Sequence[Step]) -> Any:
    """Apply the steps in order; null stays null, and steps for one value apply to each of a list.

    Raises:
        Undecodable: a step cannot read the value.
    """
    for step in steps:
        if value is None:
            return None
        if isinstance(value, list) and not isinstance(step, First | Join | Split):
            value = [None if each is None else _APPLY[type(step)](each, step) for each in value]
        else:
            value = _APPLY[type(step)](value, step)
    return value


def makes_list(steps: Sequence[Step]) -> bool:
    """Return True if the steps end with a list."""
    last = next((s for s in reversed(steps) if isinstance(s, Split | Join | First)), None)
    return isinstance(last, Split)


def encode(value: str, steps: Sequence[Step]) -> Any:
    """Return what the upstream calls a column's value; the inverse of `decode` for filters.

    Raises:
        Undecodable: there is no inverse, or not exactly one.
    """
    found: Any = value
    for step in reversed(steps):
        match step:
            case ValueMap(pairs):
                names = [name for name, shown in pairs if shown == found]
                if len(names) > 1 or (not names and any(name == found for name, _ in pairs)):
                    raise Undecodable
                found = names[0] if names else found
            case Case(upper):
                if found != (found.upper() if upper else found.lower()):
                    raise Undecodable
                found = found.lower() if upper else found.upper()
            case Text():
                found = _number_of(found)
            case Split():
                continue
            case _:
                raise Undecodable
    return found


def _number_of(text: str) -> Any:
    """Return the whole number that `text_of` shows as this text, else the text itself."""
    if re.fullmatch(r"0|-?[1-9][0-9]{0,14}", text):
        return int(text)
    return text


def _text(value: Any, _step: Step) -> Any:
    return (
        [text_of(v) for v in value if v is not None] if isinstance(value, list) else text_of(value)
    )


def _number(value: Any, _step: Step) -> float:
    if isinstance(value, bool):
        raise Undecodable
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip().removesuffix("%").strip()):
        return float(value.strip().removesuffix("%").strip())
    raise Undecodable


def _boolean(value: Any, _step: Step) -> bool:
    word = text_of(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise Undecodable


def _first(value: Any, _step: Step) -> Any:
    if not isinstance(value, list):
        raise Undecodable
    return value[0] if value else None


def _case(value: Any, step: Any) -> Any:
    if not isinstance(value, str):
        raise Undecodable
    return value.upper() if step.upper else value.lower()


def _scale(value: Any, step: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Undecodable
    return round(float(value * step.factor), 9)


def _map(value: Any, step: Any) -> Any:
    return dict(step.pairs).get(text_of(value), value)


def _split(value: Any, step: Any) -> Any:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise Undecodable
    return [part.strip() for part in value.split(step.separator) if part.strip()]


def _join(value: Any, step: Any) -> Any:
    parts = value if isinstance(value, list) else [value]
    texts = [text_of(part) for part in parts if part not in (None, "")]
    return step.separator.join(texts) if texts else None


def _language(value: Any, step: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise Undecodable
    known = [value[code] for code in step.codes if value.get(code)]
    others = [found for found in value.values() if found]
    return next(iter([*known, *others]), None)


def _instant(value: Any, step: Any) -> str:
    """Return ISO 8601 with Z, in microseconds or finer as sent; years may be beyond 9999."""
    match step.format:
        case "iso":
            return _iso(value, step.zone)
        case "epoch_seconds" | "epoch_milliseconds":
            if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,16}", value):
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Undecodable
            unit = 1 if step.format == "epoch_seconds" else 1000
            try:
                return _shown(_EPOCH + timedelta(microseconds=int(value * 1_000_000 / unit)))
            except (OverflowError, ValueError) as error:
                raise Undecodable from error
        case pattern:
            try:
                return _shown(_aware(datetime.strptime(value, pattern), step.zone))  # noqa: DTZ007
            except (TypeError, ValueError, OverflowError) as error:
                raise Undecodable from error


def _iso(value: Any, zone: str) -> str:
    match = _ISO.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Undecodable
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    hour, minute, second = hour or "00", minute or "00", second or "00"
    tail = f".{fraction[:9]}" if fraction else ""
    if offset:
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}{tail}{offset.upper()}"
    if zone == "UTC" or len(year) > 4:
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}{tail}Z"
    try:
        plain = datetime.fromisoformat(f"{year}-{month}-{day}T{hour}:{minute}:{second}")
        aware = _aware(plain, zone)
    except (ValueError, OverflowError) as error:
        raise Undecodable from error
    return f"{aware.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{tail}Z"


def _aware(value: datetime, zone: str) -> datetime:
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    if not zone:
        raise Undecodable
    return value.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone)).astimezone(UTC)


def _shown(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_APPLY: dict[type[Any], Callable[[Any, Any], Any]] = {
    Text: _text,
    Number: _number,
    Boolean: _boolean,
    First: _first,
    Case: _case,
    Scale: _scale,
    ValueMap: _map,
    Instant: _instant,
    Split: _split,
    Join: _join,
    Language: _language,
}
