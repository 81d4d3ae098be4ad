"""What a JSON Web Token says before anyone has verified it, which proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jwt

LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Claims:
    """Header and payload of a token."""

    header: dict[str, Any]
    payload: dict[str, Any]


def read_claims(token: str, *, timely: bool = False) -> Claims:
    """Header and payload; `timely` looks at `exp` and `nbf`, give or take a minute.

    Raises:
        jwt.InvalidTokenError: it is no JSON Web Token, or out of its time.
    """
    options: Any = {"verify_signature": False, "verify_exp": timely, "verify_nbf": timely}
    try:
        seen = jwt.decode_complete(token, options=options, leeway=LEEWAY_SECONDS)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:  # infinite, too deep
        raise jwt.DecodeError("malformed") from error
    return Claims(seen["header"], seen["payload"])
