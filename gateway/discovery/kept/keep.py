"""A file that discovery made again, with the owner's changes of the previous file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.discovery.kept.blocks import (
    blocks_of,
    checked,
    read_blocks,
    text_of_blocks,
    with_entry,
    without_entry,
)
from gateway.discovery.kept.entries import (
    Hand,
    changes_by_hand,
    digests_of,
    entries_of,
    with_digests,
)

_NEW = frozenset({"upstream"})
"""Entries that the owner states again for each new file."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file, and the entries in it that are the owner's."""

    text: str
    entries: Mapping[str, Hand]


def keep_changes(new: str, old: str | None, shipped: str) -> Kept:
    """Return a new file with the owner's changes of an old one, and digests of what is new.

    Raises:
        ConfigurationProblem: a change cannot be carried over.
    """
    changes = {} if old is None else changes_by_hand(old, shipped)
    changes = {name: hand for name, hand in changes.items() if name not in _NEW}
    if old is None or not changes:
        return Kept(with_digests(new, digests_of(new)), {})
    blocks, before = read_blocks(new), read_blocks(old)
    expected, contents = entries_of(new), entries_of(old)
    for name, hand in changes.items():
        if hand is Hand.DELETED:
            blocks = without_entry(blocks, name)
            expected.pop(name, None)
        elif found := blocks_of(before, name):
            blocks = with_entry(blocks, name, found)
            expected[name] = contents[name]
        else:
            expected[name] = contents[name]
    text = checked(text_of_blocks(blocks), expected)
    return Kept(with_digests(text, digests_of(new)), changes)
