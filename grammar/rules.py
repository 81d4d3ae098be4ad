"""What the rules of `odata.lark` build: `RULES` maps a rule's name or alias to its function.

A function takes the values of the symbols on the rule's right side, punctuation (`_NAME`) left out,
and returns a node. It raises `Refusal` for what the grammar cannot say; `at` counts the symbols of
the right side with punctuation.
"""

from __future__ import annotations

from collections.abc import Callable

from grammar.rules_apply import APPLY_RULES
from grammar.rules_expression import EXPRESSION_RULES
from grammar.rules_options import OPTION_RULES
from grammar.rules_resource import RESOURCE_RULES

RULES: dict[str, Callable[..., object]] = {
    **EXPRESSION_RULES,
    **OPTION_RULES,
    **RESOURCE_RULES,
    **APPLY_RULES,
}
