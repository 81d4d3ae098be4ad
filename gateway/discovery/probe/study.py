"""The knowledge about an API under study, and trials of several candidates at once.

A lenient API ignores members that it does not know, so one call can carry many candidates, each
with its own value: the response shows which one was obeyed. A strict API refuses them and mostly
names them, so that the rest can be sent again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from gateway.analytics.read.translate import find
from gateway.contract.shapes import without_page
from gateway.contract.template import compile_template
from gateway.discovery.claims.hint_table import HintKind
from gateway.discovery.claims.hints import read_hints
from gateway.discovery.claims.names import EACH
from gateway.discovery.probe.caller import Caller, Reply
from gateway.discovery.probe.trees import Tree, can_merge, grouped, merged, paths_of

T = TypeVar("T")
_MAX_TEXTS, _MAX_LETTERS, _MAX_DEPTH = 200, 2_000, 12
_SINGLES = 3
_OTHERS = {"array": (dict,), "object": (list, str), "string": (list, dict)}
"""The nodes of a tree that are certainly of another type."""
_ROUNDS = 14
_MOST = re.compile(
    r"(?:greater than|more than|exceed|maximum(?: value| allowed| size)?(?: is| of|:)?|at most|"
    r"up to|less than or equal to|<=|lte|not be above|max(?:imum)?[ :=]+)\D{0,12}(\d{1,9})",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Study:
    """One API under study.

    `base` are members without placeholders that the API needs, and `form` what is learnt of the
    others. `told` are members that a description demands. `rows_path` is where the rows are, and
    `defaults` are values of placeholders, such as the order. `unknown` are members that the API
    does not know, `types` those that it knows, with the type that it wants, if it says one,
    and `allowed` the words that it has listed;
    `last_call` bounds the calls of a step. `one_by_one` is True for a strict API
    whose refusals name one unknown member at most: calls with many candidates would show little;
    `silent` if they name none. `narrowed` is True if a date range has changed which rows come.
    """

    caller: Caller
    path: str
    base: Tree = field(default_factory=dict)
    form: Tree = field(default_factory=dict)
    told: Tree = field(default_factory=dict)
    rows_path: tuple[str, ...] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    last_call: int = 10_000
    unknown: set[tuple[str, ...]] = field(default_factory=set)
    types: dict[tuple[str, ...], str] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    one_by_one: bool = False
    silent: bool = False
    narrowed: bool = False

    async def ask(self, values: Mapping[str, Any], *trees: Tree) -> Reply:
        """Make one call with the base, the form learnt so far, and further trees."""
        return await self.caller.post(self.path, self.body(values, *trees))

    def body(self, values: Mapping[str, Any], *trees: Tree) -> Any:
        """Return the body of a call; the study's defaults hold for values that are not given."""
        whole = merged(self.base, self.form)
        for tree in trees:
            whole = merged(whole, tree)
        return compile_template(whole).render({**self.defaults, **values})

    def filters_body(self, values: Mapping[str, Any]) -> Any:
        """Return the body of a call for statistics: the filters alone, without page and order."""
        whole = without_page(merged(self.base, self.form))
        return compile_template(whole).render(values)

    def rows(self, reply: Reply) -> list[dict[str, Any]] | None:
        """Return the rows of a response; None if it has none, or is a refusal."""
        if not reply.succeeded or self.rows_path is None:
            return None
        found = find(reply.answer, self.rows_path)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            return None
        return found

    def allow(self, calls: int) -> None:
        """Let `together` make no call beyond this number from now on."""
        self.last_call = self.caller.calls + calls

    async def together(
        self, trees: Sequence[Tree], values: Mapping[str, Any], *, formats: bool = False
    ) -> tuple[Reply | None, list[Tree]]:
        """Send trees in one call; leave out those that the API names in its refusal.

        With `formats`, trees stay whose values have the wrong format: another one may help.
        Returns the response and the trees that it accepted; without a response, what is left.
        """
        left = [tree for tree in trees if self.accepts(tree)]
        for _ in range(_ROUNDS):
            if not left or self.caller.calls >= self.last_call:
                return None, left
            reply = await self.ask(values, *left)
            if self.rows(reply) is not None:
                return reply, left
            self.note_refusal(reply)
            self._note_silence(left, reply, formats=formats)
            kept = _next_guesses(left, reply.answer, formats=formats)
            if len(kept) in (0, len(left)):
                break
            left = kept
        if formats:
            return None, [tree for tree in left if self.accepts(tree)]
        for tree in left[:_SINGLES] if len(left) > 1 else ():
            if self.caller.calls >= self.last_call:
                break
            reply = await self.ask(values, tree)
            if self.rows(reply) is not None:
                return reply, [tree]
        return None, []

    def groups(
        self, pairs: Sequence[tuple[Tree, T]], *, first_alone: bool = True, known_first: bool = True
    ) -> list[list[tuple[Tree, T]]]:
        """Divide candidates, likeliest first, into groups to be sent in one call each."""
        usable = [pair for pair in pairs if self.accepts(pair[0])]
        if known_first:
            usable.sort(key=lambda pair: not self.knows(pair[0]))
        if self.one_by_one:
            return _by_container(usable)
        first, rest = (usable[:1], usable[1:]) if first_alone else ([], usable)
        others = grouped(rest, merged(self.base, self.form))
        return [first, *others] if first else others

    def note_refusal(self, reply: Reply) -> None:
        """Remember members that the API calls unknown, so that no later step sends them.

        A member that it complains of otherwise is known.
        """
        known = set(paths_of(merged(self.base, self.form)))
        for hint in read_hints(reply.answer):
            place = plain(hint.path)
            if not place or place in known or hint.kind is HintKind.HEADER:
                continue
            self.allowed.update(hint.values if hint.kind is HintKind.ENUM else ())
            if hint.kind is HintKind.UNKNOWN:
                self.unknown.add(place)
            elif not self.types.get(place):
                self.types[place] = hint.type

    def _note_silence(self, trees: Sequence[Tree], reply: Reply, *, formats: bool) -> None:
        """Remember a tree that was refused alone, without a reason, by a strict API."""
        is_alone = self.silent and len(trees) == 1 and not formats
        if is_alone and not read_hints(reply.answer):
            self.unknown.update(paths_of(trees[0]))

    def knows(self, tree: Tree) -> bool:
        """Return True if the API has complained of the values of all members of a tree."""
        return all(path in self.types for path in paths_of(tree))

    def _is_unknown(self, tree: Tree) -> bool:
        return any(path[: len(p)] == p for path in paths_of(tree) for p in self.unknown)

    def accepts(self, tree: Tree) -> bool:
        """Return True if a tree does not clash with what is known, and has no unknown member."""
        whole = merged(self.base, self.form)
        return not self._is_unknown(tree) and self.is_of_type(tree) and can_merge(whole, tree)

    def is_of_type(self, tree: Tree, *no_lists: type) -> bool:
        """Return False if a refusal has named another type for one of the members.

        A placeholder may become a list, unless texts are among `no_lists`.
        """
        for path, wanted in self.types.items():
            node = _node_at(tree, path)
            others = {*_OTHERS.get(wanted, ()), *(no_lists if wanted == "array" else ())}
            if node is not None and isinstance(node, tuple(others)):
                return False
        return True


def _node_at(tree: Tree, path: Sequence[str]) -> Any:
    node: Any = tree
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _by_container(pairs: Sequence[tuple[Tree, T]]) -> list[list[tuple[Tree, T]]]:
    """Return candidates one by one, but together if they are members of one object."""
    found: dict[tuple[str, ...], list[tuple[Tree, T]]] = {}
    for number, pair in enumerate(pairs):
        first = next(paths_of(pair[0]))
        key = first[:-1] if number and len(first) > 1 else (str(number),)
        found.setdefault(key, []).append(pair)
    return [group for same in found.values() for group in grouped(same, {})]


def identity(row: Mapping[str, Any]) -> bytes:
    """Return a row as text, by which rows are compared."""
    return msgspec.json.encode(row, order="deterministic")


def texts_in(answer: Any) -> list[str]:
    """Return the texts of a refusal, names of members included; bounded."""
    found: list[str] = []
    for text in _texts(answer, 0):
        found.append(text[:_MAX_LETTERS])
        if len(found) >= _MAX_TEXTS:
            break
    return found


def most_allowed(answer: Any) -> int | None:
    """Return the largest number that a refusal allows, if it says one."""
    told = [hint.number for hint in read_hints(answer) if hint.kind is HintKind.MAXIMUM]
    found = [int(number) for number in told if number is not None]
    if not found:
        found = [int(m[1]) for text in texts_in(answer) for m in _MOST.finditer(text)]
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


def _next_guesses(trees: Sequence[Tree], answer: Any, *, formats: bool) -> list[Tree]:
    """Return the trees to send after a refusal; those without nesting if it names nothing.

    A member that is an object in one tree may be a number in the API.
    """
    kept = _without_refused(trees, answer, formats=formats)
    if len(kept) < len(trees):
        return kept
    return [tree for tree in trees if all(len(path) == 1 for path in paths_of(tree))]


def _without_refused(trees: Sequence[Tree], answer: Any, *, formats: bool) -> list[Tree]:
    """Return the trees that a refusal does not name.

    All members below an unknown one are unknown too. Where the refusal lists the known members, all
    others at its place are unknown.
    """
    hints = read_hints(answer)
    unknown = {plain(hint.path) for hint in hints if hint.kind is HintKind.UNKNOWN}
    wrong = {plain(hint.path) for hint in hints if hint.kind is not HintKind.UNKNOWN}
    left = _outside_of(trees, unknown)
    if len(left) < len(trees):
        return left
    if formats and len(_outside_of(trees, wrong)) < len(trees):
        return list(trees)
    left = _outside_of(trees, wrong)
    return left if len(left) < len(trees) else _without_named(trees, texts_in(answer))


def plain(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a path; a name that a message gives twice counts once."""
    names = [step for step in path if step != EACH]
    return tuple(names[:-1] if names[-2:-1] == names[-1:] else names)


def _outside_of(trees: Sequence[Tree], places: set[tuple[str, ...]]) -> list[Tree]:
    """Return the trees with no member at or below these places.

    A name alone is the place of the member that has only this name, or else of each nested one:
    some messages leave out where a member is.
    """
    roots = {path[0] for tree in trees for path in paths_of(tree)}

    def is_inside(path: tuple[str, ...]) -> bool:
        return any(
            place
            and (
                path[: len(place)] == place
                or (len(place) == 1 and place[0] not in roots and path[-1:] == place)
            )
            for place in places
        )

    return [tree for tree in trees if not any(is_inside(path) for path in paths_of(tree))]


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
