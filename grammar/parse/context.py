"""Context URLs (Part 1, 10): the fragment after `$metadata#`, to a tree and back.

A client learns from it what an answer holds; the tests of a service, what it promised. The fragment
is never percent-encoded.
"""

from __future__ import annotations

from typing import cast

from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.parser import parse
from grammar.tree.context import ContextFragment


def parse_context(fragment: str, limits: Limits = DEFAULT_LIMITS) -> ContextFragment:
    """The fragment without its `#` -> its tree.

    >>> parse_context("Results(id,progress)/$entity").suffix
    '$entity'
    """
    return cast(ContextFragment, parse("context", fragment, limits, "context"))
