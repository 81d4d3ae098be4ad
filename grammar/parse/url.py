"""Raw URL bytes to decoded pieces, in the standard's order: split, then decode once (Part 2, 2)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, unquote_to_bytes

from grammar.errors import ODataSyntaxError

_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Characters that RFC 3986 allows unencoded in a query and that separate nothing.
_UNENCODED_IN_NAME = "$@!'()*,;:/?~-._"
_UNENCODED_IN_VALUE = _UNENCODED_IN_NAME + "="


def split_query(raw_query: bytes) -> tuple[tuple[str, str], ...]:
    """Split the undecoded query after `?` into decoded (name, value) pairs, in order.

    A `+` becomes a space: the standard gives it no meaning, and many clients encode spaces that
    way. An option without `=` has an empty value; empty pieces between two `&` are skipped.

    >>> split_query(b"$filter=a%20eq%20'x%26y'&$top=5")
    (('$filter', "a eq 'x&y'"), ('$top', '5'))

    Raises:
        ODataSyntaxError: for `%zz`, for bytes that are not UTF-8, for an unencoded `#`.
    """
    pieces = [piece.partition(b"=") for piece in raw_query.split(b"&") if piece]
    return tuple(
        (
            _decode(name.replace(b"+", b" "), name.decode("latin-1")),
            _decode(value.replace(b"+", b" "), unquote(name, errors="replace")),
        )
        for name, _, value in pieces
    )


def split_path(raw_path: bytes) -> tuple[str, ...]:
    """Split the undecoded path below the service root into segments, each decoded once.

    A plus stays a plus. A leading slash is ignored; a trailing one leaves an empty segment, which
    `parse_resource_path` accepts.

    >>> split_path(b"Results('a%2Fb')/state")
    ("Results('a/b')", 'state')
    """
    path = raw_path.removeprefix(b"/")
    return tuple(_decode(segment, "path") for segment in path.split(b"/")) if path else ()


def encode_query(pairs: tuple[tuple[str, str], ...]) -> str:
    """Encode decoded pairs as a query that every client and proxy understands.

    >>> encode_query((("$filter", "a eq 'x&y'"),))
    "$filter=a%20eq%20'x%26y'"
    """
    return "&".join(
        f"{quote(name, safe=_UNENCODED_IN_NAME)}={quote(value, safe=_UNENCODED_IN_VALUE)}"
        for name, value in pairs
    )


def _decode(raw: bytes, option: str) -> str:
    """Decode a piece of the URL; `option` is the place for messages."""
    position = raw.find(b"#")
    if position >= 0:
        raise _error("'#' starts a fragment", raw, position, option, hint="write it as %23")
    bad = _BAD_PERCENT.search(raw)
    if bad:
        hint = "write a percent sign as %25"
        raise _error("'%' without two hexadecimal digits", raw, bad.start(), option, hint=hint)
    data = unquote_to_bytes(raw)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        hint = "encode text as UTF-8, for example \u00e9 as %C3%A9"
        message = "not UTF-8 after percent-decoding"
        raise _error(message, data, error.start, option, hint=hint) from None


def _error(message: str, raw: bytes, position: int, option: str, *, hint: str) -> ODataSyntaxError:
    text = raw.decode("latin-1")
    return ODataSyntaxError(message, text=text, position=position, option=option, hint=hint)
