"""The one way to stderr: a line per record, as text or as JSON.

The gateway's own texts, its requests, uvicorn and every library log through `logging`, and
structlog's formatter writes the lines. A failure is logged by its type and its stack, never by its
own message: messages of databases and parsers quote the values that people search for.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import TypeAlias

import msgspec
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.observe.instants import text_of_seconds
from gateway.observe.record import PersonalRead, RequestRecord

REQUESTS = "gateway.requests"
AUDIT = "gateway.audit"
_AUDIT_EVENT = "personal_read"
_CLIENT_DISCONNECTED = 499
_QUIET = ("httpx", "httpcore", "aiohttp", "opentelemetry", "urllib3", "redis")
"""Libraries that would log URLs."""
PROBES = frozenset({"healthz", "readyz", "metrics"})
"""Resources that machines request every few seconds: logged at level debug only."""
_CALLER_TEXTS = ("workspace", "role", "key", "tag", "method")
_TEXTS = (*_CALLER_TEXTS, "resource", "route", "cache", "page")
_FIRST = ("time", "level", "logger", "event")
_BARE = re.compile(r"[\w.$:/+-]+", re.ASCII)
_Failure: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"
)


def configure_logging(format_: str, level: str) -> None:
    """Make this process log to stderr; `format_` is `text` or `json`, `level` a name of logging's.

    Lines that cannot be written are lost, without a failure.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(log_formatter(format_))
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def log_formatter(format_: str) -> logging.Formatter:
    """Return a formatter that makes a line of each record; as text, a stack follows below it."""
    render: Processor = _as_json if format_ == "json" else _as_text
    return ProcessorFormatter(
        processors=[_describe, ProcessorFormatter.remove_processors_meta, render]
    )


class RequestLog:
    """A log with a line for each request, as the formatter makes it, but many at once.

    Reads of personal columns have lines of their own, after that of their request.
    """

    def __init__(self, format_: str) -> None:
        self._logger = logging.getLogger(REQUESTS)
        self._audit = logging.getLogger(AUDIT)
        self._line = _json_line if format_ == "json" else _text_line

    def write(self, records: Iterable[RequestRecord]) -> None:
        """Write the lines that the log level allows to stderr."""
        lines: list[str] = []
        audited = self._audit.isEnabledFor(logging.INFO)
        for record in records:
            if self._logger.isEnabledFor(level := _level(record)):
                lines.append(self._line(line_of(record, level)))
            if audited and record.reads:
                lines += [self._line(line) for line in _audit_lines(record)]
        if lines:
            sys.stderr.write("\n".join(lines) + "\n")
            sys.stderr.flush()


def line_of(record: RequestRecord, level: int) -> EventDict:
    """Return the line of a request: caller, resource, outcome, and times in milliseconds."""
    return {**_head(record, level, REQUESTS, "request"), **facts_of(record)}


def _audit_lines(record: RequestRecord) -> Iterator[EventDict]:
    """Yield a line for each read of personal columns, with caller, columns and number of rows.

    Lines contain no values of rows or queries, and exist only if the response was sent, in full or
    in part. They are written whatever `--log-level` is: a lower volume must not lose them.
    """
    head = _head(record, logging.INFO, AUDIT, _AUDIT_EVENT)
    if 200 <= record.status < 300 or record.status == _CLIENT_DISCONNECTED:
        for read in record.reads:
            yield {**head, **_read_facts(record, read)}


def _read_facts(record: RequestRecord, read: PersonalRead) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"request_id": record.id}
    if record.part:
        facts["part"] = record.part
    facts |= {name: text for name in _CALLER_TEXTS if (text := getattr(record, name))}
    facts["resource"] = read.resource
    facts["columns"] = ",".join(read.columns)
    if read.filters:
        facts["filter"] = ",".join(read.filters)
    facts["rows"] = (record.rows or 0) if read.rows is None else read.rows
    facts["status"] = record.status
    return facts


def _head(record: RequestRecord, level: int, logger: str, event: str) -> EventDict:
    """Return the fields that begin each line; `_FIRST` names them for other records."""
    time = text_of_seconds(record.at + record.seconds)
    return {
        "time": time,
        "level": logging.getLevelName(level).lower(),
        "logger": logger,
        "event": event,
    }


def facts_of(record: RequestRecord) -> dict[str, str | int | float]:
    """Return the facts about a request that are neither secret nor personal nor query values."""
    facts: dict[str, str | int | float] = {"request_id": record.id}
    if record.part:
        facts["part"] = record.part
    for name in _TEXTS:
        text = getattr(record, name)
        if text:
            facts[name] = text
    if record.rows is not None:
        facts["rows"] = record.rows
    facts["bytes"] = record.bytes
    facts["status"] = record.status
    if record.error:
        facts["error"] = record.error
    facts["total_ms"] = round(record.seconds * 1000, 2)
    for name, seconds in record.stage_seconds.items():
        facts[f"{name}_ms"] = round(seconds * 1000, 2)
    return facts


def _level(record: RequestRecord) -> int:
    if record.resource in PROBES:
        return logging.DEBUG
    fails = record.status >= 500 and record.status != 501
    return logging.WARNING if fails else logging.INFO


def _describe(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the fields of a logging record to its text."""
    record: logging.LogRecord = event["_record"]
    event["time"] = text_of_seconds(record.created)
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    failure: _Failure | None = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if failure is not None and failure[1] is not None:
        event["failure"] = _failure(failure[1])
    return event


def _failure(error: BaseException) -> str:
    """Return the types and frames of an exception and its causes, without their messages."""
    parts: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        kind = type(cause)
        frames = traceback.format_tb(cause.__traceback__)
        parts.append(f"{kind.__module__}.{kind.__qualname__}\n{''.join(frames)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "caused by ".join(parts).rstrip("\n")


def _as_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    return _json_line(_in_order(event))


def _as_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Return a line with the stack of a failure below it."""
    stack = event.pop("failure", None)
    line = _text_line(_in_order(event))
    return line if stack is None else f"{line}\n{stack}"


def _json_line(event: Mapping[str, object]) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _text_line(event: Mapping[str, object]) -> str:
    """Return `key=value` pairs, quoted like JSON where necessary."""
    return " ".join([f"{name}={_value(value)}" for name, value in event.items()])


def _in_order(event: EventDict) -> dict[str, object]:
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}


def _value(value: object) -> object:
    if isinstance(value, str):
        bare = (value.isascii() and value.isalnum()) or _BARE.fullmatch(value)
        return value if bare else msgspec.json.encode(value).decode()
    return value if isinstance(value, (int, float)) else _value(str(value))
