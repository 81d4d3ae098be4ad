"""Select and expand items, search expressions and whole option sets -> canonical decoded text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grammar.syntax import (
    ComputeItem,
    ExpandItem,
    OrderItem,
    QueryOptions,
    SelectItem,
)
from grammar.unparse_expression import expression_text


def order_text(item: OrderItem) -> str:
    """`expression` or `expression desc`; `asc` is the default and left out."""
    return f"{expression_text(item.expression)}{' desc' if item.descending else ''}"


def compute_text(item: ComputeItem) -> str:
    """`expression as alias`."""
    return f"{expression_text(item.expression)} as {item.alias}"


def select_text(item: SelectItem) -> str:
    """A path, and in parentheses nested options or the parameter names of an overload."""
    path = "/".join(item.path)
    if item.parameters is not None:
        return f"{path}({','.join(item.parameters)})"
    return f"{path}{_in_parentheses(item.options)}"


def expand_text(item: ExpandItem) -> str:
    """A path, `/$ref` or `/$count`, and nested options."""
    path = "/".join((*item.path, item.suffix) if item.suffix else item.path)
    return f"{path}{_in_parentheses(item.options)}"


def _in_parentheses(options: QueryOptions | None) -> str:
    return f"({options_text(options)})" if options else ""


def options_text(options: QueryOptions) -> str:
    """Options as they stand in parentheses, separated by semicolons, in the standard's order."""
    return ";".join(f"{name}={value}" for name, value in option_pairs(options))


def option_pairs(options: QueryOptions) -> tuple[tuple[str, str], ...]:
    """(name with `$`, canonical decoded value), ready for `encode_query`; custom options last."""
    return (*_system_pairs(options), *_alias_pairs(options), *options.custom)


def _alias_pairs(options: QueryOptions) -> Iterator[tuple[str, str]]:
    for name, value in options.aliases:
        yield f"@{name}", expression_text(value)


def _system_pairs(options: QueryOptions) -> Iterator[tuple[str, str]]:
    if options.compute:
        yield "$compute", _joined(map(compute_text, options.compute))
    if options.filter is not None:
        yield "$filter", expression_text(options.filter)
    if options.count is not None:
        yield "$count", "true" if options.count else "false"
    if options.orderby:
        yield "$orderby", _joined(map(order_text, options.orderby))
    if options.expand:
        yield "$expand", _joined(map(expand_text, options.expand))
    if options.select:
        yield "$select", _joined(map(select_text, options.select))
    if options.levels is not None:
        yield "$levels", "max" if options.levels < 0 else str(options.levels)
    for name in (
        "skip",
        "top",
        "format",
        "schemaversion",
        "skiptoken",
        "deltatoken",
        "id",
        "index",
    ):
        value = getattr(options, name)
        if value is not None:
            yield f"${name}", str(value)


def _joined(items: Iterable[str]) -> str:
    return ",".join(items)
