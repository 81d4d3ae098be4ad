"""Traces, as a collector on loopback gets them from a real process."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.observe.conftest import gateway
from tests.support.live import running

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """Takes OTLP over HTTP, and stands in front of the upstream to see what goes along."""

    def __init__(self, upstream: str) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.seen: list[str] = []
        self._upstream = upstream
        self._lock = threading.Lock()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/traces", self._take, methods=["POST"]),
                Route("/analyse/{name}", self._pass, methods=["POST"]),
            ]
        )

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        export = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            for resource in export.resource_spans:
                named = {a.key: a.value.string_value for a in resource.resource.attributes}
                self.services.add(named["service.name"])
                for scope in resource.scope_spans:
                    self.spans.extend(scope.spans)
        return Response(b"", media_type="application/x-protobuf")

    async def _pass(self, request: Request) -> Response:
        self.seen.append(request.headers.get("traceparent", ""))
        async with httpx.AsyncClient(base_url=self._upstream) as client:
            headers = {n: request.headers[n] for n in ("authorization", "content-type")}
            answer = await client.post(
                request.url.path, content=await request.body(), headers=headers
            )
        return Response(answer.content, answer.status_code, media_type="application/json")


@pytest.fixture
def collector(upstream: str) -> Iterator[tuple[Collector, str]]:
    found = Collector(upstream)
    with running(found.app()) as url:
        yield found, url


def test_a_request_is_one_trace_from_its_caller_to_the_upstream(
    collector: tuple[Collector, str], tmp_path: Path
) -> None:
    found, url = collector
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with gateway(url, tmp_path, environment=environment) as served:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        query = "Results?$filter=contains(userName,'Jane') or progress ge 0&$top=3"
        answer = httpx.get(f"{served.base}/odata/v4/{query}", headers=headers, timeout=20)
        assert answer.status_code == 200
        assert served.process.stop(signal.SIGINT, seconds=20) == 0
    spans = {span.name: span for span in found.spans if span.trace_id.hex() == TRACE}
    root = spans["GET Results"]
    assert root.parent_span_id.hex() == PARENT
    assert root.kind == Span.SPAN_KIND_SERVER
    for stage in ("parse", "plan", "snapshot", "query", "write", "send", "extract"):
        child = spans[stage]
        assert child.parent_span_id == root.span_id
        assert child.start_time_unix_nano >= root.start_time_unix_nano - 5_000_000
    call = spans["POST /analyse/results"]
    assert call.parent_span_id == spans["extract"].span_id
    assert call.kind == Span.SPAN_KIND_CLIENT
    assert {parent.split("-")[1] for parent in found.seen} == {TRACE}
    assert call.span_id.hex() in {parent.split("-")[2] for parent in found.seen}
    assert found.services == {"skillhabit-odata"}
    assert "Jane" not in str(found.spans)


def test_without_its_variables_nothing_of_it_is_imported() -> None:
    program = (
        "import sys; from gateway.app import create_app; from gateway.config import load_settings;"
        "create_app(load_settings({}, {}));"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False, timeout=60)
    assert done.returncode == 0


def test_what_cannot_be_sent_fails_no_request(upstream: str, tmp_path: Path) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }
    with gateway(upstream, tmp_path, environment=environment) as served:
        assert httpx.get(f"{served.base}/odata/v4/Results?$top=1", timeout=20).status_code == 200
