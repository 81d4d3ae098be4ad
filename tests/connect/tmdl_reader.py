"""A small reader of TMDL: objects, their properties and expressions, by indentation.

Written from Microsoft's description of the language, apart from what writes the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

OBJECTS = {
    *("database", "model", "table", "column", "measure", "partition", "hierarchy", "level"),
    *("relationship", "expression", "cultureInfo", "refreshPolicy", "annotation"),
    *("linguisticMetadata", "dataAccessOptions", "ref"),
}
_NAME = r"(?:'(?:[^']|'')+'|[\w.-]+)"
_OBJECT = re.compile(rf"(\w+)(?: ({_NAME}(?: {_NAME})?))?(?: =(?: (.*))?)?")
_PROPERTY = re.compile(r"(\w+): (.*)")
_EXPRESSION = re.compile(r"(\w+) =(?: (.*))?")


@dataclass(slots=True)
class Node:
    """An object: kind, name without quotes, what stands after `=`, properties, what is in it."""

    kind: str
    name: str
    value: str = ""
    description: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def of(self, kind: str) -> list[Node]:
        return [child for child in self.children if child.kind == kind]

    def get(self, kind: str, name: str) -> Node:
        (found,) = [child for child in self.of(kind) if child.name == name]
        return found


def unquoted(name: str) -> str:
    """A name as it is meant; a name that needs quotes and has none is a failure."""
    if name.startswith("'"):
        return name[1:-1].replace("''", "'")
    assert re.fullmatch(r"[\w.-]+", name), f"{name!r} needs quotes"
    return name


def split_reference(text: str) -> tuple[str, str]:
    """`Table.'A column'` as a pair."""
    found = re.fullmatch(r"('(?:[^']|'')+'|\w+)\.('(?:[^']|'')+'|\w+)", text)
    assert found, text
    return unquoted(found[1]), unquoted(found[2])


def read_tmdl(text: str) -> list[Node]:
    """The objects of a file.

    Tabs alone indent, no line ends in a blank, and the file ends in one line break.
    """
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    lines = [line for line in _lines(text) if line[1]]
    found, rest = _objects(lines, 0)
    assert not rest, rest[0]
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for line in text.split("\n"):
        assert line == line.rstrip(), f"{line!r} ends in a blank"
        bare = line.lstrip("\t")
        yield len(line) - len(bare), bare


Lines = list[tuple[int, str]]


def _objects(lines: Lines, level: int) -> tuple[list[Node], Lines]:
    """The objects that begin at a level, and the lines from the first that is less deep on."""
    found: list[Node] = []
    description: list[str] = []
    while lines and lines[0][0] == level:
        text = lines[0][1]
        if text.startswith("///"):
            description.append(text.removeprefix("///").strip())
            lines = lines[1:]
            continue
        node, lines = _object(lines, level)
        node.description = " ".join(description)
        description = []
        found.append(node)
    assert not description, "a description without an object"
    return found, lines


def _object(lines: Lines, level: int) -> tuple[Node, Lines]:
    match = _OBJECT.fullmatch(lines[0][1])
    assert match is not None, lines[0]
    assert match[1] in OBJECTS, lines[0]
    node = Node(match[1], unquoted(match[2]) if match[2] and match[1] != "ref" else match[2] or "")
    node.value, lines = _value(match[3], lines, level)
    while lines and lines[0][0] == level + 1:
        bare = lines[0][1]
        word = re.match(r"\w+", bare)
        if bare.startswith("///") or (word and word[0] in OBJECTS and ": " not in bare):
            more, lines = _objects_of_one(lines, level + 1)
            node.children += more
        elif pair := _PROPERTY.fullmatch(bare):
            assert pair[1] not in node.properties, f"{pair[1]} stands twice"
            node.properties[pair[1]] = pair[2]
            lines = lines[1:]
        elif given := _EXPRESSION.fullmatch(bare):
            node.properties[given[1]], lines = _value(given[2], lines, level + 1)
        else:
            assert re.fullmatch(r"\w+", bare), bare
            node.properties[bare] = "true"
            lines = lines[1:]
    return node, lines


def _objects_of_one(lines: Lines, level: int) -> tuple[list[Node], Lines]:
    """One object with the description above it."""
    description: list[str] = []
    while lines[0][1].startswith("///"):
        description.append(lines[0][1].removeprefix("///").strip())
        lines = lines[1:]
    assert lines[0][0] == level
    node, lines = _object(lines, level)
    node.description = " ".join(description)
    return [node], lines


def _value(rest: str | None, lines: Lines, level: int) -> tuple[str, Lines]:
    """What stands after `=`: on the line, or two levels deeper on the lines below."""
    head, lines = lines[0][1], lines[1:]
    if rest:
        return rest, lines
    if not head.endswith("="):
        return "", lines
    taken: list[str] = []
    while lines and lines[0][0] >= level + 2:
        depth, text = lines[0]
        taken.append("\t" * (depth - level - 2) + text)
        lines = lines[1:]
    assert taken, f"{head!r} is followed by nothing"
    return "\n".join(taken), lines
