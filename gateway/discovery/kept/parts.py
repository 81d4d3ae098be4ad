"""A request's body in parts, by what each member says: the page, the order, or one filter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.contract.template import compile_template
from gateway.discovery.probe.trees import Tree

CONSTANTS = ""
"""The part of members without placeholders."""
PAGE = ("limit", "skip", "page", "cursor")
ORDER = "order"
_SLOT = re.compile(r"\$\{\s*([\w.]+)[^{}]*(?:\{\}[^{}]*)*\}")


def parts_of(body: Mapping[str, Any]) -> dict[str, Tree]:
    """Return the members of a body by the name of the value that they send.

    >>> parts_of({"page": {"size": "${limit}", "by": "${order.field}"}})
    {'limit': {'page': {'size': '${limit}'}}, 'order': {'page': {'by': '${order.field}'}}}
    """
    found: dict[str, Tree] = {}
    for path, node in _leaves(body, ()):
        _put(found.setdefault(_name_of(node), {}), path, node)
    return found


def _leaves(
    body: Mapping[str, Any], before: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, node in body.items():
        is_plain = isinstance(node, dict) and node and not any("${" in inner for inner in node)
        if is_plain:
            yield from _leaves(node, (*before, name))
        else:
            yield (*before, name), node


def _name_of(node: Any) -> str:
    names = sorted(compile_template(node).names)
    return names[0].partition(".")[0] if names else CONSTANTS


def _put(tree: Tree, path: tuple[str, ...], node: Any) -> None:
    *steps, last = path
    for step in steps:
        tree = tree.setdefault(step, {})
    tree[last] = node


def plain(node: Any) -> Any:
    """Return a tree whose placeholders have no default.

    >>> plain({"states": "${states or []}"})
    {'states': '${states}'}
    """
    match node:
        case str():
            return _SLOT.sub(r"${\1}", node)
        case Mapping():
            return {plain(name): plain(value) for name, value in node.items()}
        case list():
            return [plain(each) for each in node]
        case _:
            return node


def dotted(tree: Mapping[str, Any]) -> str:
    """Return the paths of a tree's members, for people.

    >>> dotted({"options": {"skip": "${skip}"}})
    'options.skip'
    """
    return ", ".join(".".join(path) for path, _ in _leaves(tree, ()))
