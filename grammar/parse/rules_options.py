"""The rules of $orderby, $compute, $select, $expand, $search and options in parentheses (5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from grammar.errors import BuilderError
from grammar.parse.lalr_runtime import BLANKS
from grammar.tree.expressions import ComputeItem, OrderItem
from grammar.tree.options import ExpandItem, QueryOptions, SelectItem
from grammar.tree.search import SearchAnd, SearchIncomplete, SearchNot, SearchOr, SearchTerm

Options: TypeAlias = dict[str, object]
NamedOption: TypeAlias = tuple[str, object]
Expanded: TypeAlias = dict[tuple[str, ...], ExpandItem]

MAX_NUMBER_DIGITS = 18
_ESCAPED = re.compile(r'\\(["\\])')


def _option_name(text: str) -> str:
    """Convert `$Filter =` to `filter`, and `@x=` to `@x`."""
    name = text.strip(f"={BLANKS}")
    return name if name[0] == "@" else name.removeprefix("$").lower()


def list_option(name: str, items: list[object]) -> NamedOption:
    """Build a nested option with a list as its value."""
    return name, tuple(items)


def number_option(name: str, digits: str) -> NamedOption:
    """Build `$top` or `$skip`."""
    return name, natural(digits)


def natural(digits: str) -> int:
    """Convert a number of rows; reject one that no service has before it becomes an integer."""
    if len(digits) > MAX_NUMBER_DIGITS:
        raise BuilderError(
            f"a number with {len(digits)} digits is too large", hint="write a smaller one"
        )
    return int(digits)


def levels_option(name: str, text: str) -> NamedOption:
    """Build `$levels`; `max` is -1."""
    return name, -1 if text.lower() == "max" else natural(text)


def first_option(option: NamedOption) -> Options:
    """Start the options in one pair of parentheses."""
    return more_options({}, option)


def more_options(options: Options, option: NamedOption) -> Options:
    """Add an option or an alias; each may occur once."""
    name, value = option
    if name[0] == "@":
        aliases = options.setdefault("aliases", {})
        if not isinstance(aliases, dict) or name[1:] in aliases:
            raise BuilderError(f"the alias {name} is assigned twice", hint="leave one out", at=2)
        aliases[name[1:]] = value
    elif name in options:
        raise BuilderError(f"${name} is given twice", hint="leave one out", at=2)
    else:
        options[name] = value
    return options


def to_options(options: Options) -> QueryOptions:
    """Build one node from the collected options."""
    aliases = options.pop("aliases", {})
    pairs = tuple(aliases.items()) if isinstance(aliases, dict) else ()
    return QueryOptions(**options, aliases=pairs)  # type: ignore[arg-type]  # the grammar ensures the types


def alias_name(name: str, *, at: int) -> str:
    """Check the name that $compute or $apply gives to a value: it has no namespace."""
    if "." in name:
        raise BuilderError(
            "a new name cannot have a namespace", hint="write a name without dots", at=at
        )
    return name


def expand_suffix(path: list[str], suffix: str, options: Options | None = None) -> ExpandItem:
    """Build `path/$ref`, with or without options, or `path/$count`."""
    return ExpandItem(tuple(path), suffix[1:], to_options(options) if options else None)


def more_expand(items: Expanded, item: ExpandItem) -> Expanded:
    """Add an item; no path may be in two items (5.1.3), except with and without `/$ref`."""
    path = (*item.path, item.suffix)
    if path in items:
        raise BuilderError(f"{'/'.join(item.path)} is expanded twice", hint="name it once", at=2)
    items[path] = item
    return items


def phrase(text: str) -> str:
    """Remove the double quotes; inside, only a quote and a backslash are escaped."""
    return _ESCAPED.sub(r"\1", text[1:-1])


OPTION_RULES: dict[str, Callable[..., object]] = {
    "ascending": OrderItem,
    "directed": lambda expression, direction: OrderItem(expression, direction == "desc"),
    "compute_item": lambda expression, name: ComputeItem(expression, alias_name(name, at=2)),
    "select_all": lambda star: SelectItem((star,)),
    "select_path": lambda path: SelectItem(tuple(path)),
    "select_overload": lambda path, names=(): SelectItem(tuple(path), None, tuple(names)),
    "select_with": lambda path, options: SelectItem(tuple(path), to_options(options)),
    "expand": lambda items: list(items.values()),
    "first_expand": lambda item: more_expand({}, item),
    "more_expand": more_expand,
    "expand_path": lambda path: ExpandItem(tuple(path)),
    "expand_with": lambda path, options: ExpandItem(tuple(path), "", to_options(options)),
    "expand_suffix": expand_suffix,
    "expand_count": lambda path, options: ExpandItem(tuple(path), "$count", to_options(options)),
    "first_option": first_option,
    "more_options": more_options,
    "option": lambda name, value: (name, value),
    "list_option": list_option,
    "alias_option": lambda name, value: (name, value),
    "number_option": number_option,
    "boolean_option": lambda name, literal: (name, literal.value),
    "levels_option": levels_option,
    "search_word": SearchTerm,
    "search_phrase": lambda text: SearchTerm(text, phrase=True),
    "search_incomplete": SearchIncomplete,
    "search_not": SearchNot,
    "search_and": SearchAnd,
    "search_or": SearchOr,
    "longer_word": lambda word, rest: word + rest,
}

_NAMED_OPTIONS = (
    "FILTER", "ORDERBY", "COMPUTE", "SELECT", "EXPAND", "SKIP", "TOP", "COUNT", "LEVELS", "SEARCH",
    "APPLY", "ALIAS",
)  # fmt: skip

OPTION_TERMINALS: dict[str, Callable[[str], object]] = {
    **{f"{name}_IS": _option_name for name in _NAMED_OPTIONS},
    "SEARCH_PHRASE": phrase,
    "SEARCH_INCOMPLETE": lambda text: text[1:-1].replace("''", "'"),
}
