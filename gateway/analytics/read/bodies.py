r"""JSON bodies that a decoder refuses: repaired where that is safe, or cut off, or invalid.

JSON's grammar allows half of a surrogate pair in a text (RFC 8259 8.2), and JavaScript writes one
when it cuts an emoji in two. No text in Unicode holds it, so it becomes U+FFFD, the replacement
character. Any other body that a decoder refuses is either cut off, which is a temporary error, or
complete and invalid, which is permanent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

UNDECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The exceptions of msgspec, and those that pass through it."""
REPLACEMENT = "\ufffd"
_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(
    rb"\\(?:u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2}))|.)",
    re.DOTALL,
)
"""Any escape, so that the second of two backslashes starts none; a whole pair is one."""
_TRUNCATED = "Input data was truncated"
_BYTE = re.compile(r"(?:JSON is malformed: )?(.*) \(byte (\d+)\)")
_MAX_DEPTH = 500


def repaired(body: bytes) -> bytes:
    r"""Return the body as a decoder accepts it, of the same length; itself if it needs no repair.

    >>> repaired(b'"\\ud83d\\ude00 \\ud83d \\\\ud83d"')
    b'"\\ud83d\\ude00 \\ufffd \\\\ud83d"'
    """
    return _with_halves(_without_mark(body), lambda half: rb"\ufffd")


def exposed(body: bytes) -> bytes:
    r"""Return the body with each half of a pair as the text of its JSON escape.

    Texts that `repaired` makes equal stay different.

    >>> exposed(b'"\\ud83d"')
    b'"\\\\ud83d"'
    """
    return _with_halves(_without_mark(body), lambda half: rb"\\u" + half.lower())


def decode_any(body: bytes) -> Any:
    """Decode a body of any shape.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is not JSON in UTF-8.
    """
    return msgspec.json.decode(repaired(body))


@dataclass(frozen=True, slots=True)
class Flaw:
    """The reason why a body is not JSON, and the byte; `is_cut_off` if it may start JSON."""

    reason: str
    byte: int
    is_cut_off: bool = False


def flaw_of(body: bytes) -> Flaw | None:
    """Return why a body is not JSON in UTF-8; None if it is."""
    body, found = repaired(body), None
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        return Flaw("it is nested too deeply", _deepest(body))
    except msgspec.DecodeError as error:
        found = _flaw(str(error), body)
        if found.is_cut_off:
            return found
    try:
        body.decode()
    except UnicodeDecodeError as error:
        if found is None or error.start < found.byte:
            return Flaw("it is not UTF-8", error.start)
    return found


def _flaw(words: str, body: bytes) -> Flaw:
    if words == _TRUNCATED:
        is_begun = body.lstrip()[:1] in (b"{", b"[")
        return Flaw("it ends too early", len(body), is_cut_off=is_begun)
    match = _BYTE.fullmatch(words)
    if match is None:
        return Flaw(words, 0)
    reason, byte = match[1], int(match[2])
    return Flaw(reason, byte - 1 if reason == "trailing characters" else byte)


def _without_mark(body: bytes) -> bytes:
    """Replace a byte order mark (RFC 8259 8.1) by blanks, so that no byte moves."""
    return b"   " + body[3:] if body.startswith(_BOM) else body


def _with_halves(body: bytes, written: Callable[[bytes], bytes]) -> bytes:
    """Return the body with each half of a pair, four hexadecimal digits, written in another way."""
    if rb"\ud" not in body and rb"\uD" not in body:
        return body

    def replaced(escape: re.Match[bytes]) -> bytes:
        half: bytes | None = escape["half"]
        return escape[0] if half is None else written(half)

    return _ESCAPE.sub(replaced, body)


def _deepest(body: bytes) -> int:
    """Return the byte at which the nesting becomes too deep."""
    depth = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', body, re.DOTALL):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > _MAX_DEPTH:
            return found.start()
    return len(body)
