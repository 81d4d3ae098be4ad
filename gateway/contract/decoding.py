"""Steps that turn an upstream's value into a column's, as listed in the contract.

A step is a word or a table with one key: `"number"`, `{ scale = 100 }`,
`{ map = { done = "APPROVED" } }`. Each step takes any JSON value but null, and returns a value or
raises `Undecodable`; null stays null. Steps that only rename values can be inverted, so that
filters on the column can be sent.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from gateway.contract.instants import checked_notation, checked_zone, read_instant
from gateway.contract.texts import may_be_made, text_of
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
    """`{ map = { "Done" = "APPROVED" } }`: other values stay as they are.

    "APPROVED" itself cannot be decoded then, unless it is a name of the map too.
    """

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
    """`{ language = ["en", "de"] }`: the first language that is present, else any."""

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
_LARGEST = sys.float_info.max
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def parse_steps(entries: Sequence[str | dict[str, Any]], column: str) -> tuple[Step, ...]:
    """Parse the `decode` of a column.

    Raises:
        ConfigurationProblem: an entry is not a step; the message lists the steps.
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
                return Instant(checked_notation(text), checked_zone(str(rest.get("zone", ""))))
            case {"split": str() as text, **rest} if not rest and text:
                return Split(text)
            case {"join": str() as text, **rest} if not rest:
                return Join(text)
            case {"language": list() as codes, **rest} if not rest:
                return Language(tuple(map(str, codes)))
    except (KeyError, ValueError):
        pass
    raise ConfigurationProblem(
        f"contract file: column {column!r}: decode = {entry!r} is not a step; steps are"
        f" {', '.join(map(repr, _WORDS))}, {{ scale = 100 }}, {{ map = {{ ... }} }},"
        ' { instant = "iso", zone = "UTC" }, { split = "," }, { join = " " } and'
        ' { language = ["en"] }'
    )


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
    """Return the upstream's value that `decode` turns into a column's value.

    Raises:
        Undecodable: there is no such value, or more than one.
    """
    found: Any = value
    for step in reversed(steps):
        found = _before(found, step)
    made = decode(found, steps)
    if made not in (value, [value]):
        raise Undecodable
    return found


def _before(shown: Any, step: Step) -> Any:
    """Return what a step turns into a value; a number is never the outcome of one of these."""
    if not isinstance(shown, str):
        raise Undecodable
    match step:
        case ValueMap(pairs):
            names = [name for name, made in pairs if made == shown]
            if len(names) > 1:
                raise Undecodable
            return names[0] if names else shown
        case Case(upper):
            return shown.lower() if upper else shown.upper()
        case Text():
            return _before_text(shown)
        case Split():
            return shown
        case _:
            raise Undecodable


def _before_text(shown: str) -> Any:
    """Return the whole number that `text_of` shows as this text, else the text itself.

    Other numbers, true, false and lists may be texts too.
    """
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", shown):
        return int(shown)
    if may_be_made(shown):
        raise Undecodable
    return shown


def _text(value: Any, _step: Step) -> Any:
    return (
        [text_of(v) for v in value if v is not None] if isinstance(value, list) else text_of(value)
    )


def _number(value: Any, _step: Step) -> int | float:
    if isinstance(value, str):
        text = value.strip().removesuffix("%").strip()
        if not _NUMBER.fullmatch(text):
            raise Undecodable
        value = int(text) if _WHOLE.fullmatch(text) else float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Undecodable
    return _finite(value)


def _finite(value: float | int) -> int | float:
    """Return a number that JSON has, and a Double too."""
    if not abs(value) <= _LARGEST:
        raise Undecodable
    return value if isinstance(value, float) or abs(value) < 2**63 else float(value)


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
    return _finite(float(Decimal(repr(value)) * Decimal(repr(step.factor))))


def _map(value: Any, step: Any) -> Any:
    """Return the value that this one is mapped to.

    Raise if an unmapped value equals the target of a mapping: filters could not distinguish them.
    """
    name = text_of(value)
    for known, made in step.pairs:
        if known == name:
            return made
    if any(made == name for _, made in step.pairs):
        raise Undecodable
    return value


def _split(value: Any, step: Any) -> Any:
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise Undecodable
    return [part.strip() for part in value.split(step.separator) if part.strip()]


def _join(value: Any, step: Any) -> Any:
    parts = value if isinstance(value, list) else [value]
    texts = [text_of(part) for part in parts if part not in (None, "")]
    return step.separator.join(texts) if texts or "" in parts else None


def _language(value: Any, step: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise Undecodable
    known = [value[code] for code in step.codes if value.get(code) is not None]
    others = [found for found in value.values() if found is not None]
    return next(iter([*known, *others]), None)


def _instant(value: Any, step: Any) -> str:
    try:
        return read_instant(value, step.format, step.zone)
    except (ValueError, OverflowError) as error:
        raise Undecodable from error


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
