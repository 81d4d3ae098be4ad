"""Context URLs (Part 1, 10): the fragment after `$metadata#`, to a tree and back.

A client learns from it what an answer holds; the tests of a service, what it promised. The fragment
is never percent-encoded.
"""

from __future__ import annotations

from typing import cast

from grammar.limits import DEFAULT_LIMITS, Limits
from grammar.parse.parser import parse
from grammar.tree.context import ContextFragment, ContextItem
from grammar.write.resource import segments_text


def parse_context(fragment: str, limits: Limits = DEFAULT_LIMITS) -> ContextFragment:
    """The fragment without its `#` -> its tree.

    >>> parse_context("Results(id,progress)/$entity").suffix
    '$entity'
    """
    return cast(ContextFragment, parse("context", fragment, limits, "context"))


def context_text(fragment: ContextFragment) -> str:
    """The reverse of `parse_context`."""
    suffix = f"/{fragment.suffix}" if fragment.suffix else ""
    return f"{segments_text(fragment.path)}{_items_text(fragment.items)}{suffix}"


def _items_text(items: tuple[ContextItem, ...] | None) -> str:
    return "" if items is None else f"({','.join(map(_projection_text, items))})"


def _projection_text(item: ContextItem) -> str:
    plus = "+" if item.is_recursive else ""
    return f"{'/'.join(item.path)}{plus}{_items_text(item.items)}"
