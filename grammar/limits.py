"""How much text and how deep a tree is accepted, so that no request can exhaust the service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Checked before (length) and during (depth, nodes) a parse; beyond is an ODataSyntaxError.

    Attributes:
        max_length: characters of one option's value, of one path segment, of the whole query.
        max_depth: nesting of the tree. A chain of binary operators counts once, however long,
            because `Binary` compares and hashes without recursion. 100 keeps visitors with three
            stack frames a level far from Python's recursion limit.
        max_nodes: words and symbols of the text; no tree has more nodes than that.
    """

    max_length: int = 131_072
    max_depth: int = 100
    max_nodes: int = 32_768


DEFAULT_LIMITS = Limits()
