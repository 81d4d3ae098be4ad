"""Traces by OpenTelemetry, if the extra `otel` is installed and its variables request them.

Otherwise nothing is imported or traced. Stages know nothing of traces: their spans are made from
the record's marks when a request ends. Only calls to the Analytics API have a span while they run,
because `traceparent` carries its id (W3C Trace Context).
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from gateway.observe.record import RequestRecord, current

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
)
_SERVICE = "skillhabit-odata"


class TracedCall(Protocol):
    """A running call to the Analytics API."""

    def end(self, outcome: str) -> None:
        """End the call; `outcome` is a status or the kind of failure."""


class Traces:
    """Traces that are off; callers check `is_on` to save work."""

    is_on = False

    def begin(self, record: RequestRecord, headers: Mapping[bytes, bytes]) -> None:
        """Begin a request; `headers` may name the trace that it belongs to."""

    def end(self, record: RequestRecord, facts: Mapping[str, Any]) -> None:
        """End a request; `facts` are those of its log line."""

    @contextmanager
    def extract(self, record: RequestRecord, parent: RequestRecord | None) -> Iterator[None]:
        """Trace an extract; `parent` is the request that started it."""
        yield

    def call(self, method: str, path: str, headers: MutableMapping[str, str]) -> TracedCall | None:
        """Begin a call to the Analytics API; add the trace to its `headers`."""
        return None

    def close(self) -> None:
        """Send the remaining spans; this may take a while."""


class _TracedSpan:
    def __init__(self, span: Any) -> None:
        self._span = span

    def end(self, outcome: str) -> None:
        self._span.set_attribute("outcome", outcome)
        self._span.end()


class OpenTelemetry(Traces):
    """Traces through an SDK's provider."""

    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.propagate import extract, inject
        from opentelemetry.trace import SpanKind, set_span_in_context

        self._provider = provider
        self._tracer = provider.get_tracer(_SERVICE)
        self._extract, self._inject, self._within = extract, inject, set_span_in_context
        self._kinds = SpanKind

    def begin(self, record: RequestRecord, headers: Mapping[bytes, bytes]) -> None:
        """See `Traces`."""
        pairs = ((name, headers.get(name.encode())) for name in ("traceparent", "tracestate"))
        carried = {name: value.decode("latin-1") for name, value in pairs if value is not None}
        context = self._extract(carried) if carried else None
        span = self._tracer.start_span(record.method, context, kind=self._kinds.SERVER)
        record.marks, record.span = [], span

    def end(self, record: RequestRecord, facts: Mapping[str, Any]) -> None:
        """See `Traces`."""
        span = record.span
        if record.resource:
            span.update_name(f"{record.method} {record.resource}")
        span.set_attributes({f"skillhabit.{name}": value for name, value in facts.items()})
        span.set_attribute("http.response.status_code", record.status)
        self._stages(record)
        span.end()
        record.span = record.marks = None

    def _stages(self, record: RequestRecord) -> None:
        """Add spans for the marks, moved from `perf_counter` to nanoseconds since 1970."""
        shift, within = time.time() - time.perf_counter(), self._within(record.span)
        for name, began, ended in record.marks or ():
            begun = int((began + shift) * 1e9)
            child = self._tracer.start_span(name, context=within, start_time=begun)
            child.end(int((ended + shift) * 1e9))

    @contextmanager
    def extract(self, record: RequestRecord, parent: RequestRecord | None) -> Iterator[None]:
        """See `Traces`."""
        record.span = self._tracer.start_span("extract", context=self._parent_context(parent))
        try:
            yield
        finally:
            record.span.set_attribute("skillhabit.rows", record.rows or 0)
            record.span.end()

    def call(self, method: str, path: str, headers: MutableMapping[str, str]) -> TracedCall | None:
        """See `Traces`."""
        context = self._parent_context(current())
        span = self._tracer.start_span(f"{method} {path}", context, kind=self._kinds.CLIENT)
        self._inject(headers, context=self._within(span))
        return _TracedSpan(span)

    def _parent_context(self, record: RequestRecord | None) -> Context | None:
        return None if record is None or record.span is None else self._within(record.span)

    def close(self) -> None:
        """See `Traces`."""
        self._provider.shutdown()


def build_traces(environment: Mapping[str, str]) -> Traces:
    """Return the traces that the standard variables request, with OpenTelemetry's own defaults.

    Raises:
        ModuleNotFoundError: traces are requested, but the extra `otel` is not installed.
    """
    requested = any(environment.get(name) for name in _ENDPOINTS)
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not requested or off or environment.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return Traces()
    if importlib.util.find_spec("opentelemetry") is None:
        raise ModuleNotFoundError("opentelemetry")
    return OpenTelemetry(_provider())


def _provider() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: _SERVICE}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
