"""A description is found wherever an API shows it, and nothing reaches another host."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import pytest
from httpx_aiohttp import HttpxAiohttpClient
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.discovery.claims.document import MAX_DOCUMENT_BYTES
from gateway.discovery.claims.find import MAX_CALLS, USUAL_PLACES, find_description, read_url
from gateway.discovery.claims.pages import embedded_description, linked_documents
from gateway.errors import ConfigurationProblem
from tests.discovery.claims.descriptions import description

pytestmark = pytest.mark.anyio

BASE = "https://api.example.com"
TOKEN = "t0ken-of-the-owner"
DOCUMENT = json.dumps(description("3.0.3"))
Answer = tuple[int, str] | tuple[int, str, dict[str, str]]


@dataclass
class Host:
    """A host that answers by path; it notes each request."""

    answers: dict[str, Answer]
    asked: list[httpx.Request] = field(default_factory=list)
    default: Answer = (404, '{"message": "Cannot GET"}')

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status, text, *headers = self.answers.get(request.url.path, self.default)
        return httpx.Response(status, text=text, headers=headers[0] if headers else {})

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))


def check_calls(host: Host) -> None:
    """Check that only this host was asked, with few GET requests."""
    assert {request.url.host for request in host.asked} <= {"api.example.com"}
    assert {request.method for request in host.asked} <= {"GET"}
    assert len(host.asked) <= MAX_CALLS


PAGES = {
    "swagger ui": '<script>SwaggerUIBundle({ url: "/v1/openapi", dom_id: "#ui" })</script>',
    "urls": '<script>SwaggerUIBundle({ urls: [{ url: "./v1/openapi", name: "a" }] })</script>',
    "redoc": "<redoc spec-url='/v1/openapi'></redoc>",
    "redoc init": '<script>Redoc.init("/v1/openapi", {}, document.body)</script>',
    "scalar": '<script id="api-reference" data-url="/v1/openapi"></script>',
    "stoplight": '<elements-api apiDescriptionUrl="/v1/openapi" router="hash"/>',
    "rapidoc": '<rapi-doc spec-url = "https://api.example.com/v1/openapi"> </rapi-doc>',
    "embedded": f"<script>const options = {{ swaggerDoc: {DOCUMENT} }}</script>",
    "scalar content": f"<script>createApiReference('#app', {{content: {DOCUMENT}}})</script>",
}


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("place", ["/", "/docs", "/redoc"])
async def test_pages_of_documentation_lead_to_it(kind: str, place: str) -> None:
    host = Host({place: (200, PAGES[kind]), "/v1/openapi": (200, DOCUMENT)})
    found = await find_description(host.client(), BASE, TOKEN)
    assert found.claims is not None
    assert found.claims.results is not None
    assert found.calls == len(host.asked)
    check_calls(host)


@pytest.mark.parametrize("script", ["swagger-initializer.js", "./swagger-ui-init.js"])
async def test_start_up_scripts_are_read(script: str) -> None:
    page = f'<html><head><script src="{script}" charset="UTF-8"></script></head></html>'
    nest = f'window.onload = function() {{ let options = {{"swaggerDoc": {DOCUMENT}, "x": {{}} }};'
    plain = 'window.ui = SwaggerUIBundle({ url: "/hidden.json", deepLinking: true })'
    name = script.removeprefix("./")
    for text in (nest, plain):
        host = Host({"/": (200, page), f"/{name}": (200, text), "/hidden.json": (200, DOCUMENT)})
        found = await find_description(host.client(), BASE)
        assert found.claims is not None
        assert len(host.asked) <= 3


@pytest.mark.parametrize("place", [p for p in USUAL_PLACES if "." in p or "-" in p])
@pytest.mark.parametrize("base", [BASE, f"{BASE}/rest/"])
async def test_usual_places_are_tried(place: str, base: str) -> None:
    host = Host({f"{httpx.URL(base).path.rstrip('/')}{place}": (200, DOCUMENT)})
    found = await find_description(host.client(), base, TOKEN)
    assert found.claims is not None
    assert not [r for r in host.asked if "authorization" in r.headers]


async def test_a_configuration_of_swagger_ui_is_followed() -> None:
    config = '{"configUrl":"/v3/api-docs/swagger-config","urls":[{"url":"/group","name":"g"}]}'
    host = Host({"/v3/api-docs": (200, config), "/group": (200, DOCUMENT)})
    assert (await find_description(host.client(), BASE)).url == f"{BASE}/group"


async def test_other_hosts_get_nothing() -> None:
    away = "https://evil.example/openapi.json"
    page = (
        f'<redoc spec-url="{away}"></redoc><script>var x = {{ url: "//evil.example/a" }}</script>'
    )
    host = Host({"/": (200, page)}, default=(302, "", {"location": away}))
    found = await find_description(host.client(), BASE, TOKEN)
    assert found.claims is None
    check_calls(host)


async def test_the_token_is_sent_only_after_a_refusal_without_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        known = request.headers.get("authorization") == f"Bearer {TOKEN}"
        return httpx.Response(200 if known and "docs" in request.url.path else 401, text=DOCUMENT)

    asked: list[httpx.Request] = []
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    found = await find_description(http, BASE, TOKEN)
    assert found.claims is not None
    assert "authorization" not in asked[0].headers
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "answer",
    [
        (200, "<html>sign in</html>"),
        (200, "{}"),
        (200, '{"openapi": "3.0.0", "paths": 5}'),
        (200, "x" * (MAX_DOCUMENT_BYTES + 1)),
        (200, "\x00\xff"),
        (302, "", {"location": "/"}),
        (302, "", {"location": "http://["}),
        (302, "", {"location": "/again"}),
        (401, ""),
        (503, ""),
        (200, '<script>url: "/a"; url: "/b"; url: "/c"</script>'),
    ],
)
async def test_a_host_without_a_description_costs_few_calls(answer: Answer) -> None:
    host = Host({}, default=answer)
    found = await find_description(host.client(), BASE, TOKEN)
    assert (found.claims, found.refused) == (None, False)
    check_calls(host)


async def test_the_search_ends_when_the_host_has_enough() -> None:
    host = Host({}, default=(429, ""))
    found = await find_description(host.client(), BASE, TOKEN)
    assert (found.calls, found.refused) == (1, True)


async def test_the_search_ends_when_there_is_no_host() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(fail))
    assert (await find_description(http, BASE)).calls == 3
    assert (await find_description(http, "no url")).calls == 0


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 100_000_000)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, content=bomb)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    with pytest.raises(ConfigurationProblem, match="larger than"):
        await read_url(http, f"{BASE}/openapi.json")


async def test_each_call_waits_for_the_pace() -> None:
    pauses = []

    async def pause() -> None:
        pauses.append(1)

    host = Host({})
    found = await find_description(host.client(), BASE, pause=pause)
    assert len(pauses) == found.calls == len(host.asked)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, ""), "answered 404; check the URL"),
        ((403, ""), "in a browser"),
        ((302, "", {"location": "https://evil.example/"}), "another host"),
        ((302, "", {"location": "/file"}), "redirects too often"),
    ],
)
async def test_a_url_that_gives_no_file_is_refused(answer: Answer, says: str) -> None:
    host = Host({}, default=answer)
    with pytest.raises(ConfigurationProblem, match=says) as refused:
        await read_url(host.client(), f"{BASE}/file?key=s3cr3t", BASE, TOKEN)
    assert "s3cr3t" not in str(refused.value)
    with pytest.raises(ConfigurationProblem, match="is not a URL"):
        await read_url(host.client(), "file:///etc/passwd")


async def test_the_token_goes_to_the_owners_host_alone() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if "authorization" in request.headers else 401, text="{}")

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    assert await read_url(http, f"{BASE}/file", BASE, TOKEN) == b"{}"
    with pytest.raises(ConfigurationProblem, match="401"):
        await read_url(http, "https://other.example/file", BASE, TOKEN)


@given(st.text("<>=!-/'\"` {}[]:,redocscriptspecurl\n&;", max_size=200), st.text(max_size=20))
@settings(max_examples=200)
def test_any_page_has_links_or_none(text: str, url: str) -> None:
    for page in (
        text,
        f"<redoc spec-url={text}",
        f"<![{text}",
        f"<script>{text}",
        f"swaggerDoc: {{{text}",
    ):
        assert all(isinstance(link, str) for link in linked_documents(page, url))
        embedded_description(page)


class _Documentation(BaseHTTPRequestHandler):
    """A NestJS-like host: a redirect, a page, and a script with the document inside."""

    PAGES: ClassVar[dict[str, str]] = {
        "/docs": '<script src="./swagger-ui-init.js"></script>',
        "/swagger-ui-init.js": f'let options = {{"swaggerDoc": {DOCUMENT}, "x": {{}} }};',
    }

    def do_GET(self) -> None:
        if self.path == "/":
            self.send_response(302)
            self.send_header("Location", "/docs")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


async def test_a_real_host_is_searched_by_the_gateways_kind_of_client() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Documentation) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        async with HttpxAiohttpClient() as http:
            found = await find_description(http, url, TOKEN)
        server.shutdown()
    assert (found.url, found.calls) == (f"{url}/swagger-ui-init.js", 3)
    assert found.claims is not None
    assert found.claims.results is not None
