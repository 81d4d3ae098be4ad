"""A contract file as blocks of lines, so that single entries can be replaced and comments stay.

A block is a table with its header. Comments before a header belong to the next block. A key whose
value goes over several lines is one statement: lines are added until they are TOML by themselves.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.discovery.kept.entries import NAMED, element_name, entries_of
from gateway.errors import ConfigurationProblem

_DIVIDED = frozenset({"endpoints", "filters", "statistics"})


@dataclass(frozen=True, slots=True)
class Block:
    """A table: its entry, the comments before it, its header and its body.

    The first block of a file has no header. `body` has statements of one or more lines each.
    """

    entry: str
    before: tuple[str, ...]
    header: str
    body: tuple[str, ...]

    @property
    def lines(self) -> Iterator[str]:
        """All lines."""
        yield from self.before
        if self.header:
            yield self.header
        yield from self.body


def read_blocks(text: str) -> list[Block]:
    """Divide a file into blocks.

    Raises:
        tomllib.TOMLDecodeError: the text is not TOML.
    """
    tomllib.loads(text)
    blocks: list[Block] = []
    before, header, body = (), "", list[str]()  # type: tuple[str, ...], str, list[str]
    for statement in _statements(text):
        if not statement.lstrip().startswith("["):
            body.append(statement)
            continue
        body, following = _divided(body)
        blocks.append(_named(Block("", before, header, tuple(body)), blocks))
        before, header, body = tuple(following), statement, []
    blocks.append(_named(Block("", before, header, tuple(body)), blocks))
    return blocks


def text_of_blocks(blocks: Sequence[Block]) -> str:
    """Return the text of the file."""
    return "\n".join(line for block in blocks for line in block.lines) + "\n"


def _statements(text: str) -> Iterator[str]:
    """Yield comments, blank lines and headers, and keys with all lines of their values."""
    pending = ""
    for line in text.removesuffix("\n").split("\n"):
        pending = f"{pending}\n{line}" if pending else line
        if _is_whole(pending):
            yield pending
            pending = ""
    if pending:
        yield pending


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _divided(body: list[str]) -> tuple[list[str], list[str]]:
    """Divide a body from the comments and blank lines at its end."""
    end = len(body)
    while end and (not body[end - 1].strip() or body[end - 1].lstrip().startswith("#")):
        end -= 1
    return body[:end], body[end:]


def _named(block: Block, earlier: Sequence[Block]) -> Block:
    """Return a block with the name of its entry; tables inside an element are a part of it."""
    if not block.header:
        return block
    path = _path_of(block.header)
    outer = next((known for known in NAMED if path[: len(known)] == known), None)
    if outer is not None and (path != outer or not block.header.lstrip().startswith("[[")):
        return replace(block, entry=earlier[-1].entry if earlier else "")
    if outer is not None:
        return replace(block, entry=element_name(outer, tomllib.loads("\n".join(block.body))))
    depth = 2 if path[0] in _DIVIDED or path[:2] == ("request", "body") else 1
    return replace(block, entry=".".join(path[:depth]))


def _path_of(header: str) -> tuple[str, ...]:
    path, node = [], tomllib.loads(header)  # type: list[str], Any
    while node:
        node = node[0] if isinstance(node, list) else node
        if not node:
            break
        name, node = next(iter(node.items()))
        path.append(name)
    return tuple(path)


def without_entry(blocks: Sequence[Block], entry: str) -> list[Block]:
    """Return a file without an entry; the comments before it stay."""
    kept: list[Block] = []
    waiting: tuple[str, ...] = ()
    for block in blocks:
        if block.entry == entry:
            waiting = (*waiting, *_comments(block.before))
        else:
            kept.append(replace(block, before=(*waiting, *block.before)) if waiting else block)
            waiting = ()
    if waiting:
        kept.append(Block("", waiting, "", ()))
    return kept


def _comments(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(lines) if any(line.strip() for line in lines) else ()


def with_entry(blocks: Sequence[Block], entry: str, new: Sequence[Block]) -> list[Block]:
    """Return a file with an entry's blocks replaced by others, or with these added."""
    places = [number for number, block in enumerate(blocks) if block.entry == entry]
    if not places:
        place = _place_for(blocks, entry)
        return [*blocks[:place], *_spaced(new), *blocks[place:]]
    first = replace(new[0], before=blocks[places[0]].before)
    rest = [b for n, b in enumerate(blocks) if n > places[0] and n not in places]
    return [*blocks[: places[0]], first, *_spaced(new[1:]), *rest]


def _place_for(blocks: Sequence[Block], entry: str) -> int:
    """Return where a new entry goes: behind the last one of its kind, else at the end."""
    kind = entry.split(".")[0]
    same = [number for number, block in enumerate(blocks) if block.entry.split(".")[0] == kind]
    return same[-1] + 1 if same else len(blocks)


def _spaced(blocks: Sequence[Block]) -> list[Block]:
    return [replace(block, before=("", *_comments(block.before))) for block in blocks]


def blocks_of(blocks: Sequence[Block], entry: str) -> list[Block]:
    """Return the blocks of an entry."""
    return [block for block in blocks if block.entry == entry]


def with_key(blocks: Sequence[Block], entry: str, key: str, line: str | None) -> list[Block]:
    """Return a file with the line of one key replaced, added, or left out if `line` is None."""
    made, is_done = [], False
    for block in blocks:
        if block.entry == entry and block.header and not is_done:
            block, is_done = _with_key(block, key, line), True
        made.append(block)
    return made


def _with_key(block: Block, key: str, line: str | None) -> Block:
    new = () if line is None else (line,)
    for number, statement in enumerate(block.body):
        if key in tomllib.loads(statement):
            return replace(block, body=(*block.body[:number], *new, *block.body[number + 1 :]))
    return replace(block, body=(*block.body, *new))


def checked(text: str, expected: Mapping[str, Any]) -> str:
    """Return an edited file, if its entries are the expected ones.

    Raises:
        ConfigurationProblem: the file is laid out in a way that cannot be edited.
    """
    found = entries_of(text)
    wrong = [n for n in {**found, **expected} if found.get(n) != expected.get(n)]
    if wrong:
        raise ConfigurationProblem(
            f"contract file: {', '.join(sorted(wrong))} cannot be edited here, because it has no"
            " table of its own; write it as a table, or change it by hand"
        )
    return text
