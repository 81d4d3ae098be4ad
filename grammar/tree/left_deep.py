"""Left-nested chains of any length: hashing, comparison and repr without recursion."""

from __future__ import annotations


class Chain:
    """A base for frozen dataclasses whose field `left` may nest the same class thousands deep.

    The methods that a dataclass generates recurse into `left` and overflow Python's stack at a few
    hundred levels. These loop, and are otherwise equivalent.
    """

    __slots__ = ()

    left: object
    right: object

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _links(self) == _links(other)

    def __hash__(self) -> int:
        return hash(_links(self))

    def __repr__(self) -> str:
        innermost, links = _links(self)
        name = type(self).__name__
        opened = (f"{name}({f'operator={o!r}, ' if o else ''}left=" for o, _ in reversed(links))
        closed = (f", right={right!r})" for _, right in links)
        return "".join((*opened, repr(innermost), *closed))


def _links(chain: Chain) -> tuple[object, tuple[tuple[str, object], ...]]:
    """Return the leftmost operand, then (operator, right side) of each level, innermost first."""
    links = []
    node: object = chain
    while isinstance(node, Chain) and type(node) is type(chain):
        links.append((str(getattr(node, "operator", "")), node.right))
        node = node.left
    return node, tuple(reversed(links))
