"""The table of settings: it feeds the command line, the environment, the file and the docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.config.converters import (
    as_boolean,
    as_host_names,
    as_integer,
    as_origins,
    as_pairs,
    as_path,
    as_peers,
    as_positive_seconds,
    as_redis,
    as_seconds,
    as_text,
    as_url,
)

ENVIRONMENT_PREFIX = "SKILLHABIT_ODATA_"


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
    Setting("host", as_text, "127.0.0.1", "address to listen on", "ADDRESS"),
    Setting("port", as_integer(0, 65535), 8000, "port to listen on; 0 picks a free one", "PORT"),
    Setting(
        "upstream",
        as_url,
        None,
        "base URL of the Analytics API; the contract file's by default",
        "URL",
    ),
    Setting("token_file", as_path, None, "file with the Analytics API's token (a JWT)", "FILE"),
    Setting("contract", as_path, None, "contract file; the built-in one by default", "FILE"),
    Setting(
        "custom_field",
        as_pairs,
        (),
        "a custom field that becomes a column named after NAME; the field's ID; repeatable",
        "NAME=ID",
        repeatable=True,
    ),
    Setting(
        "data_dir",
        as_path,
        None,
        "folder that keeps snapshots across restarts; memory without",
        "DIR",
    ),
    Setting(
        "redis",
        as_redis,
        None,
        "Redis or Valkey through which gateways on several machines share snapshots",
        "URL",
        secret=True,
    ),
    Setting(
        "workers",
        as_integer(1, 64),
        1,
        "processes that serve; they share --data-dir, or a temporary folder without",
        "COUNT",
    ),
    Setting(
        "public_url",
        as_url,
        None,
        "what clients see before /odata/v4/, e.g. https://bi.example.com/analytics; taken from the"
        " request by default",
        "URL",
    ),
    Setting(
        "trusted_proxies",
        as_peers,
        ("127.0.0.1", "::1"),
        "peers whose X-Forwarded-* and Forwarded headers are believed, also networks such as"
        " 10.0.0.0/8; * for all",
        "ADDRESSES",
    ),
    Setting(
        "allowed_hosts",
        as_host_names,
        (),
        "host names by which the service may be asked, *.example.com for all below; any by default",
        "NAMES",
    ),
    Setting(
        "cors_origins",
        as_origins,
        (),
        "origins whose web pages may read answers, e.g. https://portal.example.com; none by"
        " default",
        "ORIGINS",
    ),
    Setting(
        "hsts",
        as_integer(0, 63_072_000),
        0,
        "how long browsers remember to ask by https alone; sent over https only; 0 does not ask"
        " them to",
        "SECONDS",
    ),
    Setting(
        "tls_certificate",
        as_path,
        None,
        "file with the certificate and its chain (PEM), to serve https without a proxy; a renewed"
        " one is taken up by itself",
        "FILE",
    ),
    Setting("tls_key", as_path, None, "file with the certificate's private key (PEM)", "FILE"),
    Setting(
        "access_key_file",
        as_path,
        None,
        "file with the key that clients give as password (Basic, any user name); open without",
        "FILE",
    ),
    Setting(
        "allow_anonymous",
        as_boolean,
        False,
        "serve without an access key on an address that others can reach",
        "BOOLEAN",
    ),
    Setting(
        "page_size", as_integer(1, 100_000), 5_000, "rows a page, unless the client asks", "ROWS"
    ),
    Setting(
        "max_page_size",
        as_integer(1, 100_000),
        20_000,
        "the most rows a client may ask a page",
        "ROWS",
    ),
    Setting(
        "fresh_for", as_seconds, 300.0, "how long a snapshot answers without asking", "SECONDS"
    ),
    Setting(
        "stale_for",
        as_seconds,
        0.0,
        "how long after that it still answers, while a new one is made behind it",
        "SECONDS",
    ),
    Setting(
        "stale_if_error",
        as_seconds,
        86_400.0,
        "how long after that it answers when the Analytics API cannot be reached",
        "SECONDS",
    ),
    Setting(
        "full_refresh_every",
        as_seconds,
        3_600.0,
        "how long after all rows were read only changes are asked for",
        "SECONDS",
    ),
    Setting(
        "early_pages",
        as_boolean,
        True,
        "whether a feed may begin while its extract is still read; its rows are then not all of one"
        " moment",
        "BOOLEAN",
    ),
    Setting(
        "token_lifetime",
        as_seconds,
        3_600.0,
        "how long a feed's snapshot is kept after its last page was read, within --snapshot-budget",
        "SECONDS",
    ),
    Setting(
        "delta_lifetime",
        as_seconds,
        172_800.0,
        "how long a snapshot that a deltaLink names is kept, within --snapshot-budget",
        "SECONDS",
    ),
    Setting(
        "snapshot_budget", as_integer(16, 1_000_000), 2_048, "all snapshots together", "MEBIBYTES"
    ),
    Setting(
        "page_budget", as_integer(0, 1_000_000), 256, "page bodies kept compressed", "MEBIBYTES"
    ),
    Setting(
        "upstream_concurrency",
        as_integer(1, 64),
        4,
        "pages asked of the Analytics API at once",
        "COUNT",
    ),
    Setting(
        "upstream_timeout",
        as_positive_seconds,
        30.0,
        "how long one call to the Analytics API may take",
        "SECONDS",
    ),
    Setting(
        "retry_budget",
        as_seconds,
        60.0,
        "how long a failing call is waited for and repeated",
        "SECONDS",
    ),
)
