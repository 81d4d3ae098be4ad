"""One call that shows which of the usual members a strict API does not know.

The request has every usual member, each with a value that no API accepts. A refusal that names the
unknown ones spares later steps from trying them one by one.
"""

from __future__ import annotations

from gateway.discovery.probe.study import Study
from gateway.discovery.probe.trees import Tree, can_merge, merged, paths_of, without
from gateway.discovery.probe.usual import (
    CURSORS,
    LIMITS,
    PAGES,
    SKIPS,
    WITHIN,
    list_trees,
    order_forms,
    range_trees,
)

_NEVER = True
"""A value that hardly any member with such a name accepts."""
_ATTEMPTS = 5


async def scout(study: Study) -> None:
    """Let a strict API name the members that it does not know."""
    whole = _everything(study)
    for _ in range(_ATTEMPTS):
        known = len(study.unknown)
        reply = await study.ask({}, whole)
        study.note_unknown(reply)
        if len(study.unknown) == known:
            return
        for place in study.unknown:
            whole = without(whole, ".".join(place))


def _everything(study: Study) -> Tree:
    """Return a tree of all usual members that do not clash with what is known."""
    names = [*LIMITS, *SKIPS, *PAGES, *CURSORS]
    for form in order_forms():
        names += [".".join(path) for path in paths_of(form.tree)]
    for within in ("", *WITHIN):
        for kind in ("updated_at", "expiry_date"):
            names += [".".join(p) for tree, _ in range_trees(kind, within) for p in paths_of(tree)]
        for kind in ("groups", "users", "contents", "states", "enrollment_types"):
            names += [".".join(p) for tree, _ in list_trees(kind, within) for p in paths_of(tree)]
    whole: Tree = {}
    for name in sorted(dict.fromkeys(names), key=lambda each: -each.count(".")):
        tree = _leaf(name)
        if can_merge(whole, tree) and study.accepts(tree):
            whole = merged(whole, tree)
    return whole


def _leaf(name: str) -> Tree:
    node: object = _NEVER
    for step in reversed(name.split(".")):
        node = {step: node}
    assert isinstance(node, dict)  # noqa: S101 - a name has a step
    return node
