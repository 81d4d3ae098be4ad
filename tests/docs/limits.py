"""The limits of the gateway, from the constants of its code, and requests that lie beyond them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.analytics.read.observed_client import MAX_RESPONSE_BYTES, TIMES_UPSTREAM_TIMEOUT
from gateway.auth.login_call import LOGIN_SECONDS, MAX_ANSWER_BYTES
from gateway.auth.signing_keys import DOCUMENT_SECONDS, MAX_DOCUMENT_BYTES
from gateway.auth.tokens import _COMMAND_SECONDS, MAX_OUTPUT_BYTES
from gateway.config import SETTINGS
from gateway.engine.fitting import MAX_RELATED_ROWS
from gateway.fairness.call_limit import _PATIENCE_SECONDS
from gateway.query.bind.expand import _MAX_ITEMS, MAX_DEPTH
from gateway.query.bind.scope import _MAX_USES
from gateway.query.bind.search import _MAX_WORDS
from gateway.query.bind.text_widths import MAX_TEXT_CHARACTERS
from gateway.service.export_file import MAX_APPLY_ROWS
from gateway.snapshots.load.extract_limit import ExtractLimit
from gateway.web.batch import BATCH_SECONDS
from gateway.web.batch_model import MAX_BATCH_BYTES, MAX_BATCH_REQUESTS
from gateway.web.odata import _MAX_URL_BYTES, MAX_QUERY_BYTES
from gateway.web.request_body import BODY_SECONDS
from gateway.web.request_size import (
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_FIELDS,
    MAX_MESSAGE_BYTES,
    MAX_WAITING_BYTES,
)
from gateway.web.slow_clients import TimeLimitedProtocol
from grammar import DEFAULT_LIMITS

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_PLACE = re.compile(r"(<!-- limits:.*?-->\n).*?(<!-- /limits -->)", re.DOTALL)
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
_SILENCE_SECONDS = float(str(_DEFAULTS["upstream_timeout"]))
_MEBIBYTE = 1_048_576
_TOO_DEEP = DEFAULT_LIMITS.max_levels + 1


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, below the service root."""

    target: str
    body: bytes = b""
    media: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """One line: what is bounded, by how much, and how what lies beyond is answered."""

    what: str
    most: str
    beyond: str
    request: Request | None = None


def _posted(query: str) -> Request:
    return Request("Results/$query", query.encode())


def _batch(parts: int) -> bytes:
    part = '{"id":"%d","method":"GET","url":"Results"}'
    return ('{"requests":[' + ",".join(part % n for n in range(parts)) + "]}").encode()


LIMITS = (
    Limit(
        "bytes of a request's head, from its first line to the empty one",
        f"{MAX_HEAD_BYTES // 1024} KiB",
        "431 RequestHeaderFieldsTooLarge",
        Request("Results?$top=1", headers=(("X-Large", "x" * MAX_HEAD_BYTES),)),
    ),
    Limit(
        "fields of a request's head",
        f"{MAX_HEADER_FIELDS}",
        "431 RequestHeaderFieldsTooLarge",
        Request("Results?$top=1", headers=(("X-Field", "x"),) * MAX_HEADER_FIELDS),
    ),
    Limit(
        "chunk extensions of a body, and the trailer fields after it",
        f"{MAX_FRAMING_BYTES // 1024} KiB",
        "431 RequestHeaderFieldsTooLarge",
    ),
    Limit(
        "a body, also after a response that was sent before its end",
        f"{MAX_MESSAGE_BYTES // _MEBIBYTE} MiB",
        "the connection ends",
    ),
    Limit(
        "bytes that a client sends ahead while an earlier request runs",
        f"{MAX_WAITING_BYTES // _MEBIBYTE} MiB",
        "the connection ends",
    ),
    Limit(
        "path and query of a URL",
        f"{_MAX_URL_BYTES // 1024} KiB",
        "414 UriTooLong",
        Request("Results?$filter=" + "x" * _MAX_URL_BYTES),
    ),
    Limit(
        "body of a POST to `/$query`",
        f"{MAX_QUERY_BYTES // 1024} KiB",
        "413 ContentTooLarge",
        _posted("x" * (MAX_QUERY_BYTES + 1)),
    ),
    Limit(
        "text of one option, decoded",
        f"{DEFAULT_LIMITS.max_characters // 1024} KiB",
        "400 InvalidSyntax",
        _posted("$filter=" + "x" * (DEFAULT_LIMITS.max_characters + 1)),
    ),
    Limit(
        "words and symbols of an expression, including values of `in`",
        f"{DEFAULT_LIMITS.max_symbols:,}",
        "400 InvalidSyntax",
        _posted(f"$filter=progress in ({','.join('1' * DEFAULT_LIMITS.max_symbols)})"),
    ),
    Limit(
        "nested operators and calls",
        f"{DEFAULT_LIMITS.max_levels}",
        "400 InvalidSyntax",
        Request("Results?$filter=" + "not(" * _TOO_DEEP + "true" + ")" * _TOO_DEEP),
    ),
    Limit(
        "words of `$search`",
        f"{_MAX_WORDS}",
        "400 LimitExceeded",
        Request("Results?$search=" + "%20".join(f"w{n}" for n in range(_MAX_WORDS + 1))),
    ),
    Limit("aliases, computed columns and transformations", f"{_MAX_USES}", "400 LimitExceeded"),
    Limit(
        "characters of texts that a query builds for one row",
        f"{MAX_TEXT_CHARACTERS:,}",
        "400 LimitExceeded",
        Request(f"Results?$filter=concat(id,concat(id,'{'x' * MAX_TEXT_CHARACTERS}'))%20eq%20'a'"),
    ),
    Limit("items of `$expand`, levels", f"{_MAX_ITEMS}, {MAX_DEPTH}", "400 LimitExceeded"),
    Limit("related rows of one row in `$expand`", f"{MAX_RELATED_ROWS:,}", "400 LimitExceeded"),
    Limit("rows of an `$apply` result in a file", f"{MAX_APPLY_ROWS:,}", "400 LimitExceeded"),
    Limit(
        "body of a `$batch`",
        f"{MAX_BATCH_BYTES // _MEBIBYTE} MiB",
        "413 ContentTooLarge",
        Request("$batch", b" " * (MAX_BATCH_BYTES + 1), "application/json"),
    ),
    Limit(
        "requests in a `$batch`",
        f"{MAX_BATCH_REQUESTS:,}",
        "400 LimitExceeded",
        Request("$batch", _batch(MAX_BATCH_REQUESTS + 1), "application/json"),
    ),
    Limit(
        "time until the last request of a `$batch` begins",
        f"{BATCH_SECONDS:g} s",
        "503 ServiceUnavailable",
    ),
    Limit(
        "rows a page",
        f"{_DEFAULTS['max_page_size']:,} (`--max-page-size`)",
        "the page has that many",
    ),
    Limit(
        "time of a request: parsing, waiting for turns and queries together",
        f"{_DEFAULTS['query_timeout']:g} s (`--query-timeout`; less with a key's `query_seconds`)",
        "504 QueryTimeout, 503 ServiceUnavailable",
    ),
    Limit(
        "concurrent requests of one key, and requests per minute",
        "as set for the key (`skillhabit-odata keys`)",
        "429 TooManyRequests",
    ),
    Limit(
        "memory of queries, and of snapshots without `--data-dir`",
        "half of the machine's or container's (`--memory-limit`)",
        "507 InsufficientStorage",
    ),
    Limit(
        "temporary files of sorts in `--data-dir`",
        f"{_DEFAULTS['snapshot_budget']:,} MiB (`--snapshot-budget`)",
        "507 InsufficientStorage",
    ),
    Limit(
        "concurrent extracts, waiting extracts of one caller, and their wait",
        f"{_DEFAULTS['extract_concurrency']} (`--extract-concurrency`),"
        f" {ExtractLimit().max_waiting}, {ExtractLimit().patience_seconds:g} s",
        "503 ServiceUnavailable",
    ),
    Limit(
        "wait of a request for its own call to the Analytics API",
        f"{_PATIENCE_SECONDS:g} s",
        "503 ServiceUnavailable",
    ),
    Limit(
        "one call to the Analytics API: silence, the whole response, all retries",
        f"{_SILENCE_SECONDS:g} s,"
        f" {_SILENCE_SECONDS * TIMES_UPSTREAM_TIMEOUT:g} s,"
        f" {_DEFAULTS['retry_budget']:g} s",
        "503 UpstreamUnavailable",
    ),
    Limit(
        "a response of the Analytics API",
        f"{MAX_RESPONSE_BYTES // _MEBIBYTE} MiB",
        "502 UpstreamBrokeContract",
    ),
    Limit(
        "a run of `--token-command`, and its output",
        f"{_COMMAND_SECONDS:g} s, {MAX_OUTPUT_BYTES // 1024} KiB",
        "502 UpstreamRejectedToken",
    ),
    Limit(
        "a login of `--login-url` or `--oauth-token-url`, and its response",
        f"{LOGIN_SECONDS:g} s, {MAX_ANSWER_BYTES // 1024} KiB",
        "503 UpstreamUnavailable, 502 UpstreamRejectedToken",
    ),
    Limit(
        "a document of the issuer of organizational accounts",
        f"{DOCUMENT_SECONDS:g} s, {MAX_DOCUMENT_BYTES // _MEBIBYTE} MiB",
        "503 SignInUnavailable",
    ),
    Limit(
        "time of a request's head, from the connection or the first byte after a response",
        f"{TimeLimitedProtocol.head_seconds:g} s",
        "the connection ends",
    ),
    Limit("time of a body", f"{BODY_SECONDS:g} s", "408 RequestTimeout"),
    Limit(
        "how long a client may leave its response unread",
        f"{TimeLimitedProtocol.stalled_seconds:g} s",
        "the connection ends",
    ),
)


def reliability_page() -> str:
    """docs/reliability.md with its table of limits as it must be."""
    lines = ["| what | at most | beyond |", "|---|---|---|"]
    lines += [f"| {limit.what} | {limit.most} | {limit.beyond} |" for limit in LIMITS]
    table = "\n".join(lines) + "\n"
    return _PLACE.sub(lambda m: m[1] + table + m[2], PAGE.read_text("utf-8"))
