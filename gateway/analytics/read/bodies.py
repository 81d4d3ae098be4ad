r"""JSON bodies that a decoder refuses: mended where that is safe, or cut off, or wrong.

JSON's grammar allows half of a surrogate pair in a text (RFC 8259 8.2), and JavaScript writes one
when it cuts an emoji in two. No text in Unicode holds it, so it becomes U+FFFD, the replacement
character. All else that a decoder refuses is either cut off, which may pass, or whole and wrong,
which does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

UNDECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises, and what it lets through."""
REPLACEMENT = "\ufffd"
_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(
    rb"\\(?:u(?:[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>[dD][89a-fA-F][0-9a-fA-F]{2}))|.)",
    re.DOTALL,
)
"""Any escape, so that the second backslash of two begins none; a whole pair is one."""
_TRUNCATED = "Input data was truncated"
_BYTE = re.compile(r"(?:JSON is malformed: )?(.*) \(byte (\d+)\)")
_DEEP = 500


def mended(body: bytes) -> bytes:
    r"""Return the body as a decoder takes it, of the same length; itself if nothing is to mend.

    >>> mended(b'"\\ud83d\\ude00 \\ud83d \\\\ud83d"')
    b'"\\ud83d\\ude00 \\ufffd \\\\ud83d"'
    """
    return _with_halves(_without_mark(body), lambda half: rb"\ufffd")


def exposed(body: bytes) -> bytes:
    r"""Return the body with each half of a pair as the text that stands for it in JSON.

    Texts that `mended` makes equal stay different in it.

    >>> exposed(b'"\\ud83d"')
    b'"\\\\ud83d"'
    """
    return _with_halves(_without_mark(body), lambda half: rb"\\u" + half.lower())


def decode_any(body: bytes) -> Any:
    """Decode a body of any shape.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is no JSON in UTF-8.
    """
    return msgspec.json.decode(mended(body))


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a body is no JSON, and at which byte; `is_cut_off` if it may be the beginning of one."""

    reason: str
    byte: int
    is_cut_off: bool = False


def flaw_of(body: bytes) -> Flaw | None:
    """Return what is wrong with a body as JSON in UTF-8; None if nothing is."""
    body, found = mended(body), None
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
    told = _BYTE.fullmatch(words)
    if told is None:
        return Flaw(words, 0)
    reason, byte = told[1], int(told[2])
    return Flaw(reason, byte - 1 if reason == "trailing characters" else byte)


def _without_mark(body: bytes) -> bytes:
    """A byte order mark may be ignored (RFC 8259 8.1); blanks keep the places of all bytes."""
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
    """Return where the nesting becomes deeper than any sensible response is."""
    depth = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', body, re.DOTALL):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(found[0], 0)
        if depth > _DEEP:
            return found.start()
    return len(body)
