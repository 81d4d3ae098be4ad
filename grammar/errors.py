"""The exceptions that parsing raises.

`ODataSyntaxError` is the only family that leaves this package; `BuilderError` is how a builder of
the tree says "well-formed, yet wrong" to the machine, which knows the position.
"""

from __future__ import annotations

_SHOWN = 60


class ODataSyntaxError(ValueError):
    """The text is not OData; nothing was guessed.

    Attributes:
        message: what is wrong, in words, without position.
        text: the decoded text that was parsed.
        position: 0-based offset in `text`, counted in characters; `len(text)` at the end.
        expected: what could have stood there, in the standard's words; may be empty.
        hint: the way out for a usual slip; may be empty.
        option: the query option or `path`, e.g. `$filter`; empty when the caller knows it.
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
        """The message for a person: what, where (a caret under the place), and the way out.

        A long text is cut around the place; a character that would break the line is a blank.

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
        first = max(0, self.position - _SHOWN)
        last = min(len(self.text), self.position + _SHOWN)
        before = "..." if first else ""
        after = "..." if last < len(self.text) else ""
        shown = "".join(c if c.isprintable() else " " for c in self.text[first:last])
        blanks = " " * (len(before) + self.position - first)
        return [f"  {before}{shown}{after}", f"  {blanks}^"]


class UnknownOptionError(ODataSyntaxError):
    """A name that begins with `$` but is no system query option; custom ones never do (5.2)."""


class BuilderError(Exception):
    """Raised by a builder; the machine turns it into an `ODataSyntaxError` with a position.

    `at` is the place in the grammar rule's right side (0 = its first symbol) that is to blame; for
    a terminal, the character in it.
    """

    def __init__(self, message: str, *, hint: str = "", at: int = 0, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at
        self.position = position
