"""A `$batch` apart from its format: the requests it holds, and how large it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from gateway.errors import GatewayError, LimitExceeded

MAX_BATCH_BYTES = 4 * 1_048_576
MAX_PARTS = 1_000
_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Part:
    """One request. `headers` have names in lower case; `url` is as written, in ASCII.

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


def check_number(parts: int) -> None:
    """Refuse too many at once.

    Raises:
        LimitExceeded: 400, with the limit.
    """
    if parts > MAX_PARTS:
        raise LimitExceeded(f"the batch has more than {MAX_PARTS} requests; send several batches")
