"""The choice of a language: by the browser, by the switch, in no file and in no URL."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.pages.languages import COOKIE, preferred, read_languages, read_texts
from tests.support.live import Bridge

CODES = [code for code, _ in read_languages().names]
HTML = {"Accept": "text/html", "User-Agent": "Mozilla/5.0"}


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("", "en-GB"),
        ("fr-FR, fr;q=0.9", "en-GB"),
        ("en-US,en;q=0.9", "en-US"),
        ("sv-SE,sv;q=0.9,en;q=0.8", "sv-SE"),
        ("sv", "sv-SE"),
        ("SV-fi", "sv-FI"),
        ("de;q=0.5, sv;q=0.6", "sv-SE"),
        ("de-CH", "de-CH"),
        ("de-1996, de-AT;q=0.9", "de-AT"),
        ("de;q=0, sv;q=0.1", "sv-SE"),
        ("nl, *;q=0.5, de;q=0.1", "en-GB"),
        (";;;,=,sv-SE;q=x", "en-GB"),
    ],
)
def test_the_browser_s_language_is_followed(live: Bridge, accepted: str, tag: str) -> None:
    answer = page(live, "/connect", {"Accept-Language": accepted})
    assert answer.headers["content-language"] == tag
    assert f'<html lang="{tag}">' in answer.text
    assert read_texts(tag[:2]).connect.lead in answer.text
    varies = {name.strip() for name in answer.headers["vary"].split(",")}
    assert {"Accept-Language", "Cookie"} <= varies


@given(st.text(max_size=80))
def test_any_header_is_read_or_skipped(text: str) -> None:
    for found in preferred(text):
        assert re.fullmatch(r"[a-z0-9-]+|\*", found)


@pytest.mark.parametrize("code", CODES)
def test_a_choice_is_kept_and_leads_back(live: Bridge, code: str) -> None:
    here = f"{base(live)}/rows?table=Results&$filter=state%20eq%20'FAILED'"
    answer = switch(live, code, here)
    assert (answer.status_code, answer.headers["location"]) == (303, here.removeprefix(base(live)))
    kept = answer.headers["set-cookie"]
    assert kept.startswith(f"{COOKIE}={code};")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(kept.split("; "))
    shown = page(live, "/", {"Cookie": kept.partition(";")[0], "Accept-Language": "sv, de;q=0.5"})
    assert shown.headers["content-language"][:2] == code


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://evil.example.com/",
        "//evil.example.com/",
        "http://[",
        "{base}//evil.example.com/",
        "{base}.evil.example.com/",
        "{base}@evil.example.com/",
    ],
)
def test_the_switch_never_leads_elsewhere(live: Bridge, referer: str) -> None:
    answer = switch(live, CODES[0], referer.replace("{base}", base(live)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_other_sites_and_other_values_cannot_switch(live: Bridge) -> None:
    for headers in ({}, {"Origin": "https://evil.example.com"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = live.client.post(f"{base(live)}/language?to={CODES[0]}", headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    for code in ("", "xx", "../en", "en; Domain=example.com"):
        answer = switch(live, code, "")
        assert answer.status_code == 400
        assert "set-cookie" not in answer.headers
    shown = page(live, "/", {"Cookie": f"{COOKIE}=xx", "Accept-Language": "de"})
    assert shown.headers["content-language"] == "de-DE"


def test_errors_are_framed_in_the_language_and_stay_english(live: Bridge) -> None:
    answer = page(live, "/explain/Resultz", {"Accept-Language": "sv"})
    assert answer.status_code == 404
    assert answer.headers["content-language"] == "sv-SE"
    assert read_texts("sv").error.title in answer.text
    assert re.search(r'lang="en">[^<]*Resultz', answer.text)
    for accept in ("text/html", "application/json"):
        headers = {"Accept": accept, "Accept-Language": "sv"}
        told = live.get("Resultz", headers).json()["error"]["message"]
        assert told == live.get("Resultz").json()["error"]["message"]


FILES = [
    "Results?$top=3",
    "Results?$top=3&$format=csv",
    "Users?$top=3&$format=xlsx",
    "$metadata",
    "../../connect/skillhabit.pbids",
    "../../connect/Results.odc",
    "../../connect/snippets.json",
    "../../openapi.json",
    "../../query.json?table=Users",
    "../../explain/Results?$top=5",
]


@pytest.mark.parametrize("path", FILES)
def test_what_programs_read_is_the_same_in_all_languages(live: Bridge, path: str) -> None:
    live.feed("Results?$select=id")
    program = {"Accept": "*/*", "User-Agent": "Excel"}
    answers = [
        live.get(path, {**program, "Accept-Language": code, "Cookie": f"{COOKIE}={code}"})
        for code in CODES
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "content-language" not in answer.headers
        assert content(answer) == content(answers[0])


def content(answer: httpx.Response) -> object:
    """What is in a response: the parts of a workbook but the one with the time it was made."""
    if not answer.content.startswith(b"PK"):
        return re.sub(rb"\d+(\.\d+)? s old", b"", answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        return parts.namelist(), parts.read("xl/worksheets/sheet1.xml")


def switch(gateway: Bridge, code: str, referer: str) -> httpx.Response:
    headers = {**HTML, "Origin": base(gateway), **({"Referer": referer} if referer else {})}
    answer = gateway.client.post(
        f"{base(gateway)}/language", params={"to": code}, headers=headers, follow_redirects=False
    )
    gateway.client.cookies.clear()  # other tests share the client
    return answer


def page(gateway: Bridge, path: str, headers: Mapping[str, str]) -> httpx.Response:
    return gateway.client.get(base(gateway) + path, headers={**HTML, **headers})


def base(gateway: Bridge) -> str:
    return gateway.root.removesuffix("/odata/v4/")
