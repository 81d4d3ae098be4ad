"""Trees of a request's body: dicts with placeholders, put together from candidates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
_SLOT = re.compile(r"\$\{([\w.]+)(?: or .*)?\}")
Path: TypeAlias = tuple[str, ...]
Tree: TypeAlias = dict[str, Any]


class ClashError(Exception):
    """Two trees need the same member for different things."""


def at(dotted: str, node: Any) -> Tree:
    """Return a tree with one member.

    >>> at("options.limit", "${limit}")
    {'options': {'limit': '${limit}'}}
    """
    for name in reversed(dotted.split(".")):
        node = {name: node}
    return dict(node)


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> Tree:
    """Return both trees in one.

    Raises:
        ClashError: they disagree on a member.
    """
    made = dict(first)
    for name, node in second.items():
        if name not in made:
            made[name] = node
        elif isinstance(made[name], dict) and isinstance(node, dict):
            made[name] = merged(made[name], node)
        elif _is_same_slot(made[name], node):
            made[name] = max(made[name], node, key=len)  # the one with a default
        elif made[name] != node:
            raise ClashError(name)
    return made


def _is_same_slot(first: Any, second: Any) -> bool:
    """Return True for two placeholders of one name, with a default or without."""
    found = [_SLOT.fullmatch(node) for node in (first, second) if isinstance(node, str)]
    return len(found) == 2 and None not in found and len({m[1] for m in found if m}) == 1


def slots_in(tree: Mapping[str, Any], name: str, before: str = "") -> Iterator[str]:
    """Yield the dotted paths of the placeholders of a name."""
    for member, node in tree.items():
        path = f"{before}{member}"
        if isinstance(node, dict):
            yield from slots_in(node, name, f"{path}.")
        elif isinstance(node, str) and (match := _SLOT.fullmatch(node)) and match[1] == name:
            yield path


def can_merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Return True if the trees do not clash."""
    for name, node in second.items():
        if name not in first:
            continue
        known = first[name]
        if isinstance(known, dict) and isinstance(node, dict):
            if not can_merge(known, node):
                return False
        elif known != node and not _is_same_slot(known, node):
            return False
    return True


def without(tree: Mapping[str, Any], dotted: str) -> Tree:
    """Return a tree without a member, and without the objects that only held it."""
    name, _, rest = dotted.partition(".")
    made = dict(tree)
    if not rest:
        made.pop(name, None)
    elif isinstance(made.get(name), dict):
        inner = without(made[name], rest)
        if inner:
            made[name] = inner
        else:
            del made[name]
    return made


def paths_of(tree: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    """Yield the path of each member that is no object."""
    for name, node in tree.items():
        if isinstance(node, dict) and node and not any("${" in inner for inner in node):
            yield from paths_of(node, (*before, name))
        else:
            yield (*before, name)


def grouped(pairs: Iterable[tuple[Tree, T]], base: Mapping[str, Any]) -> list[list[tuple[Tree, T]]]:
    """Divide trees, each with something of its own, into groups that can be sent together."""
    groups: list[tuple[Tree, list[tuple[Tree, T]]]] = []
    for tree, own in pairs:
        for whole, members in groups:
            if _absorb(whole, tree):
                members.append((tree, own))
                break
        else:
            if can_merge(base, tree):
                groups.append((merged(base, tree), [(tree, own)]))
    return [members for _, members in groups]


def _absorb(whole: Tree, tree: Mapping[str, Any]) -> bool:
    """Add a tree to another in place; return False, with nothing changed, if they clash."""
    if not can_merge(whole, tree):
        return False
    for name, node in tree.items():
        if isinstance(node, dict) and isinstance(whole.get(name), dict):
            whole[name] = dict(whole[name])
            _absorb(whole[name], node)
        elif name not in whole:
            whole[name] = node
    return True
