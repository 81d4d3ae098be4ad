"""Every form of link, through real proxies with TLS, a path prefix and a port of their own.

The configurations are the examples of `deploy/`. Two gateways stand behind each proxy, which sends
requests now to one, now to the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from gateway.sandbox import Dataset, create_sandbox
from tests.support.live import SECRET, running, served
from tests.support.reverse_proxy import Certificate, caddy, certificate, nginx
from tests.support.wire import WireAnswer
from tests.web.batches import JSON, MULTIPART, Request, answers_of, as_json, as_multipart

PROXIES = {"nginx": nginx, "caddy": caddy}


@dataclass(frozen=True)
class Front:
    """A proxy as its clients see it; `base` ends in the prefix."""

    base: str
    client: httpx.Client
    sandbox: Any

    @property
    def root(self) -> str:
        return f"{self.base}/odata/v4/"

    def json(self, url: str, **headers: str) -> Any:
        answer = self.client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def keys(self, url: str | None, **headers: str) -> list[str]:
        """Of all pages; each link must lead back through the proxy."""
        found: list[str] = []
        while url is not None:
            assert url.startswith(self.root)
            page = self.json(url, **headers)
            found += [row["id"] for row in page["value"]]
            url = page.get("@odata.nextLink")
        return found


@pytest.fixture(scope="module", params=PROXIES)
def front(
    request: pytest.FixtureRequest, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp(request.param)
    folder.chmod(0o755)
    pair: Certificate = certificate(folder)
    settings = {"data_dir": str(folder / "data"), "hsts": 600, "allowed_hosts": "localhost"}
    sandbox = create_sandbox(dataset, secret=SECRET)
    with ExitStack() as stack:
        upstream = stack.enter_context(running(sandbox, date_header=False))
        roots = [stack.enter_context(served(upstream, settings)) for _ in range(2)]
        ports = tuple(urlsplit(root).port or 0 for root in roots)
        base = stack.enter_context(PROXIES[request.param](folder, (ports[0], ports[1]), pair))
        client = stack.enter_context(httpx.Client(verify=pair.trust, timeout=30))
        yield Front(f"{base}/analytics", client, sandbox)


def test_a_feed_is_followed_to_its_end_over_both_gateways(front: Front, dataset: Dataset) -> None:
    keys = front.keys(f"{front.root}Results?$select=id", Prefer="maxpagesize=300")
    assert sorted(keys) == sorted(str(row["id"]) for row in dataset.to_rows())


def test_contexts_and_ids_are_below_the_public_root(front: Front) -> None:
    assert front.json(front.root)["@odata.context"] == f"{front.root}$metadata"
    page = front.json(f"{front.root}Users?$top=1", Accept="application/json;odata.metadata=full")
    assert page["@odata.context"] == f"{front.root}$metadata#Users"
    (row,) = page["value"]
    assert row["@odata.id"].startswith(f"{front.root}Users('")
    assert front.json(row["@odata.id"])["id"] == row["id"]
    links = [value for name, value in row.items() if name.endswith("navigationLink")]
    assert links
    for link in links:
        assert link.startswith(front.root)
        assert front.client.get(link).status_code == 200


def test_the_service_document_leads_to_every_set(front: Front) -> None:
    document = front.json(front.root)
    for entry in document["value"]:
        found = str(httpx.URL(document["@odata.context"]).join(entry["url"]))
        assert front.json(f"{found}?$top=1")["@odata.context"].startswith(front.root)


def test_an_entity_is_found_by_its_public_url(front: Front) -> None:
    key = front.json(f"{front.root}Users?$top=1&$select=id")["value"][0]["id"]
    public = quote(f"{front.root}Users('{key}')", safe="")
    assert front.json(f"{front.root}$entity?$id={public}")["id"] == key
    explained = front.json(f"{front.base}/explain/$entity?$id={public}")
    assert explained["resource"] == front.json(f"{front.base}/explain/Users('{key}')")["resource"]


def test_a_delta_link_leads_back(front: Front) -> None:
    page = front.json(f"{front.root}Contents", Prefer="track-changes")
    link = page["@odata.deltaLink"]
    assert link.startswith(front.root)
    changes = front.json(link)
    assert changes["@odata.context"] == f"{front.root}$metadata#Contents/$delta"
    assert changes["@odata.deltaLink"].startswith(front.root)


@pytest.mark.parametrize(
    ("content_type", "write"), [(MULTIPART, as_multipart), (JSON, as_json)], ids=["mime", "json"]
)
def test_a_batch_knows_its_requests_by_every_public_form(
    front: Front, content_type: list[tuple[str, str]], write: Any
) -> None:
    path = urlsplit(front.root).path
    urls = [f"{front.root}Results?$top=1", f"{path}Results?$top=1", "Results?$top=1"]
    urls += [f"{front.root}Results?$select=id"]
    requests = [Request(url, id=f"c{n}") for n, url in enumerate(urls)]
    headers = [*content_type, ("Prefer", "maxpagesize=2")]
    answer = front.client.post(f"{front.root}$batch", content=write(requests), headers=headers)
    assert answer.status_code == 200, answer.text
    parts = answers_of(WireAnswer(200, tuple(answer.headers.multi_items()), answer.content))
    assert [part.id for part in parts] == ["c0", "c1", "c2", "c3"]
    for part in parts:
        assert part.status == 200, part.body
        assert part.json()["@odata.context"].startswith(f"{front.root}$metadata#Results")
    front.keys(parts[3].json()["@odata.nextLink"], Prefer="maxpagesize=5000")


def test_a_request_of_a_batch_refers_to_one_before_it(front: Front) -> None:
    key = front.json(f"{front.root}Users?$top=1&$select=id")["value"][0]["id"]
    url = f"{front.root}Users('{key}')"
    requests = [
        {"id": "1", "method": "GET", "url": url},
        {"id": "2", "method": "GET", "url": "$1/results?$top=1", "dependsOn": ["1"]},
    ]
    answer = front.client.post(f"{front.root}$batch", json={"requests": requests}).json()
    assert [part["status"] for part in answer["responses"]] == [200, 200]
    assert answer["responses"][1]["body"]["@odata.context"].startswith(front.root)


def test_the_description_names_the_server_as_clients_know_it(front: Front) -> None:
    document = front.json(f"{front.base}/openapi.json")
    assert document["servers"] == [{"url": front.base}]
    assert "/odata/v4/Results/$count" in document["paths"]
    assert front.json(f"{front.base}/odata/v4/Results/$count") == 2_000


def test_the_explanation_is_there(front: Front) -> None:
    found = front.json(f"{front.base}/explain/Results?$filter=state%20eq%20'FAILED'")
    assert "FAILED" in found["pushdown"]


@pytest.mark.parametrize("path", ["", "/"])
def test_the_entry_leads_to_the_service(front: Front, path: str) -> None:
    answer = front.client.get(front.base + path, follow_redirects=True)
    assert (str(answer.url), answer.status_code) == (front.root, 200)


@pytest.mark.parametrize("key", ["a%2Fb", "a%2520b", "a%3Fb", "%C3%9F", "a+b", "a%0Ab", "..%2F.."])
def test_keys_come_through_undecoded(front: Front, key: str) -> None:
    answer = front.client.get(f"{front.root}Users('{key}')")
    assert answer.status_code == 404
    body = json.loads(answer.text)
    assert "there is nothing at this URL" not in body["error"]["message"]


def test_a_long_url_comes_through(front: Front) -> None:
    names = ",".join(f"'{'x' * 20}{n}'" for n in range(560))
    url = f"{front.root}Results?$filter=userName%20in%20({names})&$top=1"
    assert 14_000 < len(url) < 16_000
    assert front.json(url)["value"] == []


def test_nothing_that_a_client_writes_moves_the_links(front: Front) -> None:
    spoofed = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "81",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-For": "127.0.0.1",
        "Forwarded": "for=127.0.0.1;host=evil.example;proto=http",
    }
    assert front.json(front.root, **spoofed)["@odata.context"] == f"{front.root}$metadata"


def test_browsers_are_told_to_stay_with_https(front: Front) -> None:
    answer = front.client.get(front.root)
    assert answer.headers["Strict-Transport-Security"] == "max-age=600"


def test_another_name_is_refused(front: Front) -> None:
    answer = front.client.get(front.root, headers={"Host": "127.0.0.1"})
    assert answer.status_code in (200, 421)  # Caddy itself has no site of that name
    assert "$metadata" not in answer.text
