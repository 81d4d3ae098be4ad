"""Limits of text and tree, so that no request can exhaust the service."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one parse; text beyond them raises ODataSyntaxError.

    Attributes:
        max_characters: length of one option's value, of one path segment, of the whole query;
            checked before the parse.
        max_levels: nesting of the tree. A chain of binary operators counts once, however long,
            because `Binary` compares and hashes without recursion. With 100 levels, visitors that
            use three stack frames a level stay far from Python's recursion limit.
        max_symbols: words and symbols of the text; no tree has more nodes than that.
    """

    max_characters: int = 131_072
    max_levels: int = 100
    max_symbols: int = 32_768


DEFAULT_LIMITS = Limits()
