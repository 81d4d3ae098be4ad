"""The builders of nodes: `RULES` maps a rule's name or alias in `odata.lark` to its function.

`TERMINALS` does the same for terminals; others stay text. A function takes the values of the
symbols on the rule's right side, without punctuation (`_NAME`), and returns a node. It raises
`BuilderError` for errors that the grammar cannot express; its `at` counts punctuation too.
"""

from __future__ import annotations

from collections.abc import Callable

from grammar.parse.rules_apply import APPLY_RULES, APPLY_TERMINALS
from grammar.parse.rules_expression import EXPRESSION_RULES
from grammar.parse.rules_options import OPTION_RULES, OPTION_TERMINALS
from grammar.parse.rules_resource import RESOURCE_RULES
from grammar.parse.terminals import LITERAL_AND_NAME_TERMINALS

RULES: dict[str, Callable[..., object]] = {
    **EXPRESSION_RULES,
    **OPTION_RULES,
    **RESOURCE_RULES,
    **APPLY_RULES,
}

TERMINALS: dict[str, Callable[[str], object]] = {
    **LITERAL_AND_NAME_TERMINALS,
    **OPTION_TERMINALS,
    **APPLY_TERMINALS,
}
