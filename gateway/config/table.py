"""The table of settings: it feeds the command line, the environment, the file and the docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.config.converters import (
    as_boolean,
    as_choice,
    as_command,
    as_host_names,
    as_integer,
    as_option_name,
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
from gateway.config.grants import as_audiences, as_grants, as_tenant

ENVIRONMENT_PREFIX = "SKILLHABIT_ODATA_"


class Share(Enum):
    """Whether a workspace has a setting of its own.

    NOT: the gateway has it, once. INHERITED: a workspace that does not say it has the gateway's.
    OWN: what is not said is not there.
    """

    NOT = "not"
    INHERITED = "inherited"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: `name` in TOML; `--name` and `SKILLHABIT_ODATA_NAME` follow from it.

    A `secret` one is not repeated in messages. `share` tells what a workspace may say of it.
    """

    name: str
    convert: Callable[[object], Any]
    default: object
    help: str
    metavar: str = "TEXT"
    repeatable: bool = False
    secret: bool = False
    share: Share = Share.NOT

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The command line's option."""
        return "--" + self.name.replace("_", "-")

    def shown(self, value: object, place: str | None = None) -> str:
        """The setting, or where it was given, with its value unless that is secret."""
        said = " ".join(value) if isinstance(value, tuple) else value  # a repeated option
        return f"{place or self.name}{'' if self.secret else f' = {said!r}'}"


SETTINGS: tuple[Setting, ...] = (
    Setting("host", as_text, "127.0.0.1", "address to listen on", "ADDRESS"),
    Setting("port", as_integer(0, 65535), 8000, "port to listen on; 0 picks a free one", "PORT"),
    Setting(
        "upstream",
        as_url,
        None,
        "base URL of the Analytics API; the contract file's by default",
        "URL",
        share=Share.OWN,
    ),
    Setting(
        "token_file",
        as_path,
        None,
        "file with the Analytics API's token (a JWT)",
        "FILE",
        share=Share.OWN,
    ),
    Setting(
        "token_env",
        as_text,
        None,
        "environment variable that holds the token; SKILLHABIT_ODATA_TOKEN when no source is named",
        "NAME",
        share=Share.OWN,
    ),
    Setting(
        "token_command",
        as_command,
        (),
        "program that prints the token, run without a shell; again when the token expires",
        "COMMAND",
        secret=True,
        share=Share.OWN,
    ),
    Setting(
        "contract",
        as_path,
        None,
        "contract file; the built-in one by default",
        "FILE",
        share=Share.INHERITED,
    ),
    Setting(
        "custom_field",
        as_pairs,
        (),
        "a custom field that becomes a column named after NAME; the field's ID; repeatable",
        "NAME=ID",
        repeatable=True,
        share=Share.OWN,
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
        "mask_key_file",
        as_path,
        None,
        "file with the secret that digests of masked columns are made with",
        "FILE",
    ),
    Setting(
        "keys_file",
        as_path,
        None,
        "file of keys for several people, which `skillhabit-odata keys` makes and revokes",
        "FILE",
    ),
    Setting(
        "api_key_name",
        as_option_name,
        "apikey",
        "query option in which a key may come, as Power BI's kind Web API sends it",
        "NAME",
    ),
    Setting(
        "pass_through",
        as_boolean,
        False,
        "let callers in with their own token of the Analytics API, which is asked with it",
        "BOOLEAN",
    ),
    Setting(
        "entra_tenant",
        as_tenant,
        None,
        "Microsoft Entra ID's directory (tenant) ID, to sign in with an organizational account",
        "GUID",
    ),
    Setting(
        "entra_audience",
        as_audiences,
        (),
        "the application ID URI of the app registration, its client ID, or both with a comma",
        "IDS",
    ),
    Setting(
        "entra_group",
        as_grants,
        (),
        "a group's ID or an app role, and the workspace that it opens, or WORKSPACE/ROLE; the first"
        " that fits counts; repeatable",
        "GROUP=WORKSPACE",
        repeatable=True,
    ),
    Setting(
        "entra_authority",
        as_url,
        "https://login.microsoftonline.com",
        "where the tenant signs in: a national cloud's address, or a test issuer's",
        "URL",
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
        "fresh_for",
        as_seconds,
        300.0,
        "how long a snapshot answers without asking",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "stale_for",
        as_seconds,
        0.0,
        "how long after that it still answers, while a new one is made behind it",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "stale_if_error",
        as_seconds,
        86_400.0,
        "how long after that it answers when the Analytics API cannot be reached",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "full_refresh_every",
        as_seconds,
        3_600.0,
        "how long after all rows were read only changes are asked for",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "early_pages",
        as_boolean,
        True,
        "whether a feed may begin while its extract is still read; its rows are then not all of one"
        " moment",
        "BOOLEAN",
        share=Share.INHERITED,
    ),
    Setting(
        "token_lifetime",
        as_seconds,
        3_600.0,
        "how long a feed's snapshot is kept after its last page was read, within --snapshot-budget",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "delta_lifetime",
        as_seconds,
        172_800.0,
        "how long a snapshot that a deltaLink names is kept, within --snapshot-budget",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "snapshot_budget",
        as_integer(16, 1_000_000),
        2_048,
        "all snapshots together",
        "MEBIBYTES",
        share=Share.INHERITED,
    ),
    Setting(
        "page_budget", as_integer(0, 1_000_000), 256, "page bodies kept compressed", "MEBIBYTES"
    ),
    Setting(
        "memory_limit",
        as_integer(64, 10_000_000),
        None,
        "memory of queries, and of snapshots without --data-dir; a half of the machine's or"
        " container's by default, divided among --workers",
        "MEBIBYTES",
    ),
    Setting(
        "query_timeout",
        as_positive_seconds,
        120.0,
        "how long a query may run here, and before that wait for its turn",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "extract_concurrency",
        as_integer(1, 64),
        4,
        "extracts read at once; others wait in line",
        "COUNT",
        share=Share.INHERITED,
    ),
    Setting(
        "upstream_concurrency",
        as_integer(1, 64),
        4,
        "pages asked of the Analytics API at once",
        "COUNT",
        share=Share.INHERITED,
    ),
    Setting(
        "upstream_timeout",
        as_positive_seconds,
        30.0,
        "how long one call to the Analytics API may take",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "retry_budget",
        as_seconds,
        60.0,
        "how long a failing call is waited for and repeated",
        "SECONDS",
        share=Share.INHERITED,
    ),
    Setting(
        "log_format",
        as_choice("text", "json"),
        "text",
        "how each line of the log on stderr is written: text or json",
        "FORMAT",
    ),
    Setting(
        "log_level",
        as_choice("debug", "info", "warning", "error"),
        "info",
        "what is logged: debug, info (with a line for each request), warning or error",
        "LEVEL",
    ),
    Setting(
        "request_log",
        as_integer(0, 10_000),
        200,
        "how many of each workspace's last queries /requests shows",
        "COUNT",
    ),
    Setting(
        "metrics_token_file",
        as_path,
        None,
        "file with the token that opens /metrics (Bearer); without, only this computer reads them",
        "FILE",
    ),
)
