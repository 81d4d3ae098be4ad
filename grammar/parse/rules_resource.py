"""The rules of a segment of a resource path (Part 2, 4)."""

from __future__ import annotations

from collections.abc import Callable

from grammar.parse.rules_expression import Arguments, Pair
from grammar.tree.expressions import Expr, KeyPredicate
from grammar.tree.resource import Segment


def _key(arguments: Arguments) -> KeyPredicate:
    values = tuple(("", value) for value in arguments.positional)
    return KeyPredicate(values or arguments.named)


def key_value(value: Expr) -> Arguments:
    """Build `('a')`."""
    return Arguments((value,))


def key_pairs(pairs: list[Pair]) -> Arguments:
    """Build `(id='a',n=1)`."""
    return Arguments((), tuple(pairs))


RESOURCE_RULES: dict[str, Callable[..., object]] = {
    "plain_segment": lambda name: (Segment(name),),
    "keyed_segment": lambda name, key: (Segment(name, _key(key)),),
    "called_segment": lambda name, parameters, key: (
        Segment(name, _key(parameters)),
        Segment("", _key(key)),
    ),
    "filter_segment": lambda predicate: (Segment("$filter", argument=predicate),),
    "crossjoin_segment": lambda names: (Segment("$crossjoin", names=tuple(names)),),
    "key_value": key_value,
    "key_pairs": key_pairs,
}
