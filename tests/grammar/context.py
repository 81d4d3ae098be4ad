"""Context URLs (Part 1, 10): the fragment after `$metadata#`, to a tree and back.

Clients read context URLs and the service only writes them, so the rules extend the grammar here.
A fragment is never percent-encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from grammar import DEFAULT_LIMITS, Expr, KeyPredicate, Limits, ResourcePath, Segment, unparse
from grammar.parse.lalr_runtime import ParserState
from grammar.parse.parser import parse_from
from grammar.parse.rules import RULES, TERMINALS
from grammar.parse.rules_expression import Pair
from grammar.parse.tables import STARTS, build_states, callbacks, grammar_text

START = "context"
EXTENDED_STARTS = (*STARTS, START)
EXTENDED_GRAMMAR = f"""{grammar_text()}
context: context_path                               -> context
    | context_path CONTEXT_SUFFIX                   -> context_suffix
    | context_path projection                       -> context
    | context_path projection CONTEXT_SUFFIX        -> context
context_path: NAME                                  -> first_segment
    | COLLECTION_TYPE                               -> first_segment
    | CONTEXT_REFERENCE                             -> first_segment
    | context_path STEP                             -> more_segments
    | context_path _OPEN key_value _CLOSE           -> last_keyed
    | context_path _OPEN key_pairs _CLOSE           -> last_keyed
projection: _OPEN _CLOSE                            -> no_projections
    | _OPEN projections _CLOSE                      -> projections
projections: projected                              -> first
    | projections _COMMA projected                  -> more
projected: STAR                                     -> projected_star
    | QUALIFIED_STAR                                -> projected_star
    | select_path                                   -> projected
    | select_path projection                        -> projected
    | select_path _PLUS projection                  -> projected_levels

CONTEXT_REFERENCE.2: /\\$ref|Collection\\(\\$ref\\)/
CONTEXT_SUFFIX.1: /\\/\\$(?:entity|delta|deletedEntity|link|deletedLink)/
_PLUS: "+"
"""


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
    """The text after `$metadata#`.

    Attributes:
        path: an entity set with casts, keys and properties; or a single segment that holds a type,
            `Collection(Edm.String)`, `Collection($ref)` or `$ref`.
        items: what is selected and expanded; None when the parentheses are missing.
        suffix: `$entity`, `$delta`, `$deletedEntity`, `$link`, `$deletedLink`, or empty.
    """

    path: tuple[Segment, ...]
    items: tuple[ContextItem, ...] | None = None
    suffix: str = ""


def parse_context(fragment: str, limits: Limits = DEFAULT_LIMITS) -> ContextFragment:
    """Parse a fragment, given without its `#`."""
    return cast(ContextFragment, parse_from(_states()[START], fragment, limits, START))


def context_text(fragment: ContextFragment) -> str:
    """Return the fragment without its `#`; `parse_context` is the reverse."""
    suffix = f"/{fragment.suffix}" if fragment.suffix else ""
    return f"{unparse(ResourcePath(fragment.path))}{_items_text(fragment.items)}{suffix}"


def extended_callbacks() -> object:
    """Return the functions that Lark calls for the rules of the extended grammar."""
    return callbacks(RULES | _CONTEXT_RULES, TERMINALS)


@cache
def _states() -> Mapping[str, ParserState]:
    return build_states(EXTENDED_GRAMMAR, EXTENDED_STARTS, extended_callbacks())


def _items_text(items: tuple[ContextItem, ...] | None) -> str:
    return "" if items is None else f"({','.join(map(_item_text, items))})"


def _item_text(item: ContextItem) -> str:
    plus = "+" if item.is_recursive else ""
    return f"{'/'.join(item.path)}{plus}{_items_text(item.items)}"


def _last_keyed(path: list[Segment], key: Expr | list[Pair]) -> list[Segment]:
    pairs = tuple(key) if isinstance(key, list) else (("", key),)
    path[-1] = Segment(path[-1].name, KeyPredicate(pairs))
    return path


def _more_segments(path: list[Segment], name: str) -> list[Segment]:
    return [*path, Segment(name)]


def _context(
    path: list[Segment], items: list[ContextItem] | None = None, suffix: str = ""
) -> ContextFragment:
    projected = None if items is None else tuple(items)
    return ContextFragment(tuple(path), projected, suffix.removeprefix("/"))


def _projected(
    path: list[str], items: list[ContextItem] | None = None, *, is_recursive: bool = False
) -> ContextItem:
    return ContextItem(tuple(path), None if items is None else tuple(items), is_recursive)


_CONTEXT_RULES: dict[str, Callable[..., object]] = {
    "context": _context,
    "context_suffix": lambda path, suffix: _context(path, None, suffix),
    "first_segment": lambda name: [Segment(name)],
    "more_segments": _more_segments,
    "last_keyed": _last_keyed,
    "no_projections": list,
    "projections": lambda items: items,
    "projected_star": lambda star: ContextItem((star,)),
    "projected": _projected,
    "projected_levels": lambda path, items: _projected(path, items, is_recursive=True),
}
