"""What would tell a key, or what others ask, to who looks at one URL."""

from __future__ import annotations

import httpx
import pytest

from gateway.sandbox import generate
from tests.support.live import Bridge, bridge
from tests.tenancy.support import house, sandbox
from tests.web.conftest import Ask

PATHS = ["status", "openapi.json", "requests", "metrics", "healthz", "connect/skillhabit.pbids"]


@pytest.mark.parametrize("path", PATHS)
def test_a_slash_too_many_leads_nowhere(live: Bridge, path: str) -> None:
    """A redirect would send a key in the URL on, over whatever the server takes for the scheme."""
    base = live.root.removesuffix("odata/v4/")
    answer = httpx.get(f"{base}{path}/?apikey=sho_a_secret", follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({}, {"X-Forwarded-Proto": "https"}, 404),
        ({}, {"X-Forwarded-Server": "proxy"}, 404),
        ({"public_url": "https://bi.example.com"}, {}, 404),
        ({"access_key_file": "KEY"}, {}, 404),
    ],
)
def test_metrics_are_not_told_through_a_proxy_that_says_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    settings: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text("a shared key of some length")
    given = {name: str(key) if value == "KEY" else value for name, value in settings.items()}
    with bridge([], settings=given) as gateway:
        base = gateway.root.removesuffix("odata/v4/")
        assert httpx.get(f"{base}metrics", headers=headers).status_code == status


def test_what_is_the_callers_own_is_kept_by_no_cache_of_others(ask: Ask, live: Bridge) -> None:
    for answer in (ask("Results?$top=1"), ask("Results?$top=1&$format=csv"), ask("Nothing")):
        assert answer.header("x-content-type-options") == "nosniff"
    base = live.root.removesuffix("odata/v4/")
    assert httpx.get(f"{base}openapi.json").headers["cache-control"] == "private, no-cache"


def test_a_role_is_not_told_what_others_ask() -> None:
    toml = "[roles.some]\nrows = \"state eq 'FAILED'\""
    with sandbox(generate(60)) as upstream, house(upstream, toml) as gateway:
        gateway.feed("Results?$filter=state eq 'FAILED' and contains(contentName,'a')")
        assert len(gateway.ask("/status").json()["snapshots"]) == 1
        assert gateway.ask("/status", "default/some").json()["snapshots"] == []
        gateway.feed("Results", "default/some")
        assert len(gateway.ask("/status", "default/some").json()["snapshots"]) == 1
