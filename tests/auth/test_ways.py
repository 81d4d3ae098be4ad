"""Every way of giving a key, on a real socket, and the challenges that clients wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.app import create_app
from gateway.errors import ConfigurationProblem
from gateway.sandbox.issuer import AUDIENCE, GROUP, TENANT
from tests.support.access import GIVING, Header, basic, bearer, make_key
from tests.support.live import bridge, settings_from
from tests.support.wire import WireAnswer, send

SHARED = "open sesame, says the shared key"
BASIC = 'Basic realm="Skillhabit OData", charset="UTF-8"'
ENTRA = f"Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize"
CALLER = 'Bearer realm="Skillhabit OData"'
SIGN_IN = {"entra_tenant": TENANT, "entra_audience": AUDIENCE, "entra_group": f"{GROUP}=default"}
DOCUMENTS = ("/odata/v4/", "/odata/v4/Results", "/explain/Results", "/status", "/openapi.json")


@dataclass(frozen=True)
class Locked:
    """A gateway that takes keys."""

    root: str
    file: Path
    key: str

    def ask(self, target: str, headers: list[Header], query: str = "") -> WireAnswer:
        return send(self.root, f"{target}{'?' if query else ''}{query}", headers)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    file, shared = folder / "keys.json", folder / "shared"
    shared.write_text(f" {SHARED}\n", "utf-8")
    key, _ = make_key(file)
    with bridge([], settings={"keys_file": str(file), "access_key_file": str(shared)}) as gateway:
        yield Locked(gateway.root, file, key)


@pytest.mark.parametrize("target", DOCUMENTS)
@pytest.mark.parametrize("way", GIVING)
def test_a_key_may_be_given_in_every_way(locked: Locked, way: str, target: str) -> None:
    for key in (locked.key, SHARED.replace(" ", "%20") if way == "query" else SHARED):
        query, headers = GIVING[way](key)
        assert locked.ask(target, headers, query).status == 200
    query, headers = GIVING[way](locked.key[:-1])
    refused = locked.ask(target, headers, query)
    assert refused.status in (401, 429)
    assert locked.key[:-1] not in f"{refused.headers}{refused.text}"


def test_the_user_name_does_not_count(locked: Locked) -> None:
    for user in ("", "anna@example.com", locked.key[4:16]):
        assert locked.ask("/odata/v4/", [basic(locked.key, user)]).status == 200


@pytest.mark.parametrize("name", ["apikey", "ApiKey", "%61pi%4Bey"])
def test_the_option_is_found_however_it_is_written(locked: Locked, name: str) -> None:
    for query in ("{}", "$top=1&{}", "{}&$top=1", "&&{}&"):
        right, wrong = (query.format(f"{name}={key}") for key in (locked.key, f"{locked.key}x"))
        assert locked.ask("/odata/v4/Results", [], right).status == 200
        assert locked.ask("/odata/v4/Results", [], wrong).status in (401, 429)
    assert locked.ask("/odata/v4/Results", [basic(locked.key)], f"{name}=").status == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("apikey={0}", [basic("{0}")]),
        ("apikey={0}&APIKEY={0}", []),
        ("", [basic("{0}"), ("X-API-Key", "{0}")]),
        ("", [bearer("{0}"), bearer("{0}")]),
        ("apikey={0}", [("X-API-Key", "wrong")]),
    ],
)
def test_two_credentials_are_one_too_many(
    locked: Locked, query: str, headers: list[Header]
) -> None:
    filled = [
        (n, basic(locked.key)[1] if "Basic" in v else v.format(locked.key)) for n, v in headers
    ]
    answer = locked.ask("/odata/v4/", filled, query.format(locked.key))
    assert answer.status == 400
    assert answer.json()["error"]["code"] == "InvalidValue"


def test_a_windows_sign_in_that_is_tried_first_does_no_harm(locked: Locked) -> None:
    negotiate = ("Authorization", "Negotiate YII=")
    assert locked.ask("/odata/v4/", [negotiate]).every("WWW-Authenticate") == [BASIC]
    assert locked.ask("/odata/v4/", [negotiate, ("X-API-Key", locked.key)]).status == 200


def test_the_shared_key_may_be_changed_and_taken_away_without_a_restart(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("the first key", "utf-8")
    statuses = []
    with bridge([], settings={"access_key_file": str(shared)}) as gateway:
        for content in ("the first key", "the second", "", None, "the first key"):
            shared.unlink() if content is None else shared.write_text(content, "utf-8")
            statuses.append(send(gateway.root, "/odata/v4/", [basic("the first key")]).status)
    assert statuses == [200, 401, 503, 503, 200]


@pytest.mark.parametrize(
    ("chosen", "asked", "probed"),
    [
        ("keys", [BASIC], [BASIC]),
        ("caller", [CALLER], [CALLER]),
        ("entra", [ENTRA], [ENTRA]),
        ("keys caller", [BASIC, CALLER], [CALLER]),
        ("keys entra", [ENTRA, BASIC], [ENTRA]),
        ("keys entra caller", [ENTRA, BASIC], [ENTRA]),
    ],
)
def test_the_challenges_are_those_of_what_is_configured(
    tmp_path: Path, chosen: str, asked: list[str], probed: list[str]
) -> None:
    """Byte for byte, a line each: Power Query's empty probe wants Bearer, Tableau wants Basic."""
    file = tmp_path / "keys.json"
    make_key(file)
    every: dict[str, Mapping[str, object]] = {
        "keys": {"keys_file": str(file)},
        "caller": {"pass_through": True},
        "entra": SIGN_IN,
    }
    settings = {name: v for part in chosen.split() for name, v in every[part].items()}
    with bridge([], settings=settings) as gateway:
        for headers, expected in (
            ([], asked),
            ([("Authorization", "Bearer")], probed),
            ([("Authorization", "Bearer ")], probed),
            ([bearer("a.b.c")], probed),
            ([basic("wrong")], asked),
        ):
            answer = send(gateway.root, "/odata/v4/", headers)
            assert answer.status == 401
            assert answer.every("WWW-Authenticate") == expected
            assert answer.header("Cache-Control") == "no-store"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keys_file": "/nowhere/keys.json"}, "/nowhere/keys.json"),
        ({"api_key_name": "top"}, "api_key_name"),
        ({"api_key_name": "filtr"}, "did you mean"),
        ({"entra_tenant": TENANT}, "entra_audience and entra_group"),
        ({"entra_group": "hr=default"}, "entra_tenant and entra_audience"),
        ({**SIGN_IN, "entra_authority": "http://login.example.com"}, "must be https"),
    ],
)
def test_what_cannot_be_used_is_told_at_the_start(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationProblem, match=said.replace("/", ".")):
        create_app(settings_from(settings))


def test_where_nobody_asks_the_option_is_the_clients_own() -> None:
    with bridge([], settings={"api_key_name": "code"}) as gateway:
        assert send(gateway.root, "/odata/v4/Results?code=whatever").status == 200
