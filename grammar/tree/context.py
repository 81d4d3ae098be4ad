"""The syntax tree of a context URL's fragment (Part 1, 10)."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.tree.resource import Segment


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One selected or expanded property: `path`, `path(items)`, `path+(items)`.

    `items` is None without parentheses; `is_recursive` marks `+`, an expansion over all levels.
    """

    path: tuple[str, ...]
    items: tuple[ContextItem, ...] | None = None
    is_recursive: bool = False


@dataclass(frozen=True, slots=True)
class ContextFragment:
    """What follows `$metadata#`.

    Attributes:
        path: an entity set with casts, keys and properties; or a single segment that holds a type,
            `Collection(Edm.String)`, `Collection($ref)` or `$ref`.
        items: what is selected and expanded; None when the parentheses are missing.
        suffix: `$entity`, `$delta`, `$deletedEntity`, `$link`, `$deletedLink`, or empty.
    """

    path: tuple[Segment, ...]
    items: tuple[ContextItem, ...] | None = None
    suffix: str = ""
