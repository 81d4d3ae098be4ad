"""The one exception that parsing raises."""

from __future__ import annotations


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
