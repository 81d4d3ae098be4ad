"""The syntax tree of a resource path (Part 2, 4)."""

from __future__ import annotations

from dataclasses import dataclass

from grammar.tree.expressions import Expr, KeyPredicate


@dataclass(frozen=True, slots=True)
class Segment:
    """One decoded segment between two slashes.

    Attributes:
        name: an identifier, qualified or not; one of `$metadata $batch $entity $all $crossjoin
            $filter $each $count $ref $value $query`; or, anywhere but first, the text of a
            key-as-segment (4.3.6); for an identifier, the binder decides between the two. Empty
            for the key after a call, `ByColor(color='red')('k')`, which has no segment of its
            own.
        key: the content of the parentheses after the name. Parameters of a function look like a
            compound key; `F()` has a KeyPredicate without values.
        argument: the predicate of `$filter`.
        names: the entity sets of `$crossjoin`.
    """

    name: str
    key: KeyPredicate | None = None
    argument: Expr | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """The path below the service root; no segments for the service document."""

    segments: tuple[Segment, ...]
