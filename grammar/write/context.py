"""Fragments of context URLs -> text (Part 1, 10), never percent-encoded."""

from __future__ import annotations

from grammar.tree.context import ContextFragment, ContextItem
from grammar.write.resource import segments_text


def context_text(fragment: ContextFragment) -> str:
    """Return the fragment without its `#`; `parse_context` is the reverse."""
    suffix = f"/{fragment.suffix}" if fragment.suffix else ""
    return f"{segments_text(fragment.path)}{_items_text(fragment.items)}{suffix}"


def _items_text(items: tuple[ContextItem, ...] | None) -> str:
    return "" if items is None else f"({','.join(map(_projection_text, items))})"


def _projection_text(item: ContextItem) -> str:
    plus = "+" if item.is_recursive else ""
    return f"{'/'.join(item.path)}{plus}{_items_text(item.items)}"
