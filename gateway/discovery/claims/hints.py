"""The body of a 400 -> hints for the next request: unknown, missing and wrong members, limits.

A hint is no proof: it only chooses the next probe. It holds names, types, limits and values that
the API allows, never what a request or a row had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.discovery.claims.document import as_list, as_object
from gateway.discovery.claims.hint_table import CODES, TYPES, WORDINGS, HintKind, Wording
from gateway.discovery.claims.names import EACH, Path
from gateway.discovery.claims.private import is_enum_value

MAX_MESSAGES = 300
MAX_LETTERS = 1_000
MAX_SENTENCES = 30
MAX_DEPTH = 8
MAX_VALUES = 50

_LOCATIONS = ("loc", "path", "instancePath", "dataPath", "pointer", "field", "property",
              "propertyPath", "propertyName", "param", "key", "member", "FailedField")  # fmt: skip
_MESSAGES = ("message", "msg", "detail", "details", "reason", "description", "defaultMessage",
             "errorMessage", "error", "text", "title")  # fmt: skip
_CODES = ("code", "type", "keyword", "errorCode", "tag", "Tag", "rule")
_PARAMS = ("params", "ctx", "context", "meta")
_NO_MEMBERS = frozenset(
    {"message", "error", "errors", "statuscode", "status", "title", "type", "traceid", "detail",
     "details", "code", "instance", "timestamp", "path"}
)  # fmt: skip
_ROOTS = frozenset({"body", "$", "#", ""})
_WHOLE = _ROOTS | {"request", "requestbody", "input", "payload", "dto", "model", "command"}
"""Names of the whole body; alone, they do not name a member."""

_STEP = re.compile(r"[^.\[\]/\"'`]+|\[\d*\]|\[[\"'`]")
_NAME = re.compile(r"[A-Za-z_$@][\w$@-]{0,80}")
_CHAIN = re.compile(r"reference chain: (.{1,500})\)")
_AT = re.compile(r"(?:- at|Path:?) [`'\"]?(\$?[\w.\[\]$-]{1,200})")
_ARRAY_PATH = re.compile(r"^(?:each value in )")
_ENDS = re.compile(r"[\n;]+|(?<=[\w\"'\]])\.\s+(?=[\"'A-Z])|,\s+(?=(?:data|body)[/. ])")


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint.

    Attributes:
        kind: unknown, required, header, enum, maximum, minimum, most_values, type or format.
        path: the member, as far as the message names it; a header's name for `header`.
        type: the type or format that is expected.
        values: values that are allowed; for `unknown`, names of members that are known.
        number: the limit.
    """

    kind: HintKind
    path: Path = ()
    type: str = ""
    values: tuple[str, ...] = ()
    number: float | None = None


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One message with its place, as far as the body's structure shows it."""

    path: Path
    text: str
    code: str = ""
    facts: tuple[tuple[str, Any], ...] = ()


def read_hints(body: Any) -> tuple[Hint, ...]:
    """Return the hints in the body of an error, in the order of the messages.

    Args:
        body: decoded JSON of any kind, or a text.

    >>> read_hints({"message": ["options.limit must not be greater than 100"]})[0].number
    100.0
    """
    found: list[Hint] = []
    for number, complaint in enumerate(_complaints(body, (), 0)):
        if number >= MAX_MESSAGES:
            break
        found += _from_facts(complaint) or _from_text(complaint)
    return tuple(dict.fromkeys(found))


# ---------------------------------------------------------------- messages and their places
def _complaints(value: Any, place: Path, depth: int) -> Iterator[_Complaint]:
    """Yield each message with the location that its object or its key names."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        for text in _ENDS.split(value[: MAX_LETTERS * 5])[:MAX_SENTENCES]:
            yield _Complaint(place, text[:MAX_LETTERS].strip())
    elif isinstance(value, list):
        for inner in value[:MAX_MESSAGES]:
            yield from _complaints(inner, place, depth + 1)
    elif isinstance(value, dict):
        yield from _of_object(value, place, depth)


def _of_object(value: dict[str, Any], place: Path, depth: int) -> Iterator[_Complaint]:
    own = _location(value)
    here = _joined(place, own)
    code = next((str(value[n]) for n in _CODES if isinstance(value.get(n), str)), "")
    if code.lower() in CODES or own:
        facts = {k: v for name in _PARAMS for k, v in as_object(value.get(name)).items()}
        text = next((value[n] for n in _MESSAGES if isinstance(value.get(n), str)), "")
        yield _Complaint(here, text[:MAX_LETTERS], code.lower(), (*value.items(), *facts.items()))
    for name, inner in list(value.items())[:MAX_MESSAGES]:
        if name in _LOCATIONS or (own and _is_read(name, inner)):
            continue
        deeper = here if own or name in ("children", "constraints") else place
        if _names_member(name, inner):
            deeper = _joined(place, _steps(name))
        yield from _complaints(inner, deeper, depth + 1)


def _is_read(name: str, inner: Any) -> bool:
    """Return True for what the object itself has already said."""
    return name in _PARAMS or (isinstance(inner, str) and name in (*_MESSAGES, *_CODES))


def _names_member(name: str, inner: Any) -> bool:
    """Return True if the key of a list of messages is the member that they are about."""
    if name.lower() in _NO_MEMBERS or name.lower() in CODES:
        return False
    texts = as_list(inner)
    return bool(texts) and all(isinstance(one, str) for one in texts) and bool(_steps(name))


def _location(value: dict[str, Any]) -> Path:
    """Return the member that an object of an error names."""
    found = next((value[name] for name in _LOCATIONS if value.get(name)), None)
    found = value.get("name") if found is None and "reason" in value else found
    source = as_object(value.get("source"))
    found = found or source.get("pointer") or source.get("parameter")
    if isinstance(found, list):
        steps = [EACH if isinstance(one, int) else str(one) for one in found[:20]]
        return _rooted([one for one in steps if one == EACH or _NAME.fullmatch(one)])
    is_url = isinstance(found, str) and found.startswith("/") and "instancePath" not in value
    pointer = "pointer" in value or "dataPath" in value or source
    return _steps(found) if isinstance(found, str) and (not is_url or pointer) else ()


def _steps(text: str) -> Path:
    """Return the path that a text writes: dotted, with brackets, as JSON pointer or JSONPath.

    >>> _steps("$.filters.states[0]"), _steps("/options/limit"), _steps("body.page.size")
    (('filters', 'states', '[]'), ('options', 'limit'), ('page', 'size'))
    """
    raw = [one for one in _STEP.findall(text[:300]) if not one.startswith(('["', "['", "[`"))]
    steps = [EACH if one.startswith("[") or one.isdecimal() else one for one in raw]
    if not all(one == EACH or _NAME.fullmatch(one) or one in ("#", "$") for one in steps):
        return ()
    return _rooted(steps)


def _rooted(steps: list[str]) -> Path:
    while steps and steps[0].lower() in _ROOTS and len(steps) > 1:
        steps = steps[1:]
    return () if len(steps) == 1 and steps[0].lower() in _WHOLE else tuple(steps)


def _joined(place: Path, own: Path) -> Path:
    return own if own[: len(place)] == place else (*place, *own)


# ---------------------------------------------------------------- machine-readable facts
def _from_facts(complaint: _Complaint) -> list[Hint]:
    """Return the hints that need no wording: codes and parameters of Ajv, Zod, Joi, Pydantic."""
    kind = CODES.get(complaint.code)
    facts = dict(complaint.facts)
    path = complaint.path
    if kind is None:
        return []
    if path[:1] in (("header",), ("headers",)):
        return [Hint(HintKind.HEADER, path[1:])]
    if kind is HintKind.UNKNOWN:
        named = [facts.get("additionalProperty"), *as_list(facts.get("keys"))]
        names = [one for one in named if isinstance(one, str) and _NAME.fullmatch(one)]
        return [Hint(kind, (*path, name)) for name in names] or _only(kind, path)
    if kind is HintKind.REQUIRED:
        name = facts.get("missingProperty")
        return _only(kind, (*path, name) if isinstance(name, str) else path)
    if kind is HintKind.ENUM:
        lists = [as_list(facts.get(n)) for n in ("allowedValues", "valids", "options", "values")]
        values = _values(one for listed in lists for one in listed)
        return [Hint(kind, path, values=values)] if values else []
    return _limits(kind, path, facts)


def _limits(kind: HintKind, path: Path, facts: dict[str, Any]) -> list[Hint]:
    if kind in (HintKind.TYPE, HintKind.FORMAT):
        received = facts.get("received")
        expected = facts.get("expected") or facts.get("format") or facts.get("type")
        known = TYPES.get(str(expected).lower(), "")
        missing = HintKind.REQUIRED if received == "undefined" else kind
        return [Hint(missing, path, known)] if known and path else []
    number = next(
        (facts[n] for n in ("limit", "le", "ge", "max_length") if _is_number(facts.get(n))), None
    )
    return [] if number is None else [Hint(kind, path, number=float(number))]


def _only(kind: HintKind, path: Path) -> list[Hint]:
    return [Hint(kind, path)] if path else []


# ---------------------------------------------------------------- wordings
def _from_text(complaint: _Complaint) -> list[Hint]:
    if not complaint.text:
        return []
    for wording in WORDINGS:
        found = wording.pattern.search(complaint.text)
        if found is not None and (hints := _from_wording(wording, found, complaint)):
            return hints
    return []


def _from_wording(wording: Wording, found: re.Match[str], complaint: _Complaint) -> list[Hint]:
    groups = {name: text for name, text in found.groupdict().items() if text}
    kind, number = wording.kind, _number(groups)
    expected = wording.type or TYPES.get(groups.get("type", "").rstrip("?*[]").lower(), "")
    if groups.get("type", "").startswith("[]") or groups.get("type", "").endswith("[]"):
        expected = "array"
    if kind in (HintKind.TYPE, HintKind.FORMAT) and not expected:
        return []
    values = _listed(groups.get("values", ""))
    paths = [path for path in _paths(wording, groups, complaint) if path or values or number]
    hints = [Hint(kind, path, expected, values, number) for path in paths]
    if "least" in groups:
        hints += [Hint(HintKind.MINIMUM, path, number=float(groups["least"])) for path in paths]
    return hints


def _paths(wording: Wording, groups: dict[str, str], complaint: _Complaint) -> list[Path]:
    """Return the members that a message is about; one empty path if it names none."""
    if wording.kind is HintKind.HEADER:
        return [(groups["name"],)]
    place = complaint.path or _place_in(complaint.text)
    if "names" in groups:
        return [(*place, name) for name in _names(groups["names"])]
    named = _named(groups, complaint.text)
    if complaint.text.lower().startswith("each value in "):
        named = (*named, EACH)
    if wording.inner and named:
        return [_joined(place, named)]
    go = re.search(r"Key: '([\w.\[\]]+)' Error", complaint.text)
    if go is not None:
        return [_steps(f"$.{go[1].partition('.')[2]}")]
    return [place or named]


def _named(groups: dict[str, str], text: str) -> Path:
    steps = _steps(groups.get("name", "").rstrip(".,:").removeprefix("data/"))
    words = {"value", "number", "input", "string", "array", "this", "it", "field", "list", "size"}
    if len(steps) == 1 and steps[0].lower() in words and f'"{steps[0]}"' not in text:
        return ()
    return (*_steps(groups.get("parent", "")), *steps)


def _place_in(text: str) -> Path:
    """Return the location that a message itself ends with (Jackson, System.Text.Json, msgspec)."""
    chain = _CHAIN.search(text)
    if chain is not None:
        return tuple(re.findall(r"\[\"([A-Za-z_]\w{0,80})\"\]", chain[1]))
    at = _AT.search(text)
    return _steps(at[1]) if at is not None else ()


def _names(text: str) -> list[str]:
    quoted = re.findall(r"[\"'`]([A-Za-z_$@][\w$@-]{0,80})[\"'`]", text)
    return quoted or [one for one in re.findall(r"[A-Za-z_]\w{0,80}", text)[:1] if one != "in"]


def _listed(text: str) -> tuple[str, ...]:
    """Return the values of a list in a message, however they are separated and quoted."""
    quoted = re.findall(r"\"([^\"]{1,60})\"|'([^']{1,60})'|`([^`]{1,60})`", text)
    if quoted:
        return _values(next(filter(None, one)) for one in quoted)
    bare = re.sub(r"^[\s\[({]+|[\])}].*$|\.\s.*$|[.\s]+$", "", text, flags=re.DOTALL)
    parts = re.split(r"\s*[,|/]\s*(?:or |and )?|\s+or\s+|\s+and\s+", bare)
    return _values(parts) if all(" " not in part.strip() for part in parts) else ()


def _values(values: Iterable[Any]) -> tuple[str, ...]:
    texts = [one.strip() for one in values if isinstance(one, str)]
    return tuple(dict.fromkeys(one for one in texts if is_enum_value(one)))[:MAX_VALUES]


def _number(groups: dict[str, str]) -> float | None:
    if "below" in groups:
        return float(groups["below"]) - 1
    if "above" in groups:
        return float(groups["above"]) + 1
    return float(groups["number"]) if "number" in groups else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
