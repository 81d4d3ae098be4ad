"""Detection of values that are never kept: secrets, and values that may belong to a person."""

from __future__ import annotations

import math
import re
from collections import Counter

_SECRET_NAME = re.compile(
    r"auth(?:orization|entication)?|cookies?|tokens?|secrets?|passwords?|passwd|pwd|passphrases?"
    r"|api\W?keys?|apikey|keys?|credentials?|sessions?|sid|jwt|csrf|xsrf|signature|sig|otp|pin|code"
    r"|assertion|bearer|license|nonce"
)
_RUN_TOGETHER = re.compile(r"token|secret|password|passwd|apikey|cookie|authori|session|csrf|jwt")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PERSON_WORDS = re.compile(
    r"users?|learners?|employees?|participants?|persons?|people|members?|students?|managers?|owners?"
    r"|authors?|e?mails?|names?|firstname|lastname|phones?|addresse?s?|birth|gender|search|query|text"
    r"|q|term|keywords?|contacts?|assignees?|creators?|logins?|username|avatar|title|comment|notes?"
)
_CONSTANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,63}")
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ENUM_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_ -][A-Za-z0-9]+){0,5}")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
MAX_ENUM_LETTERS = 40
LONG = 20
"""The length from which a mix of letters and digits is considered a secret."""

_LONG_RUN = re.compile(rf"[A-Za-z0-9]{{{LONG},}}")


def is_secret_name(name: str) -> bool:
    """Return True if a header or member with this name may hold a secret.

    >>> [is_secret_name(name) for name in ("X-Api-Key", "accessToken", "X-Workspace", "Cookie")]
    [True, True, False, True]
    """
    joined = re.sub(r"[^a-z]", "", name.lower())
    words = [word.lower() for word in _WORDS.findall(name)]
    return _RUN_TOGETHER.search(joined) is not None or any(
        _SECRET_NAME.fullmatch(word) for word in words
    )


def is_about_a_person(name: str) -> bool:
    """Return True if a member with this name may hold words of or about a person."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(_PERSON_WORDS.fullmatch(word) for word in words)


def is_harmless(text: str) -> bool:
    """Return True if a constant may be kept: short, no secret, e-mail or sentence."""
    if _UUID.fullmatch(text):
        return True
    if not _CONSTANT.fullmatch(text) or _JWT.search(text) or text.count(" ") > 1:
        return False
    mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    if len(text) < LONG or not mixed or _OBJECT_ID.fullmatch(text):
        return True
    return not _LONG_RUN.search(text) and _bits_per_letter(text) < 3.6


def is_enum_value(text: str) -> bool:
    """Return True if a text looks like the value of an enumeration, e.g. IN_PROGRESS."""
    return len(text) <= MAX_ENUM_LETTERS and _ENUM_VALUE.fullmatch(text) is not None


def _bits_per_letter(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
