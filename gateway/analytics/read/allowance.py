"""The remaining calls that a response states: `RateLimit`, `X-RateLimit-*` and similar headers.

APIs follow no common standard. The reset is a number of seconds, or an instant since 1970 in
seconds or milliseconds, which are distinguished by size. Values that cannot be parsed are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

_PREFIXES = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")
_FIELD = re.compile(r"\b(r|remaining|t|reset)=(\d{1,18})")
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?")
_SECONDS_SINCE_1970 = 10**8
_MILLISECONDS_SINCE_1970 = 10**11


def seconds_until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until calls are allowed again; None without a header that says so."""
    found = _number(headers, "reset")
    if found is None:
        return None
    if found >= _MILLISECONDS_SINCE_1970:
        found = found / 1000 - now.timestamp()
    elif found >= _SECONDS_SINCE_1970:
        found -= now.timestamp()
    return max(0.0, found)


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Return True if no call is left before the reset."""
    return _number(headers, "remaining") == 0


def _number(headers: Mapping[str, str], name: str) -> float | None:
    for prefix in _PREFIXES:
        text = headers.get(prefix + name, "").strip()
        if _NUMBER.fullmatch(text):
            return float(text)
    fields = dict(_FIELD.findall(headers.get("ratelimit", "").replace(" ", "")))
    text = fields.get(name) or fields.get("r" if name == "remaining" else "t", "")
    return float(text) if text else None
