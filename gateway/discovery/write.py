"""The result of discovery -> the text of a contract file of format 2, with evidence.

The shipped file is the frame: its comments and the tables of derived sets stay, the tables that
describe the upstream are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from gateway.contract import file
from gateway.discovery.learned import Learned
from gateway.discovery.probe.trees import merged

_HEADING = re.compile(r"^# -{10,} (.*)$", re.MULTILINE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ERRORS = ("message", "error.message", "errors[].detail", "detail", "title")
"""Usual places of an error's text, for messages alone; absent ones are skipped."""
_SKIPPED = frozenset({"name", "source", "evidence"})


def contract_text(learned: Learned, shipped: str, usual: file.ContractFile, base_url: str) -> str:
    """Return the file."""
    written: Mapping[str, Iterable[str]] = {
        "URLs of the upstream": _urls(learned, base_url),
        "the request": _request(learned),
        "the envelope of the response": _response(learned),
        "filters": _filters(learned),
        "columns, in their published order": _columns(learned),
        "statistics": _statistics(learned),
        "consistent extracts": _extract(learned),
        "custom fields of the workspace": _custom_fields(learned),
    }
    if learned.calls_per_second is not None:
        written = {**written, "rate limit of the upstream": _limits(learned.calls_per_second)}
    parts = []
    for heading, block in _blocks(shipped):
        if heading in written:
            comments = _leading_comments(block)
            parts.append("\n".join([comments, *written[heading]]).rstrip() + "\n\n")
        else:
            parts.append(block)
    return "".join(parts)


def _blocks(text: str) -> list[tuple[str, str]]:
    """Return the blocks of the shipped file by their headings; the first one has none."""
    places = [*_HEADING.finditer(text)]
    first = places[0].start() if places else len(text)
    blocks = [("", text[:first])]
    for number, match in enumerate(places):
        end = places[number + 1].start() if number + 1 < len(places) else len(text)
        blocks.append((match[1], text[match.start() : end]))
    return blocks


def _leading_comments(block: str) -> str:
    lines = []
    for line in block.splitlines():
        if line and not line.startswith("#"):
            break
        lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def _urls(learned: Learned, base_url: str) -> Iterable[str]:
    yield "[upstream]"
    yield f"base_url = {toml(base_url)}"
    yield 'source = "owner"'
    yield ""
    yield "[endpoints.results]"
    yield f"path = {toml(learned.path)}"
    yield from _proof("observed", f"success is {learned.status}")
    if learned.statistics is not None:
        yield ""
        yield "[endpoints.statistics]"
        yield f"path = {toml(learned.statistics.path)}"
        yield from _proof("observed", "it counts the rows that were read")


def _request(learned: Learned) -> Iterable[str]:
    yield "[request]"
    if learned.headers:
        yield f"headers = {toml(learned.headers)}"
    constants = ", ".join(learned.constants)
    yield from _proof("observed", f"constants: {constants}" if constants else "")
    yield ""
    yield "[request.body]"
    for name, node in body_of(learned).items():
        yield f"{_name(name)} = {toml(node)}"
    yield ""
    yield from _pages(learned)
    if learned.order is not None:
        yield ""
        yield "[order]"
        yield f"ascending = {toml(learned.order.form.ascending)}"
        yield f"descending = {toml(learned.order.form.descending)}"
        yield from _proof("observed", learned.order.evidence)


def body_of(learned: Learned) -> dict[str, Any]:
    """Return the template of the body."""
    body = merged(merged(learned.base, learned.limit.tree), learned.position.tree)
    if learned.order is not None:
        body = merged(body, learned.order.form.tree)
    trees = [found.tree for found in learned.ranges]
    trees += [found.tree for found in learned.filters if found.is_usable]
    trees += [learned.custom_fields.tree] if learned.custom_fields else []
    for tree in trees:
        body = merged(body, tree)
    return body


def _pages(learned: Learned) -> Iterable[str]:
    position = learned.position
    yield "[pages]"
    yield f"kind = {toml(position.kind)}"
    yield f"first = {position.first}"
    yield f"largest = {learned.limit.largest}"
    if learned.end.deepest is not None:
        yield f"deepest = {learned.end.deepest}"
    yield f"stop = {toml(_stop(learned))}"
    words = (learned.limit.evidence, position.evidence, learned.end.evidence)
    yield from _proof("observed", "; ".join(filter(None, words)))


def _stop(learned: Learned) -> str:
    if learned.total is not None:
        return "total"
    if learned.position.kind == "cursor":
        return "has_more" if learned.has_more else "empty_page"
    if learned.end.behind == "empty":
        return "empty_page"
    return "has_more" if learned.has_more else "short_page"


def _response(learned: Learned) -> Iterable[str]:
    yield "[response]"
    yield f"rows = {toml(learned.rows_path)}"
    total, position = learned.total, learned.position
    if total is not None and total.header is not None:
        yield f"total_header = {toml(total.header)}"
    elif total is not None and total.member is not None:
        yield f"total = {toml(total.member)}"
    if learned.has_more:
        yield f"has_more = {toml(learned.has_more)}"
    if position.cursor is not None:
        yield f"cursor = {toml(position.cursor)}"
    yield f"error = {toml(_ERRORS)}"
    if learned.inferred.repeated:
        yield f"repeated = {toml(learned.inferred.repeated)}"
    told = "no true total" if total is None else total.evidence
    yield from _proof("observed", told)


def _filters(learned: Learned) -> Iterable[str]:
    for found in learned.filters:
        if not found.is_usable:
            yield f"# {found.name}: not used. {found.evidence}"
            continue
        yield f"[filters.{found.name}]"
        yield 'kind = "values"'
        yield f"exact = {toml(found.verdict == 'exact')}"
        yield f"max_values = {found.most_values}"
        yield from _proof("observed", found.evidence)
        yield ""
    for each in learned.ranges:
        yield f"[filters.{each.name}]"
        yield 'kind = "range"'
        yield f"from_inclusive = {toml(each.from_inclusive)}"
        yield f"to_inclusive = {toml(each.to_inclusive)}"
        yield f"resolution_milliseconds = {each.resolution_milliseconds}"
        yield f"exact = {toml(each.exact)}"
        if each.instant != "iso":
            yield f"instant = {toml(each.instant)}"
        for name, value in (("open_from", each.open_from), ("open_to", each.open_to)):
            if value is not None:
                yield f"{name} = {toml(value)}"
        yield from _proof("observed", each.evidence)
        yield ""
    if learned.custom_fields is not None:
        yield "[filters.custom_fields]"
        yield 'kind = "custom-fields"'
        yield "exact = false"
        yield f"max_values = {learned.custom_fields.most_values}"
        yield from _proof("observed", learned.custom_fields.evidence)
        yield ""


def _columns(learned: Learned) -> Iterable[str]:
    for entry in learned.inferred.columns:
        yield "[[columns]]"
        yield f"name = {toml(entry.name)}"
        default = file.ColumnEntry(name="", type="Edm.String")
        for field in structs.fields(entry):
            value = getattr(entry, field.name)
            if field.name in _SKIPPED or (
                value == getattr(default, field.name) and field.name != "type"
            ):
                continue
            yield f"{field.encode_name} = {toml(value)}"
        yield from _proof(entry.source, entry.evidence)
        yield ""


def _extract(learned: Learned) -> Iterable[str]:
    yield "[extract]"
    if can_order(learned):
        yield 'order_by = "updatedAt"'
        yield from _proof("observed", "newest first, with a date range")
    else:
        yield 'order_by = ""'
        yield from _proof(
            "observed", "no proved order with a date range: read until two passes agree"
        )


def can_order(learned: Learned) -> bool:
    """Return True if extracts can be read newest first with ranges."""
    entry = learned.inferred.column("updatedAt")
    has_range = any(found.name == "updated_at" for found in learned.ranges)
    return bool(learned.order and has_range and entry and not entry.nullable)


def _custom_fields(learned: Learned) -> Iterable[str]:
    fields = learned.inferred.custom_fields
    if fields is None:
        return
    yield "[custom_fields]"
    for name in ("path", "shape", "id", "value", "label"):
        value = getattr(fields, name)
        if value:
            yield f"{name} = {toml(value)}"
    if learned.custom_fields is not None:
        yield 'filter = "custom_fields"'
    yield "personal = true             # default of all custom fields"
    yield from _proof(fields.source, fields.evidence)
    for mapped in fields.mapped:
        yield ""
        yield "[[custom_fields.mapped]]"
        for field in structs.fields(mapped):
            value = getattr(mapped, field.name)
            if value not in ("", None, ()):
                yield f"{field.encode_name} = {toml(value)}"


def _statistics(learned: Learned) -> Iterable[str]:
    members = {} if learned.statistics is None else learned.statistics.members
    for name, entry in members.items():
        yield f"[statistics.{name}]"
        yield f"kind = {toml(entry.kind)}"
        yield f"member = {toml(entry.member)}"
        if entry.column:
            yield f"column = {toml(entry.column)}"
        yield f"exact = {toml(entry.exact)}"
        yield from _proof(entry.source, entry.evidence)
        yield ""


def _limits(calls_per_second: float) -> Iterable[str]:
    yield "[limits]"
    yield f"calls_per_second = {toml(calls_per_second)}"
    yield from _proof("observed", "more calls were refused with 429")


def _proof(source: str, evidence: str) -> Iterable[str]:
    yield f"source = {toml(source)}"
    if evidence:
        yield f"evidence = {toml(evidence)}"


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)


def toml(value: Any) -> str:
    """Return a TOML value on one line.

    >>> toml({"a": ["x", 1], "b c": True})
    '{ a = ["x", 1], "b c" = true }'
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case Mapping():
            inner = ", ".join(f"{_name(n)} = {toml(v)}" for n, v in value.items() if v is not None)
            return f"{{ {inner} }}" if inner else "{}"
        case _:
            raise TypeError(f"no TOML for {type(value).__name__}")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
    )
