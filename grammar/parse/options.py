"""Decoded name-value pairs to `QueryOptions` (Part 2, 5)."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import cast

from grammar.errors import BuilderError, ODataSyntaxError, UnknownOptionError
from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.lalr_runtime import BLANKS
from grammar.parse.parser import parse
from grammar.parse.rules_options import natural
from grammar.tree.expressions import Alias
from grammar.tree.options import QueryOptions

_NEEDING_DOLLAR = frozenset({"skiptoken", "deltatoken"})


def _text(value: str, _limits: Limits, _option: str) -> str:
    return value


def _number(value: str, _limits: Limits, option: str) -> int:
    digits = value.strip(BLANKS)
    if not (digits.isascii() and digits.isdigit()):
        hint = f"write {option}=10"
        raise ODataSyntaxError(
            "not a whole number of 0 or more", text=value, option=option, hint=hint
        )
    try:
        return natural(digits)
    except BuilderError as error:
        raise ODataSyntaxError(error.message, text=value, option=option) from None


def _boolean(value: str, _limits: Limits, option: str) -> bool:
    word = value.strip(BLANKS).lower()
    if word not in {"true", "false"}:
        hint = f"write {option}=true"
        raise ODataSyntaxError("neither true nor false", text=value, option=option, hint=hint)
    return word == "true"


def _levels(_value: str, _limits: Limits, option: str) -> int:
    hint = "for example $expand=Manager($levels=2)"
    raise ODataSyntaxError("is only allowed inside $expand", option=option, hint=hint)


def _expression(value: str, limits: Limits, option: str) -> object:
    return parse("expression", value, limits, option)


def _search(value: str, limits: Limits, option: str) -> object:
    return parse("search", value, limits, option)


def _list(value: str, limits: Limits, option: str) -> object:
    return tuple(cast(list[object], parse(option[1:], value, limits, option)))


_READERS: dict[str, Callable[[str, Limits, str], object]] = {
    "apply": _list,
    "compute": _list,
    "search": _search,
    "filter": _expression,
    "count": _boolean,
    "orderby": _list,
    "skip": _number,
    "top": _number,
    "expand": _list,
    "select": _list,
    "format": _text,
    "schemaversion": _text,
    "skiptoken": _text,
    "deltatoken": _text,
    "id": _text,
    "index": _number,
    "levels": _levels,
}


def parse_query_options(
    pairs: tuple[tuple[str, str], ...], limits: Limits = DEFAULT_LIMITS
) -> QueryOptions:
    """Parse the pairs from `split_query` into all options of one resource.

    System options may be written with or without `$`, in any case (4.01), except `$skiptoken` and
    `$deltatoken`, which need the `$`. Custom options stay as they are.

    Raises:
        UnknownOptionError: a name with `$` is not a system option.
        ODataSyntaxError: an option is repeated, its value is empty, or its parser rejects it.
    """
    found: dict[str, object] = {}
    aliases: dict[str, object] = {}
    custom: list[tuple[str, str]] = []
    for written, value in pairs:
        name = _system_name(written)
        if name:
            _add(found, name, value, limits)
        elif written.lstrip(BLANKS).startswith("@"):
            _add_alias(aliases, written, value, limits)
        else:
            custom.append((written, value))
    return QueryOptions(**found, aliases=tuple(aliases.items()), custom=tuple(custom))  # type: ignore[arg-type]  # _READERS


def _system_name(written: str) -> str:
    """Return the lower-case name without `$`; empty for aliases and custom options."""
    folded = written.strip(BLANKS).lower()
    name = folded.removeprefix("$")
    if name in _READERS and (folded.startswith("$") or name not in _NEEDING_DOLLAR):
        return name
    if folded.startswith("$"):
        near = get_close_matches(name[:40], _READERS, 1)
        hint = f"did you mean ${near[0]}?" if near else ""
        raise UnknownOptionError("unknown query option", option=written, hint=hint)
    return ""


def _add(found: dict[str, object], name: str, value: str, limits: Limits) -> None:
    option = f"${name}"
    if name in found:
        raise ODataSyntaxError(
            "given twice", option=option, hint="the name is the same with and without $"
        )
    _check_value(value, limits, option)
    found[name] = _READERS[name](value, limits, option)


def _add_alias(aliases: dict[str, object], written: str, value: str, limits: Limits) -> None:
    if not isinstance(parse("expression", written, limits, written), Alias):
        raise ODataSyntaxError("not an alias name", option=written, hint="for example @x=1")
    name = written.strip(BLANKS)[1:]
    if name in aliases:
        raise ODataSyntaxError("assigned twice", option=written, hint="leave one out")
    _check_value(value, limits, written)
    aliases[name] = parse("alias_value", value, limits, written)


def _check_value(value: str, limits: Limits, option: str) -> None:
    if not value.strip(BLANKS):
        hint = "write a value, or leave the option out"
        raise ODataSyntaxError("has no value", option=option, hint=hint)
    if len(value) > limits.max_characters:
        message = f"longer than the limit of {limits.max_characters} characters"
        raise ODataSyntaxError(message, option=option, hint="shorten it")
