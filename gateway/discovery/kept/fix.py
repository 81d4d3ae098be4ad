"""The differing entries of a contract file, written in place."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.discovery.findings import Edit, Finding, State
from gateway.discovery.kept.blocks import (
    Block,
    blocks_of,
    checked,
    read_blocks,
    text_of_blocks,
    with_entry,
    with_key,
    without_entry,
)
from gateway.discovery.kept.entries import (
    NAMED,
    changes_by_hand,
    digests_of,
    entries_of,
    with_digests,
    written_digests,
)
from gateway.discovery.write import toml


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file, the entries written to it, and those left because they are the owner's."""

    text: str
    written: tuple[str, ...]
    left: tuple[str, ...]


def fix(text: str, findings: Iterable[Finding], named: Collection[str], shipped: str) -> Fixed:
    """Write what differs; the owner's entries only if they are named.

    The edits of a finding are made all or none.

    Raises:
        ConfigurationProblem: an entry is laid out in a way that cannot be edited.
    """
    owned = changes_by_hand(text, shipped).keys() - set(named)
    differing = [f for f in findings if f.state is State.DIFFERS and f.edits]
    free = [f for f in differing if not owned & {edit.entry for edit in f.edits}]
    edits = list({(e.entry, e.key): e for f in free for e in f.edits}.values())
    left = {e.entry for f in differing for e in f.edits if e.entry in owned}
    made = text
    for edit in edits:
        made = _apply(made, edit)
    written = tuple(dict.fromkeys(edit.entry for edit in edits))
    return Fixed(_stamped(made, text, shipped, owned), written, tuple(sorted(left)))


def _apply(text: str, edit: Edit) -> str:
    blocks, expected = read_blocks(text), entries_of(text)
    if edit.key:
        content = dict(expected[edit.entry])
        content.pop(edit.key, None)
        if edit.value is not None:
            content[edit.key] = edit.value
        expected[edit.entry] = content
        made = with_key(blocks, edit.entry, edit.key, _line(blocks, edit))
    elif edit.value is None:
        expected.pop(edit.entry, None)
        made = without_entry(blocks, edit.entry)
    else:
        expected[edit.entry] = edit.value
        made = with_entry(blocks, edit.entry, [_block(edit.entry, edit.value)])
    return checked(text_of_blocks(made), _comparable(expected))


def _comparable(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return contents as TOML reads them, with lists in place of tuples."""
    return {name: _as_read(content) for name, content in entries.items()}


def _as_read(node: Any) -> Any:
    match node:
        case Mapping():
            return {name: _as_read(value) for name, value in node.items()}
        case list() | tuple():
            return [_as_read(each) for each in node]
        case _:
            return node


def _line(blocks: Sequence[Block], edit: Edit) -> str | None:
    """Return the new line of a key, with the comment of the old one."""
    if edit.value is None:
        return None
    old = next(
        (s for b in blocks_of(blocks, edit.entry) for s in b.body if edit.key in tomllib.loads(s)),
        "",
    )
    line = f"{edit.key} = {toml(edit.value)}"
    comment = _comment_of(old)
    return f"{line}  {comment}" if comment else line


def _comment_of(statement: str) -> str:
    """Return the comment at the end of a line.

    >>> _comment_of('largest = 1000  # rows'), _comment_of('a = "#"')
    ('# rows', '')
    """
    place = statement.find("#")
    while place >= 0:
        try:
            tomllib.loads(statement[:place])
        except tomllib.TOMLDecodeError:
            place = statement.find("#", place + 1)
            continue
        return statement[place:] if "\n" not in statement else ""
    return ""


def _block(entry: str, content: Mapping[str, Any]) -> Block:
    kind = entry.split(".")[0]
    path = next((path for path, name in NAMED.items() if name == kind and "." in entry), None)
    header = f"[{entry}]" if path is None else f"[[{'.'.join(path)}]]"
    body = tuple(f"{toml_key(name)} = {toml(value)}" for name, value in content.items())
    return Block(entry, ("",), header, body)


def toml_key(name: str) -> str:
    """Return a key, quoted if it has to be.

    >>> toml_key("page"), toml_key("a b")
    ('page', '"a b"')
    """
    is_bare = name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name)
    return name if is_bare else toml(name)


def _stamped(made: str, before: str, shipped: str, owned: Collection[str]) -> str:
    """Return the file with digests by which the owner's entries remain the owner's."""
    stated = written_digests(before) or digests_of(shipped)
    digests = {n: stated.get(n, "") if n in owned else d for n, d in digests_of(made).items()}
    return with_digests(made, {name: digest for name, digest in digests.items() if digest})
