"""The contents and limits of a `$batch`, independent of its format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote

from gateway.errors import GatewayError, InvalidSyntax, LimitExceeded

MAX_BATCH_BYTES = 4 * 1_048_576
MAX_BATCH_REQUESTS = 1_000
_BLANKS = b" \t\r\n"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_CONTROL_CHARACTER = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `headers` have names in lower case; `url` is printable ASCII without spaces.

    `id` is the Content-ID, or empty. `group` names the atomicity group; `depends_on` names the
    requests and groups that must have succeeded.
    """

    id: str
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    group: str = ""
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An invalid request, or one that cannot succeed; its response is `error`."""

    id: str
    error: GatewayError
    group: str = ""
    depends_on: tuple[str, ...] = ()


Item: TypeAlias = Part | Refused


def is_id(text: str) -> bool:
    """Return True if the text can be a request's id, which must fit into a response header."""
    return _ID.fullmatch(text) is not None


def named(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return all items with an id, as a JSON response requires (JSON Format 19.5): own or number.

    >>> [item.id for item in named((Part("", "GET", "x"), Part("1", "GET", "y")))]
    ['1-1', '1']
    """
    taken = {item.id for item in items}
    found: list[Item] = []
    for number, item in enumerate(items, 1):
        name = item.id or str(number)
        while not item.id and name in taken:
            name += "-1"
        found.append(replace(item, id=name))
    return tuple(found)


def encoded_url(written: bytes) -> str:
    """Percent-encode spaces and characters beyond ASCII, as in a URL that is sent alone.

    Samples and libraries write them bare in a batch, where no URL parser of a client sees them.

    >>> encoded_url("Results?$filter=state eq 'Ü%20b'".encode())
    "Results?$filter=state%20eq%20'%C3%9C%20b'"

    Raises:
        InvalidSyntax: it is empty, or has control characters other than white space.
    """
    url = quote(written.strip(_BLANKS), safe=_PRINTABLE)
    if not url or _CONTROL_CHARACTER.search(written):
        raise InvalidSyntax(
            "url: a URL must not be empty or contain control characters", target="url"
        )
    return url


def check_number(parts: int) -> None:
    """Refuse a batch with too many requests.

    Raises:
        LimitExceeded: 400, with the limit.
    """
    if parts > MAX_BATCH_REQUESTS:
        raise LimitExceeded(
            f"the batch has more than {MAX_BATCH_REQUESTS} requests; send several batches"
        )
