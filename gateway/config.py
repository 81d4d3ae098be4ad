"""Settings: one table that feeds the command line, the environment, the file and the docs.

Precedence: command line, then environment, then the TOML file, then the default. This module
imports nothing of the gateway; what cannot be used is a `ValueError` with the remedy.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

ENVIRONMENT_PREFIX = "SKILLHABIT_ODATA_"

N = TypeVar("N", int, float)

_REDIS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def _integer(low: int, high: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        number = _number(int, value)
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return number

    return convert


def _seconds(value: object) -> float:
    number = _number(float, value)
    if number is None or not 0 <= number <= 10_000_000:
        raise ValueError("must be a number of seconds, from 0 to 10000000")
    return number


def _positive_seconds(value: object) -> float:
    number = _seconds(value)
    if number == 0:
        raise ValueError("must be more than 0 seconds")
    return number


def _number(kind: Callable[[str], N], value: object) -> N | None:
    """The number that a text or a TOML value says; None when it says none."""
    try:
        return None if isinstance(value, bool) else kind(str(value))
    except ValueError:
        return None


def _boolean(value: object) -> bool:
    found = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() not in found:
        raise ValueError("must be true or false")
    return found[str(value).lower()]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return value


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    if not _is_base_url(text):
        raise ValueError("must be a URL such as https://host:port/path, without ? and #")
    return text


def _is_base_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, a bracket that is not closed
        return False
    return bool(known) and not any(letter in text for letter in '?#"<>\\ \t\r\n')


def _redis(value: object) -> str:
    text = _text(value)
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


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("must be a list of texts, or one text with commas")  # noqa: TRY004 - one family
    return tuple(text for part in parts if (text := str(part).strip()))


def _peers(value: object) -> tuple[str, ...]:
    """IP addresses as a socket tells them, or `*`."""
    try:
        return tuple(n if n == "*" else str(ipaddress.ip_address(n)) for n in _names(value))
    except ValueError as error:
        raise ValueError("must be IP addresses with commas between them, or *") from error


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    """`NAME=ID` texts (repeated or with commas), or a TOML table."""
    if isinstance(value, Mapping):
        return tuple((str(name), str(field)) for name, field in value.items())
    pairs = [text.partition("=") for text in _names(value)]
    if any(not (name and field) for name, _, field in pairs):
        raise ValueError("must be NAME=ID, the column's name and the custom field's ID")
    return tuple((name.strip(), field.strip()) for name, _, field in pairs)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in TOML; `--name` and `SKILLHABIT_ODATA_NAME` follow from it.

    A `secret` one is not repeated in messages.
    """

    name: str
    convert: Callable[[object], Any]
    default: object
    help: str
    metavar: str = "TEXT"
    repeatable: bool = False
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The command line's option."""
        return "--" + self.name.replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting("host", _text, "127.0.0.1", "address to listen on", "ADDRESS"),
    Setting("port", _integer(0, 65535), 8000, "port to listen on; 0 picks a free one", "PORT"),
    Setting(
        "upstream",
        _url,
        None,
        "base URL of the Analytics API; the contract file's by default",
        "URL",
    ),
    Setting("token_file", _path, None, "file with the Analytics API's token (a JWT)", "FILE"),
    Setting("contract", _path, None, "contract file; the built-in one by default", "FILE"),
    Setting(
        "custom_field",
        _pairs,
        (),
        "a custom field that becomes a column named after NAME; the field's ID; repeatable",
        "NAME=ID",
        repeatable=True,
    ),
    Setting(
        "data_dir",
        _path,
        None,
        "folder that keeps snapshots across restarts; memory without",
        "DIR",
    ),
    Setting(
        "redis",
        _redis,
        None,
        "Redis or Valkey through which gateways on several machines share snapshots",
        "URL",
        secret=True,
    ),
    Setting(
        "workers",
        _integer(1, 64),
        1,
        "processes that serve; they share --data-dir, or a temporary folder without",
        "COUNT",
    ),
    Setting(
        "public_url",
        _url,
        None,
        "what clients see before /odata/v4/, e.g. https://bi.example.com/analytics; taken from the"
        " request by default",
        "URL",
    ),
    Setting(
        "trusted_proxies",
        _peers,
        ("127.0.0.1", "::1"),
        "peers whose X-Forwarded-* and Forwarded headers are believed; * for all",
        "ADDRESSES",
    ),
    Setting(
        "access_key_file",
        _path,
        None,
        "file with the key that clients give as password (Basic, any user name); open without",
        "FILE",
    ),
    Setting(
        "allow_anonymous",
        _boolean,
        False,
        "serve without an access key on an address that others can reach",
        "BOOLEAN",
    ),
    Setting(
        "page_size", _integer(1, 100_000), 5_000, "rows a page, unless the client asks", "ROWS"
    ),
    Setting(
        "max_page_size",
        _integer(1, 100_000),
        20_000,
        "the most rows a client may ask a page",
        "ROWS",
    ),
    Setting("fresh_for", _seconds, 300.0, "how long a snapshot answers without asking", "SECONDS"),
    Setting(
        "stale_for",
        _seconds,
        0.0,
        "how long after that it still answers, while a new one is made behind it",
        "SECONDS",
    ),
    Setting(
        "stale_if_error",
        _seconds,
        86_400.0,
        "how long after that it answers when the Analytics API cannot be reached",
        "SECONDS",
    ),
    Setting(
        "full_refresh_every",
        _seconds,
        3_600.0,
        "how long after all rows were read only changes are asked for",
        "SECONDS",
    ),
    Setting(
        "early_pages",
        _boolean,
        True,
        "whether a feed may begin while its extract is still read; its rows are then not all of one"
        " moment",
        "BOOLEAN",
    ),
    Setting(
        "token_lifetime",
        _seconds,
        3_600.0,
        "how long a feed's snapshot is kept after its last page was read, within --snapshot-budget",
        "SECONDS",
    ),
    Setting(
        "delta_lifetime",
        _seconds,
        172_800.0,
        "how long a snapshot that a deltaLink names is kept, within --snapshot-budget",
        "SECONDS",
    ),
    Setting(
        "snapshot_budget", _integer(16, 1_000_000), 2_048, "all snapshots together", "MEBIBYTES"
    ),
    Setting("page_budget", _integer(0, 1_000_000), 256, "page bodies kept compressed", "MEBIBYTES"),
    Setting(
        "upstream_concurrency",
        _integer(1, 64),
        4,
        "pages asked of the Analytics API at once",
        "COUNT",
    ),
    Setting(
        "upstream_timeout",
        _positive_seconds,
        30.0,
        "how long one call to the Analytics API may take",
        "SECONDS",
    ),
    Setting(
        "retry_budget",
        _seconds,
        60.0,
        "how long a failing call is waited for and repeated",
        "SECONDS",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; fields as in `SETTINGS`, where each is explained."""

    host: str
    port: int
    upstream: str | None
    token_file: Path | None
    contract: Path | None
    custom_field: tuple[tuple[str, str], ...]
    data_dir: Path | None
    redis: str | None = field(repr=False)  # may hold a password
    workers: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]
    access_key_file: Path | None
    allow_anonymous: bool
    page_size: int
    max_page_size: int
    fresh_for: float
    stale_for: float
    stale_if_error: float
    full_refresh_every: float
    early_pages: bool
    token_lifetime: float
    delta_lifetime: float
    snapshot_budget: int
    page_budget: int
    upstream_concurrency: int
    upstream_timeout: float
    retry_budget: float


def load_settings(
    options: Mapping[str, object], environment: Mapping[str, str], file_text: str = ""
) -> Settings:
    """Settings from the command line's options (None: not given), environment and file text.

    Raises:
        ValueError: names the setting, where it was given, and what it must be.
    """
    from_file = _parse_file(file_text)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        places = (
            (setting.option, options.get(setting.name)),
            (setting.variable, environment.get(setting.variable)),
            (f"{setting.name} in the configuration file", from_file.get(setting.name)),
        )
        given = next(((p, v) for p, v in places if v is not None and v != ()), None)
        values[setting.name] = setting.default if given is None else _convert(setting, *given)
    return Settings(**values)


def _parse_file(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"the configuration file is not TOML: {error}") from error
    unknown = sorted(set(found) - {s.name for s in SETTINGS})
    if unknown:
        known = ", ".join(s.name for s in SETTINGS)
        raise ValueError(
            f"the configuration file has no setting {unknown[0]!r}; there are: {known}"
        )
    return found


def _convert(setting: Setting, place: str, value: object) -> object:
    try:
        return setting.convert(value)
    except ValueError as error:
        given = "" if setting.secret else f" = {value!r}"
        raise ValueError(f"{place}{given}: {error} ({setting.help})") from error
