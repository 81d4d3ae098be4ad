"""Converters of setting values, given as text or as a TOML value.

Each function raises `ValueError` with a description of valid values.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

N = TypeVar("N", int, float)

_HOST_NAME = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?")
_KEY_ID = re.compile(r"[0-9a-f]{12}")
_REDIS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True, slots=True)
class as_integer:  # noqa: N801 - one of a family of converters
    """A converter to a whole number within bounds."""

    low: int
    high: int

    def __call__(self, value: object) -> int:
        """Return the number.

        Raises:
            ValueError: the value is not a whole number within the bounds.
        """
        number = _number(int, value)
        if number is None or not self.low <= number <= self.high:
            raise ValueError(f"must be a whole number from {self.low} to {self.high}")
        return number


def as_seconds(value: object) -> float:
    """Return a duration in seconds, 0 or more."""
    number = _number(float, value)
    if number is None or not 0 <= number <= 10_000_000:
        raise ValueError("must be a number of seconds, from 0 to 10000000")
    return number


def as_positive_seconds(value: object) -> float:
    """Return a duration in seconds, more than 0."""
    number = as_seconds(value)
    if number == 0:
        raise ValueError("must be more than 0 seconds")
    return number


def _number(kind: Callable[[str], N], value: object) -> N | None:
    """Return the number in a text or TOML value, or None if it is not a number."""
    try:
        return None if isinstance(value, bool) else kind(str(value))
    except ValueError:
        return None


class as_choice:  # noqa: N801 - one of a family of converters
    """A converter to one of several words, in any case."""

    def __init__(self, *known: str) -> None:
        self.known = known

    def __call__(self, value: object) -> str:
        """Return the word in lower case."""
        given = str(value).lower()
        if given not in self.known:
            raise ValueError(f"must be one of {', '.join(self.known)}")
        return given


def as_boolean(value: object) -> bool:
    """Return a boolean."""
    found = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() not in found:
        raise ValueError("must be true or false")
    return found[str(value).lower()]


def as_text(value: object) -> str:
    """Return a non-empty text."""
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def as_option_name(value: object) -> str:
    """Return the name of a custom query option."""
    text = as_text(value)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", text):
        raise ValueError("must be a name of letters, digits, - and _ that starts with a letter")
    return text


def as_url(value: object) -> str:
    """Return a base URL, without a trailing slash."""
    text = as_text(value).rstrip("/")
    if not _is_base_url(text):
        raise ValueError(
            "must be a URL such as https://host:port/path, without ?, #, user name and password"
        )
    return text


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # an invalid port, an unclosed bracket
        return False
    return (
        bool(known)
        and "@" not in parts.netloc
        and not any(letter in text for letter in '?#"<>\\ \t\r\n')
    )


def as_redis(value: object) -> str:
    """Return the URL of a Redis server, which may hold a password."""
    text = as_text(value)
    if not _is_redis_url(text):
        known = ", ".join(_REDIS_OPTIONS)
        raise ValueError(
            "must be a URL such as redis://host:6379/0 or rediss://user:password@host:6379/0, with"
            f" no options but {known}"
        )
    return text


def _is_redis_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        known = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
    except ValueError:
        return False
    database = parts.path.removeprefix("/")
    printable = text.isprintable() and not any(letter in text for letter in '#"<>\\ ')
    allowed = _REDIS_OPTIONS if parts.scheme == "rediss" else ()
    return (
        bool(known)
        and printable
        and (not database or (database.isascii() and database.isdigit()))
        and all(name in allowed and value for name, value in options)
    )


def as_key_ids(value: object) -> tuple[str, ...]:
    """Return the IDs of gateway keys, as `keys list` shows them."""
    ids = as_names(value)
    if not ids or not all(_KEY_ID.fullmatch(each) for each in ids):
        raise ValueError(
            "must be ids of keys as `skillhabit-odata keys list` shows them: 12 hexadecimal digits"
        )
    return ids


def as_path(value: object) -> Path:
    """Return the path of a file or folder; ~ is the home folder."""
    return Path(as_text(value)).expanduser()


def as_command(value: object) -> tuple[str, ...]:
    """Return a program and its arguments, from a list or from one text with shell-like quotes."""
    try:
        parts = shlex.split(value) if isinstance(value, str) else value
    except ValueError:
        parts = ()
    if not isinstance(parts, list | tuple) or not all(isinstance(p, str) for p in parts):
        parts = ()
    if not parts or not parts[0]:
        raise ValueError("must be a program and its arguments, without shell syntax such as pipes")
    return tuple(parts)


def as_names(value: object) -> tuple[str, ...]:
    """Return texts from a list, or from one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("must be a list of texts, or one text with commas")  # noqa: TRY004 - one family
    return tuple(text for part in parts if (text := str(part).strip()))


def as_peers(value: object) -> tuple[str, ...]:
    """Return IP addresses as sockets report them, networks, or `*`."""
    try:
        return tuple(n if n == "*" else _as_network(n) for n in as_names(value))
    except ValueError as error:
        raise ValueError(
            "must be IP addresses or networks such as 10.0.0.0/8, separated by commas, or *"
        ) from error


def _as_network(text: str) -> str:
    return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def as_host_names(value: object) -> tuple[str, ...]:
    """Return host names or addresses in lower case, without ports; `*.` matches any subdomain."""
    names = tuple(name.lower() for name in as_names(value))
    if not all(_HOST_NAME.fullmatch(name) for name in names):
        raise ValueError(
            "must be host names such as bi.example.com or *.example.com, without ports"
        )
    return names


def as_origins(value: object) -> tuple[str, ...]:
    """Return origins as browsers send them (RFC 6454), each by name."""
    origins = tuple(origin.lower() for origin in as_names(value))
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError(
            "must be origins such as https://portal.example.com:8443, each by name and without a"
            " trailing slash; * is not allowed, because any page could then read the rows"
        )
    return origins


def as_aliases(value: object) -> tuple[tuple[str, str, date], ...]:
    """Return (old name, column, last day) from `OLD=COLUMN@DATE` texts, or from a TOML table."""
    if isinstance(value, Mapping):
        found = [(str(name), str(rest)) for name, rest in value.items()]
    else:
        found = [
            (name, rest) for name, _, rest in (text.partition("=") for text in as_names(value))
        ]
    parts = [(name.strip(), *rest.strip().partition("@")[::2]) for name, rest in found]
    try:
        aliases = tuple((name, column, date.fromisoformat(day)) for name, column, day in parts)
    except ValueError:
        aliases = ()
    if not aliases or not all(name and column for name, column, _ in aliases):
        raise ValueError(
            "must be OLD=COLUMN@DATE: an old name, the column that it repeats, and the last day on"
            " which it is published, such as dept=department@2027-12-31"
        )
    return aliases


def as_labels(value: object) -> tuple[tuple[str, str], ...]:
    """Return (key, name for people) from one `KEY=NAME` text or several, or from a TOML table."""
    if isinstance(value, Mapping):
        return tuple((str(key), str(name)) for key, name in value.items())
    texts = [value] if isinstance(value, str) else value
    pairs = [str(t).partition("=") for t in texts] if isinstance(texts, list | tuple) else []
    if not pairs or any(not (key.strip() and name.strip()) for key, _, name in pairs):
        raise ValueError("must be KEY=NAME, such as progress=Completion or state.FAILED=Not passed")
    return tuple((key.strip(), name.strip()) for key, _, name in pairs)


def as_pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Return pairs from `NAME=ID` texts (repeated or with commas), or from a TOML table."""
    if isinstance(value, Mapping):
        return tuple((str(name), str(field)) for name, field in value.items())
    pairs = [text.partition("=") for text in as_names(value)]
    if any(not (name and field) for name, _, field in pairs):
        raise ValueError("must be NAME=ID, the column's name and the custom field's ID")
    return tuple((name.strip(), field.strip()) for name, _, field in pairs)
