"""What is known of an API while it is studied, and trials of several candidates at once.

A lenient API ignores members that it does not know, so one call can carry many candidates, each
with its own value: the response shows which one was obeyed. A strict API refuses them and mostly
names them, so that the rest can be sent again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.analytics.read.translate import find
from gateway.contract.template import compile_template
from gateway.discovery.probe.caller import Caller, Reply
from gateway.discovery.probe.trees import Tree, can_merge, merged, paths_of

_MAX_TEXTS, _MAX_LETTERS, _MAX_DEPTH = 200, 2_000, 12
_SINGLES = 6
_ROUNDS = 6
_MOST = re.compile(
    r"(?:greater than|more than|exceed|maximum(?: value| allowed| size)?(?: is| of|:)?|at most|"
    r"up to|less than or equal to|<=|lte|not be above|max(?:imum)?[ :=]+)\D{0,12}(\d{1,9})",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Study:
    """One API under study.

    `base` are members without placeholders that the API needs, and `form` what is learnt of the
    others. `told` are members that a description demands. `rows_path` is where the rows are, and `defaults` are values of placeholders, such as the order.
    """

    caller: Caller
    path: str
    base: Tree = field(default_factory=dict)
    form: Tree = field(default_factory=dict)
    told: Tree = field(default_factory=dict)
    rows_path: tuple[str, ...] | None = None
    is_strict: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    async def ask(self, values: Mapping[str, Any], *trees: Tree) -> Reply:
        """Make one call with the base, the form learnt so far, and further trees."""
        return await self.caller.post(self.path, self.body(values, *trees))

    def body(self, values: Mapping[str, Any], *trees: Tree) -> Any:
        """Return the body of a call; the study's defaults hold for values that are not given."""
        whole = merged(self.base, self.form)
        for tree in trees:
            whole = merged(whole, tree)
        return compile_template(whole).render({**self.defaults, **values})

    def rows(self, reply: Reply) -> list[dict[str, Any]] | None:
        """Return the rows of a response; None if it has none, or is a refusal."""
        if not reply.succeeded or self.rows_path is None:
            return None
        found = find(reply.answer, self.rows_path)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            return None
        return found

    async def together(
        self, trees: Sequence[Tree], values: Mapping[str, Any]
    ) -> tuple[Reply | None, list[Tree]]:
        """Send trees in one call; leave out those that the API names in its refusal.

        Returns the response and the trees that it accepted: none if it accepts no tree.
        """
        left = list(trees)
        for _ in range(_ROUNDS):
            if not left:
                return None, []
            whole: Tree = {}
            for tree in left:
                whole = merged(whole, tree)
            reply = await self.ask(values, whole)
            if self.rows(reply) is not None:
                return reply, left
            kept = _without_named(left, texts_in(reply.answer))
            if len(kept) == len(left):
                break
            left = kept
        for tree in left[:_SINGLES] if len(left) > 1 else ():
            reply = await self.ask(values, tree)
            if self.rows(reply) is not None:
                return reply, [tree]
        return None, []

    def accepts(self, tree: Tree) -> bool:
        """Return True if a tree does not clash with what is known."""
        return can_merge(merged(self.base, self.form), tree)


def identity(row: Mapping[str, Any]) -> bytes:
    """Return a row as text, to tell whether two rows are the same."""
    return msgspec.json.encode(row, order="deterministic")


def texts_in(answer: Any) -> list[str]:
    """Return the texts of a refusal, names of members included; bounded."""
    found: list[str] = []
    for text in _texts(answer, 0):
        found.append(text[:_MAX_LETTERS])
        if len(found) >= _MAX_TEXTS:
            break
    return found


def most_allowed(texts: Sequence[str]) -> int | None:
    """Return the largest number that a refusal allows, if it says one."""
    found = [int(match[1]) for text in texts for match in _MOST.finditer(text)]
    return min(found) if found else None


def _texts(node: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, inner in node.items():
            yield name
            yield from _texts(inner, depth + 1)
    elif isinstance(node, list):
        if node and all(isinstance(step, str | int) for step in node):
            yield ".".join(map(str, node))
        for inner in node:
            yield from _texts(inner, depth + 1)


def _without_named(trees: Sequence[Tree], texts: Sequence[str]) -> list[Tree]:
    """Return the trees none of whose members a refusal names.

    A nested member counts as named with the object before it, or if no other tree has its name.
    """
    words = " \n ".join(texts)
    exact = [tree for tree in trees if not any(_is_named(path, words) for path in paths_of(tree))]
    if len(exact) < len(trees):
        return exact
    return [tree for tree in trees if not any(_says(path[-1], words) for path in paths_of(tree))]


def _is_named(path: tuple[str, ...], words: str) -> bool:
    if len(path) == 1:
        return re.search(rf"(?<![\w.]){re.escape(path[0])}(?![\w])", words) is not None
    joined = r"[.\s'\"/\]\[>-]*(?:property\s+)?['\"]?".join(map(re.escape, path))
    if re.search(rf"(?<![\w]){joined}(?!\w)", words):
        return True
    return re.search(rf"property ['\"]?{re.escape(path[0])}(?!\w)", words) is not None


def _says(name: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None
