"""The exceptions that parsing raises.

Only `ODataSyntaxError` and its subclass leave this package. A function that builds a node raises
`BuilderError` for text that is well-formed but wrong; the LALR runtime adds the position.
"""

from __future__ import annotations

_CONTEXT_CHARACTERS = 60
"""The most characters to show on each side of an error."""


class ODataSyntaxError(ValueError):
    """Text that is not OData.

    Attributes:
        message: what is wrong, without the position.
        text: the decoded text.
        position: 0-based offset in `text`, counted in characters; `len(text)` at the end.
        expected: what would be valid there, in the standard's words; may be empty.
        hint: how to fix a common mistake; may be empty.
        option: the query option or `path`, e.g. `$filter`; may be empty.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        position: int = 0,
        expected: tuple[str, ...] = (),
        hint: str = "",
        option: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position
        self.expected = expected
        self.hint = hint
        self.option = option

    def render(self) -> str:
        """Return the message for a person: the error, its position with a caret, and a hint.

        A long text is cut around the position. A control character becomes a space.

        >>> print(ODataSyntaxError("unexpected '='", text="a == 1", position=2).render())
        unexpected '=' at position 3
          a == 1
            ^
        """
        lines = [self.message]
        if self.option:
            lines[0] = f"{self.option}: {self.message}"
        if self.text:
            lines[0] += f" at position {self.position + 1}"
            lines += self._caret()
        if self.expected:
            lines.append(f"expected: {', '.join(self.expected)}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)

    def _caret(self) -> list[str]:
        first = max(0, self.position - _CONTEXT_CHARACTERS)
        last = min(len(self.text), self.position + _CONTEXT_CHARACTERS)
        before = "..." if first else ""
        after = "..." if last < len(self.text) else ""
        shown = "".join(c if c.isprintable() else " " for c in self.text[first:last])
        blanks = " " * (len(before) + self.position - first)
        return [f"  {before}{shown}{after}", f"  {blanks}^"]


class UnknownOptionError(ODataSyntaxError):
    """A name that starts with `$` but is not a system query option (Part 2, 5.2)."""


class BuilderError(Exception):
    """An error in building a node; the parser turns it into an `ODataSyntaxError`.

    `at` is the number of the wrong symbol on the rule's right side, from 0; for a terminal, the
    number of the wrong character.
    """

    def __init__(self, message: str, *, hint: str = "", at: int = 0, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at
        self.position = position
