"""What every response tells browsers, what a form is believed, and who may see plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.app import create_app
from gateway.sandbox import Dataset
from gateway.web.bad_http import ODataProtocol
from tests.support.access import basic, make_key
from tests.support.live import Bridge, bridge, running, settings_from
from tests.support.wire import WireAnswer, send

PROTECTED = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
JSON_BATCH = b'{"requests":[{"id":"1","method":"GET","url":"Results?$top=1"}]}'
HTML = ("Accept", "text/html")


def is_protected(answer: WireAnswer) -> bool:
    return all(answer.every(name) == [value] for name, value in PROTECTED.items())


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *(("/odata/v4/", 200), ("/odata/v4/$metadata", 200), ("/odata/v4/Results?$top=1", 200)),
        *(("/odata/v4/Results/$count", 200), ("/odata/v4/Nothing", 404), ("/nowhere", 404)),
        *(("/odata/v4/Results?$format=csv", 200), ("/odata/v4/Results?$format=parquet", 200)),
        *(("/odata/v4/Results?$filter=(", 400), ("/odata/v4/Results?$format=xml", 406)),
        *(("/", 307), ("/assets/x/none.css", 404), ("/assets/x/style.css", 200)),
        *(("/favicon.ico", 200), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200)),
        *(("/status", 200), ("/requests", 200), ("/openapi.json", 200), ("/query.json", 200)),
        *(("/connect/skillhabit.pbids", 200), ("/connect/powerbi-project.zip", 200)),
        *(("/connect/snippets.json", 200), ("/connect/none", 404), ("/explain/Results", 200)),
        *(
            ("/explain/Nothing", 404),
            ("/dashboard", 200),
            ("/insights", 200),
            ("/query", 200),
            ("/connect", 200),
        ),
        ("/odata/v4/Results?$filter=" + "a" * 70_000, 414),
        ("/odata/v4/a b", 400),
    ],
    ids=lambda value: str(value)[:50],
)
@pytest.mark.parametrize("headers", [[], [HTML]], ids=["program", "person"])
def test_no_response_may_be_sniffed_or_taken_elsewhere(
    live: Bridge, target: str, status: int, headers: list[tuple[str, str]]
) -> None:
    answer = send(live.root, target, headers)
    if not headers:
        assert answer.status == status, answer.text[:200]
    assert is_protected(answer), answer.headers


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        *(("POST", "/odata/v4/$batch", 200), ("POST", "/odata/v4/Results/$query", 415)),
        *(("PUT", "/odata/v4/Results", 405), ("DELETE", "/status", 405)),
        *(("OPTIONS", "/odata/v4/Results", 204), ("POST", "/read-now", 403)),
        ("HEAD", "/odata/v4/Results?$top=1", 200),
    ],
)
def test_neither_may_what_other_methods_get(
    live: Bridge, method: str, target: str, status: int
) -> None:
    json = ("Content-Type", "application/json")
    body = JSON_BATCH if method == "POST" else b""
    answer = send(live.root, target, [json], method=method, body=body)
    assert answer.status == status, answer.text
    assert is_protected(answer), answer.headers


def test_a_304_is_protected_too(live: Bridge) -> None:
    tag = send(live.root, "/odata/v4/$metadata").header("ETag")
    assert tag is not None
    answer = send(live.root, "/odata/v4/$metadata", [("If-None-Match", tag)])
    assert answer.status == 304
    assert is_protected(answer)


def test_an_endpoint_that_fails_answers_as_all_others_do() -> None:
    """Starlette sends such a response outside of every middleware."""
    app = create_app(settings_from({"upstream": "http://127.0.0.1:9"}))

    def fail(request: Request) -> Response:
        raise RuntimeError("a value of a row")

    app.add_route("/fails", fail)
    with running(app, protocol=ODataProtocol) as base:
        answer = send(base, "/fails")
    assert (answer.status, answer.json()["error"]["code"]) == (500, "InternalError")
    assert "a value" not in answer.text
    assert is_protected(answer)


# --- read-now -------------------------------------------------------------------------------------

ELSEWHERE = [("Origin", "http://evil.example"), ("X-Forwarded-Host", "evil.example")]


@pytest.mark.parametrize("path", ["/read-now", "/query/read-now?url=Users"])
@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 403),
        ({"trusted_proxies": "192.0.2.1"}, 403),
        ({"trusted_proxies": ""}, 403),
        ({"trusted_proxies": "127.0.0.1"}, 303),
        ({"trusted_proxies": "127.0.0.1", "public_url": "http://bi.example"}, 403),
    ],
    ids=str,
)
def test_a_form_is_believed_by_the_words_of_named_proxies_alone(
    dataset: Dataset, path: str, settings: dict[str, object], status: int
) -> None:
    """That it comes from this computer is no reason to believe X-Forwarded-Host."""
    with bridge(dataset, settings=settings) as gateway:
        answer = send(gateway.root, path, ELSEWHERE, method="POST")
        assert answer.status == status, answer.text
        forwarded = [("Origin", "http://evil.example"), ("Forwarded", "host=evil.example")]
        assert send(gateway.root, path, forwarded, method="POST").status == status


# --- plans ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def limited(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, str]]:
    """A gateway that shows plans to one of two keys: its root, and the keys."""
    folder = tmp_path_factory.mktemp("plans")
    (folder / "shared").write_text("a shared key, long enough", "utf-8")
    may, may_id = make_key(folder / "keys.json")
    other, _ = make_key(folder / "keys.json")
    settings = {
        "keys_file": str(folder / "keys.json"),
        "access_key_file": str(folder / "shared"),
        "explain_keys": may_id,
    }
    with bridge(dataset, settings=settings) as gateway:
        yield gateway.root, may, other


@pytest.mark.parametrize("headers", [[], [HTML]], ids=["program", "person"])
def test_plans_are_shown_to_the_keys_that_may_see_them(
    limited: tuple[str, str, str], headers: list[tuple[str, str]]
) -> None:
    root, may, other = limited
    path = "/explain/Results?$filter=state%20eq%20'FAILED'"
    assert send(root, path, [basic(may), *headers]).status == 200
    for key in (other, "a shared key, long enough"):
        refused = send(root, path, [basic(key), *headers])
        assert refused.status == 403
        assert "--explain-keys" in refused.text
    assert send(root, path, headers).status == 401
    assert send(root, "/odata/v4/Results?$top=1", [basic(other)]).status == 200


def test_no_other_page_shows_them(limited: tuple[str, str, str]) -> None:
    root, may, other = limited
    question = "/query?url=Results%3F%24filter%3Dstate%20eq%20%27FAILED%27"
    shown, hidden = (send(root, question, [basic(key), HTML]) for key in (may, other))
    assert (shown.status, hidden.status) == (200, 200)
    assert "How this query runs" in shown.text
    assert "How this query runs" not in hidden.text
    send(root, "/odata/v4/Results?$top=1", [basic(may)])
    plans = {
        key: [r["explain"] for r in send(root, "/requests", [basic(key)]).json()["requests"]]
        for key in (may, other)
    }
    assert any(plans[may])
    assert not any(plans[other])


def test_everybody_sees_plans_where_no_key_is_named(tmp_path: Path) -> None:
    key, _ = make_key(tmp_path / "keys.json")
    with bridge([], settings={"keys_file": str(tmp_path / "keys.json")}) as gateway:
        assert send(gateway.root, "/explain/Results", [basic(key)]).status == 200
