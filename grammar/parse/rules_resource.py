"""The rules of a segment of a resource path (Part 2, 4) and of context URLs (Part 1, 10)."""

from __future__ import annotations

from collections.abc import Callable

from grammar.parse.rules_expression import Arguments, Pair
from grammar.tree.context import ContextFragment, ContextItem
from grammar.tree.expressions import Expr, Key
from grammar.tree.resource import Segment


def _key(arguments: Arguments) -> Key:
    values = tuple(("", value) for value in arguments.positional)
    return Key(values or arguments.named)


def key_value(value: Expr) -> Arguments:
    """`('a')`."""
    return Arguments((value,))


def key_pairs(pairs: list[Pair]) -> Arguments:
    """`(id='a',n=1)`."""
    return Arguments((), tuple(pairs))


def last_keyed(path: list[Segment], key: Expr | list[Pair]) -> list[Segment]:
    """A key after the last segment of a context URL."""
    pairs = tuple(key) if isinstance(key, list) else (("", key),)
    path[-1] = Segment(path[-1].name, Key(pairs))
    return path


def more_segments(path: list[Segment], name: str) -> list[Segment]:
    """One more segment of a context URL."""
    path.append(Segment(name))
    return path


def context(
    path: list[Segment], items: list[ContextItem] | None = None, suffix: str = ""
) -> ContextFragment:
    """A whole context URL's fragment."""
    projected = None if items is None else tuple(items)
    return ContextFragment(tuple(path), projected, suffix.removeprefix("/"))


def projected(
    path: list[str], items: list[ContextItem] | None = None, *, is_recursive: bool = False
) -> ContextItem:
    """A property in a context URL, with or without parentheses."""
    return ContextItem(tuple(path), None if items is None else tuple(items), is_recursive)


RESOURCE_RULES: dict[str, Callable[..., object]] = {
    "plain_segment": lambda name: (Segment(name),),
    "keyed_segment": lambda name, key: (Segment(name, _key(key)),),
    "called_segment": lambda name, parameters, key: (
        Segment(name, _key(parameters)),
        Segment("", _key(key)),
    ),
    "filter_segment": lambda predicate: (Segment("$filter", argument=predicate),),
    "crossjoin_segment": lambda names: (Segment("$crossjoin", names=tuple(names)),),
    "context": context,
    "context_suffix": lambda path, suffix: context(path, None, suffix),
    "first_segment": lambda name: [Segment(name)],
    "more_segments": more_segments,
    "last_keyed": last_keyed,
    "no_projections": list,
    "projections": lambda items: items,
    "projected_star": lambda star: ContextItem((star,)),
    "projected": projected,
    "projected_levels": lambda path, items: projected(path, items, is_recursive=True),
    "key_value": key_value,
    "key_pairs": key_pairs,
}
