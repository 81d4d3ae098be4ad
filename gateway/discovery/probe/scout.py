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
_ONE_BY_ONE = 3
_NO_MEMBER = {"zzNoSuchMember": _NEVER}


async def scout(study: Study) -> None:
    """Let an API name the members that it does not know, or whose values are of a wrong type.

    If it names one at a time, or none, no later step sends many candidates in one call.
    """
    whole, singles, reply = _everything(study), 0, None
    for _ in range(_ATTEMPTS):
        unknown, known = len(study.unknown), len(study.types)
        reply = await study.ask({}, whole)
        study.note_refusal(reply)
        unknown, known = len(study.unknown) - unknown, len(study.types) - known
        singles += unknown + known == 1
        if unknown == known == 0 or singles == _ONE_BY_ONE:
            break
        for place in (*study.unknown, *study.types):
            whole = without(whole, ".".join(place))
    is_silent = not (study.unknown or study.types or reply is None or reply.succeeded)
    if study.unknown:
        study.one_by_one = singles == _ONE_BY_ONE
    elif is_silent or singles == _ONE_BY_ONE:
        study.one_by_one = not (await study.ask({}, _NO_MEMBER)).succeeded
        study.silent = is_silent and study.one_by_one


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
