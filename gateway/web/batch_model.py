"""A `$batch` apart from its format: the requests it holds, and how large it may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote

from gateway.errors import GatewayError, InvalidSyntax, LimitExceeded

MAX_BATCH_BYTES = 4 * 1_048_576
MAX_PARTS = 1_000
_BLANKS = b" \t\r\n"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `headers` have names in lower case; `url` is printable ASCII without blanks.

    `id` is the Content-ID, empty for none. `group` names the atomicity group, and `depends_on` the
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
    """What is no request, or none that can succeed: answered with `error` and not looked at."""

    id: str
    error: GatewayError
    group: str = ""
    depends_on: tuple[str, ...] = ()


Item: TypeAlias = Part | Refused


def is_id(text: str) -> bool:
    """Whether a request may be called so: it must fit into a header of the answer."""
    return _ID.fullmatch(text) is not None


def named(items: Sequence[Item]) -> tuple[Item, ...]:
    """All with an id, which a JSON answer must have (JSON Format 19.5): its number if it has none.

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
    """A URL as it could be sent alone: blanks and letters beyond ASCII percent-encoded.

    Samples and libraries write them bare in a batch, where no client's URL parser sees them.

    >>> encoded_url("Results?$filter=state eq 'Ü%20b'".encode())
    "Results?$filter=state%20eq%20'%C3%9C%20b'"

    Raises:
        InvalidSyntax: it has control characters that are no blanks, or nothing else.
    """
    url = quote(written.strip(_BLANKS), safe=_PRINTABLE)
    if not url or _CONTROL.search(written):
        raise InvalidSyntax("url: control characters cannot stand in a URL", target="url")
    return url


def check_number(parts: int) -> None:
    """Refuse too many at once.

    Raises:
        LimitExceeded: 400, with the limit.
    """
    if parts > MAX_PARTS:
        raise LimitExceeded(f"the batch has more than {MAX_PARTS} requests; send several batches")
