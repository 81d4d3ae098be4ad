"""No key and no token shows in an answer, a log line, a repr or an error, wherever it was put."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from gateway.app import create_app
from gateway.auth.credentials import Credential, CredentialKind, credential_of
from gateway.auth.principal import ClientRequest, Principal
from gateway.sandbox import generate
from gateway.sandbox.issuer import AUDIENCE, GROUP, TENANT, Issuer
from gateway.sandbox.serving import SandboxServer, serve_config
from gateway.writer.links import CarriedKey, Links
from tests.support.access import GIVING, make_key
from tests.support.examples import examples
from tests.support.live import bridge, settings_from
from tests.support.wire import send

SHARED = "open-sesame-says-the-shared-key"
PATHS = (
    *("/odata/v4/", "/odata/v4/$metadata", "/odata/v4/Results", "/odata/v4/Results/$count"),
    *(
        "/odata/v4/Results('x')",
        "/odata/v4/Nothing",
        "/odata/v4/$batch",
        "/odata/v4/Results/$query",
    ),
    *(
        "/explain/Results",
        "/explain/Nothing",
        "/status",
        "/openapi.json",
        "/nowhere",
        "/",
        "/healthz",
    ),
)
QUERIES = (
    *("", "$top=1", "$filter=state eq 'FAILED'", "$filter=broken(", "$skiptoken=x", "$format=csv"),
    *("$filter=%zz", "$deltatoken=x", "$apply=aggregate($count as n)", "filtr=1", "$nope=1", "&&"),
)
HEADERS: tuple[tuple[str, str], ...] = (
    *(("Prefer", "odata.track-changes"), ("Prefer", "maxpagesize=3"), ("Accept", "text/nonsense")),
    *(("OData-MaxVersion", "3.0"), ("Content-Type", "text/plain"), ("If-None-Match", "*")),
)


@dataclass(frozen=True)
class Everything:
    """A gateway that takes everything, and one right secret of each kind."""

    root: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    folder, issuer = tmp_path_factory.mktemp("everything"), Issuer()
    file, shared = folder / "keys.json", folder / "shared"
    shared.write_text(SHARED, "utf-8")
    key, _ = make_key(file)
    with SandboxServer(serve_config(issuer, port=0)) as server:
        issuer.base_url = server.base_url
        server.start()
        chosen: dict[str, object] = {
            "keys_file": str(file),
            "access_key_file": str(shared),
            "pass_through": True,
            "entra_authority": issuer.base_url,
            "entra_tenant": TENANT,
            "entra_audience": AUDIENCE,
            "entra_group": f"{GROUP}=default",
        }
        secrets = {
            "key": key,
            "shared": SHARED,
            "entra": issuer.token(),
            "stranger": issuer.token(groups=[]),
            "expired": issuer.token(exp=1, nbf=0),
            "caller": jwt.encode({"sub": "anna", "exp": int(time.time()) + 900}, "k" * 32),
        }
        with bridge(generate(20), settings=chosen) as gateway:
            yield Everything(gateway.root, secrets)


@examples(150, suppress=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["key", "shared", "entra", "stranger", "expired", "caller"]),
    way=st.sampled_from(sorted(GIVING)),
    changed=st.sampled_from(["", "x", "%00", "%zz", "#"]),
    path=st.sampled_from(PATHS),
    query=st.sampled_from(QUERIES),
    headers=st.lists(st.sampled_from(HEADERS), max_size=2, unique_by=lambda header: header[0]),
    method=st.sampled_from(["GET", "GET", "HEAD", "POST", "DELETE"]),
    peer=st.integers(1, 250),
)
def test_no_secret_shows(
    everything: Everything,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    way: str,
    changed: str,
    path: str,
    query: str,
    headers: list[tuple[str, str]],
    method: str,
    peer: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = everything.secrets[kind]
    in_query, in_headers = GIVING[way](secret + changed)
    whole = "&".join(filter(None, (query.replace(" ", "%20"), in_query)))
    target = f"{path}?{whole}" if whole else path
    body = whole.encode() if method == "POST" else b""
    fields = [*headers, *in_headers, ("X-Forwarded-For", f"192.0.2.{peer}")]
    answer = send(everything.root, target, fields, method=method, body=body)
    assert answer.status != 500
    shown = str(answer.headers)
    if answer.status == 200 and way == "query" and b'Link":"' in answer.body:
        answer = type(answer)(200, (), _without_links(answer.json()))
    shown += answer.body.decode("utf-8", "replace")
    for text in (shown, caplog.text):
        assert secret not in text
        assert secret[-40:] not in text  # the part that is secret, or most of it
    caplog.clear()


def _without_links(page: dict[str, Any]) -> bytes:
    return str({name: v for name, v in page.items() if not name.endswith("Link")}).encode()


def test_no_secret_shows_in_a_representation(tmp_path: Path) -> None:
    file, shared = tmp_path / "keys.json", tmp_path / "shared"
    key, key_id = make_key(file)
    shared.write_text(SHARED, "utf-8")
    chosen = settings_from({"keys_file": str(file), "access_key_file": str(shared)})
    app = create_app(chosen)
    asked = ClientRequest(Headers({"authorization": f"Bearer {key}"}), (key,), "192.0.2.1")
    carried = CarriedKey("apikey", key, "digest")
    things: list[object] = [
        *(chosen, app, app.routes, asked, carried, Links("http://x/", carried)),
        *(
            Credential(CredentialKind.KEY, key),
            Principal(token=key),
            credential_of(ClientRequest(asked.headers)),
        ),
    ]
    shown = "".join(map(repr, things)) + "".join(str(vars(route)) for route in app.routes)
    assert key not in shown
    assert key.rpartition("_")[2] not in shown
    assert SHARED not in shown
    assert key_id in file.read_text("utf-8")
