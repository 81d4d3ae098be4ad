"""Items of $select and $expand, and whole option sets, to canonical decoded text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from grammar.tree.options import ExpandItem, QueryOptions, SelectItem
from grammar.write.apply import apply_text
from grammar.write.expressions import compute_text, expression_text, order_text
from grammar.write.search import search_text

Item = TypeVar("Item")


def select_text(item: SelectItem) -> str:
    """Return a path, and in parentheses nested options or the parameter names of an overload."""
    path = "/".join(item.path)
    if item.parameters is not None:
        return f"{path}({','.join(item.parameters)})"
    return f"{path}{_in_parentheses(item.options)}"


def expand_text(item: ExpandItem) -> str:
    """Return a path, `/$ref` or `/$count`, and nested options."""
    path = "/".join((*item.path, item.suffix) if item.suffix else item.path)
    return f"{path}{_in_parentheses(item.options)}"


def _in_parentheses(options: QueryOptions | None) -> str:
    return f"({options_text(options)})" if options else ""


def options_text(options: QueryOptions) -> str:
    """Return nested options, separated by semicolons, in the standard's order."""
    return ";".join(f"{name}={value}" for name, value in option_pairs(options))


def option_pairs(options: QueryOptions) -> tuple[tuple[str, str], ...]:
    """Return (name with `$`, canonical decoded value) pairs for `encode_query`, custom last."""
    return (*_system_pairs(options), *_alias_pairs(options), *options.custom)


def _alias_pairs(options: QueryOptions) -> Iterator[tuple[str, str]]:
    for name, value in options.aliases:
        yield f"@{name}", expression_text(value)


def _system_pairs(options: QueryOptions) -> Iterator[tuple[str, str]]:
    for name, write in _WRITERS.items():
        value = getattr(options, name)
        if value is not None and value != ():
            yield f"${name}", write(value)


def _list_of(write: Callable[[Item], str]) -> Callable[[Iterable[Item]], str]:
    return lambda items: ",".join(map(write, items))


# In the order of evaluation (Part 1, 11.2.1), as far as there is one.
_WRITERS: dict[str, Callable[..., str]] = {
    "schemaversion": str,
    "apply": apply_text,
    "compute": _list_of(compute_text),
    "search": search_text,
    "filter": expression_text,
    "count": lambda count: "true" if count else "false",
    "orderby": _list_of(order_text),
    "skip": str,
    "top": str,
    "expand": _list_of(expand_text),
    "select": _list_of(select_text),
    "levels": lambda levels: "max" if levels < 0 else str(levels),
    "index": str,
    "id": str,
    "format": str,
    "skiptoken": str,
    "deltatoken": str,
}
