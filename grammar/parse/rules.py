"""The builders of nodes: `RULES` maps a rule's name or alias in `odata.lark` to its function.

`TERMINALS` does the same for terminals; others stay text. A function takes the values of the
symbols on the rule's right side, without punctuation (`_NAME`), and returns a node. It raises
`BuilderError` for errors that the grammar cannot express; its `at` counts punctuation too.
"""

from __future__ import annotations

from collections.abc import Callable

from grammar.parse.rules_apply import APPLY_RULES, APPLY_TERMINALS
from grammar.parse.rules_expression import EXPRESSION_RULES, Arguments, Pair
from grammar.parse.rules_options import OPTION_RULES, OPTION_TERMINALS
from grammar.parse.terminals import LITERAL_AND_NAME_TERMINALS
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


_RESOURCE_RULES: dict[str, Callable[..., object]] = {
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
"""The rules of a segment of a resource path (Part 2, 4)."""

RULES: dict[str, Callable[..., object]] = {
    **EXPRESSION_RULES,
    **OPTION_RULES,
    **_RESOURCE_RULES,
    **APPLY_RULES,
}

TERMINALS: dict[str, Callable[[str], object]] = {
    **LITERAL_AND_NAME_TERMINALS,
    **OPTION_TERMINALS,
    **APPLY_TERMINALS,
}
