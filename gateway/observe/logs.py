"""All that is written to stderr goes one way: a line each, as text or as JSON.

The gateway's own texts, its requests, uvicorn and every library come as records of `logging` and
leave through structlog's formatter. A failure is told by its type and its stack, never by its own
message: those of databases and parsers quote the values that people have asked for.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeAlias

import msgspec
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.observe.audit import AUDIT, EVENT, personal_reads
from gateway.observe.record import RequestRecord

REQUESTS = "gateway.requests"
_QUIET = ("httpx", "httpcore", "aiohttp", "opentelemetry", "urllib3", "redis")
"""They would log URLs."""
PROBES = frozenset({"healthz", "readyz", "metrics"})
"""What machines ask every few seconds: told at level debug only."""
_TEXTS = ("workspace", "role", "key", "tag", "method", "resource", "route", "cache", "page")
_FIRST = ("time", "level", "logger", "event")
_BARE = re.compile(r"[\w.$:/+-]+", re.ASCII)
_Failure: TypeAlias = (
    "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"
)


def configure_logging(format_: str, level: str) -> None:
    """Let this process write to stderr; `format_` is `text` or `json`, `level` a name of logging's.

    What cannot be written is lost, and nothing fails for it.
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
    """Every record as one line; as text, with the stack of a failure below it."""
    render: Processor = _as_json if format_ == "json" else _as_text
    return ProcessorFormatter(
        processors=[_describe, ProcessorFormatter.remove_processors_meta, render]
    )


class RequestLog:
    """Writes a line for each request, as the formatter would, but many at once.

    Reads of personal columns have lines of their own, behind that of their request.
    """

    def __init__(self, format_: str) -> None:
        self._logger = logging.getLogger(REQUESTS)
        self._audit = logging.getLogger(AUDIT)
        self._line = _json_line if format_ == "json" else _text_line

    def write(self, records: Iterable[RequestRecord]) -> None:
        """To stderr, what the level of logging lets through."""
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
    """Who asked what, how it was answered, and how long that took (milliseconds)."""
    return {**_head(record, level, REQUESTS, "request"), **facts_of(record)}


def _audit_lines(record: RequestRecord) -> Iterator[EventDict]:
    head = _head(record, logging.INFO, AUDIT, EVENT)
    return ({**head, **facts} for facts in personal_reads(record))


def _head(record: RequestRecord, level: int, logger: str, event: str) -> EventDict:
    """What each line begins with; `_FIRST` names it for the lines of others."""
    time = _instant(record.at + record.seconds)
    return {
        "time": time,
        "level": logging.getLevelName(level).lower(),
        "logger": logger,
        "event": event,
    }


def facts_of(record: RequestRecord) -> dict[str, str | int | float]:
    """What is known of a request; nothing in it is secret, personal or asked for."""
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
    for name, seconds in record.spent.items():
        facts[f"{name}_ms"] = round(seconds * 1000, 2)
    return facts


def _instant(seconds: float) -> str:
    """Seconds since 1970 as UTC, to the millisecond."""
    told = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return told.replace("+00:00", "Z")


def _level(record: RequestRecord) -> int:
    if record.resource in PROBES:
        return logging.DEBUG
    fails = record.status >= 500 and record.status != 501
    return logging.WARNING if fails else logging.INFO


def _describe(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """What a record of logging says beside its text."""
    record: logging.LogRecord = event["_record"]
    event["time"] = _instant(record.created)
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    failure: _Failure | None = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if failure is not None and failure[1] is not None:
        event["failure"] = _failure(failure[1])
    return event


def _failure(error: BaseException) -> str:
    """Types and frames of an exception and of what has caused it, without their messages."""
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
    """A stack stands below its line, as people read it."""
    stack = event.pop("failure", None)
    line = _text_line(_in_order(event))
    return line if stack is None else f"{line}\n{stack}"


def _json_line(event: Mapping[str, object]) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def _text_line(event: Mapping[str, object]) -> str:
    """`key=value`, quoted as JSON quotes where it must be."""
    return " ".join([f"{name}={_value(value)}" for name, value in event.items()])


def _in_order(event: EventDict) -> dict[str, object]:
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}


def _value(value: object) -> object:
    if isinstance(value, str):
        bare = (value.isascii() and value.isalnum()) or _BARE.fullmatch(value)
        return value if bare else msgspec.json.encode(value).decode()
    return value if isinstance(value, (int, float)) else _value(str(value))
