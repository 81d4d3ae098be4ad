"""Every page in an invented language: a Latin word that no data or name explains is left English.

The invented language has Cyrillic letters for all Latin ones and the plural rules of Ukrainian.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from babel import Locale
from lxml import html

from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.labels import table_label, words
from gateway.edm.types import PrimitiveType
from gateway.pages.languages import DEFAULT, Languages, is_plural, read_tables
from gateway.sandbox import Dataset, Faults
from tests.support.live import Bridge, bridge

CODE = "uk"
TABLES = read_tables(files("gateway.pages").joinpath("texts"))
LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "абцдефгхийклмнопкрстувшхузАБЦДЕФГХИЙКЛМНОПКРСТУВШХУЗ",
)
SYMBOLS = {"UTC", "ms", "MiB", "KiB"}
PROGRAMS = {"Power", "Query", "BI", "Excel", "Python", "curl", "Entra", "httpx", "pandas", "httr"}
FILES = {"snippets", "json"}
TOTALS = {"maxProgress", "sumProgress"}
IDS = {"grp"}
OWNERS = {"Department", "Region", "Job", "title"}  # names of custom fields, in words
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-done", "data-text", "data-failed")
FORM = "table=Results&was=Results/rows&mode="
PATHS = [
    "/",
    "/odata/v4/",
    "/insights",
    "/insights?contentId='cnt-0001'&by=group",
    "/insights?from=2025-01-01&to=2025-03-31&by=contentId&sort=-name",
    "/insights?by=enrollmentType",
    "/rows?table=Results&$filter=state eq 'FAILED'",
    "/rows?table=Results&$filter=id eq 'none'",
    "/odata/v4/Users?$top=60",
    "/dashboard",
    "/connect",
    "/status",
    "/requests",
    "/schema",
    "/explain/Results?$top=5",
    "/explain/Resultz",
    "/query",
    "/query?url=Results?$filter=state eq 'FAILED' and updatedAt ge now() sub duration'P30D'",
    "/query?url=Results?$filter=year(updatedAt) eq 2025 or groupIds/any()&$orderby=progress",
    "/query?url=Results?$apply=groupby((state),aggregate(progress with max as most))",
    "/query?url=Results?$filter=a b",
    "/query?url=https://other.example.com/odata/v4/Users",
    "/query?url=Users/$count",
    f"/query?{FORM}rows&c0.column=userName&c0.is=in&c1.column=state&c1.is=eq&o0.name=id",
    f"/query?{FORM}totals&t0.method=sum&t0.column=progress&match=any",
    "/query?table=Users&was=Results/rows&columns=progress&columns=userId",
]


def pseudo(value: Any) -> Any:
    """A text, or all texts of a table, in the invented language; placeholders stay."""
    if isinstance(value, list):
        return [pseudo(each) for each in value]
    if isinstance(value, dict) and is_plural(value):
        categories = {*Locale.parse(CODE).plural_form.tags, "other"}
        return {category: pseudo(value["other"]) for category in categories}
    if isinstance(value, dict):
        return {name: pseudo(each) for name, each in value.items()}
    return "".join(
        part if part.startswith("{") else part.translate(LETTERS)
        for part in re.split(r"(\{\w+\})", value)
    )


@pytest.fixture(scope="module", autouse=True)
def spoken() -> Iterator[None]:
    """Gateways of this module also speak the invented language."""
    schema = load_contract(built_in_contract()).schema
    kinds = [each.entity_type for each in schema.entity_sets]
    labels = {p.label for kind in kinds for p in kind.properties}
    labels |= {each.label for each in schema.entity_sets}
    table = {name: pseudo(value) for name, value in TABLES[DEFAULT].items()}
    table |= {"language": CODE, "regions": ["UA"], "labels": {n: pseudo(n) for n in labels if n}}
    table["tables"] = {name: pseudo(name) for name in map(table_label, schema.entity_sets)}
    languages = Languages({**TABLES, CODE: table})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.pages.routes.read_languages", lambda: languages)
        yield


@pytest.fixture(scope="module")
def gateway(spoken: None, dataset: Dataset) -> Iterator[Bridge]:
    with bridge(dataset) as running:
        running.feed("Results?$select=id")
        running.get("Results?$filter=nothing eq 1")
        yield running


@pytest.fixture(scope="module")
def known(gateway: Bridge) -> set[str]:
    """Texts of the data, and names of tables, columns and types."""
    names = {each["name"] for each in gateway.get("").json()["value"]}
    found = {*names, *(kind.value.removeprefix("Edm.") for kind in PrimitiveType)}
    for name in names:
        for row in gateway.feed(name):
            found |= row.keys()
            values = (each for v in row.values() for each in (v if isinstance(v, list) else [v]))
            found |= {str(value).strip() for value in values if value is not None}
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_page_has_no_text_of_another_language(
    gateway: Bridge, known: set[str], path: str
) -> None:
    document = page(gateway, path)
    assert document is not None
    assert left_english(document, known | totals(path)) == []


def test_neither_has_a_page_that_a_link_leads_to(gateway: Bridge, known: set[str]) -> None:
    """One page of each kind, so that a page made tomorrow is read too."""
    waiting, seen = ["/"], set[tuple[str, ...]]()
    while waiting:
        path = waiting.pop(0)
        document = page(gateway, path)
        if document is not None:
            assert left_english(document, known | totals(path)) == [], path
            found = (
                urlsplit(urljoin(path, href))
                for href in document.xpath("//a[not(@download)]/@href")
            )
            for link in found:
                options = (option.partition("=")[0] for option in link.query.split("&"))
                kind = ("/".join(link.path.split("/")[:4]), *sorted(options))
                if kind not in seen:
                    seen.add(kind)
                    waiting.append(f"{link.path}?{link.query}")
    assert {kind[0] for kind in seen} >= {"/insights", "/rows", "/query", "/status", "/connect"}


@pytest.mark.parametrize("path", ["/", "/insights", "/rows", "/dashboard", "/status", "/query"])
def test_neither_has_a_page_before_the_data(dataset: Dataset, known: set[str], path: str) -> None:
    with bridge(dataset) as empty:
        document = page(empty, path)
        assert document is not None
        assert left_english(document, known) == []


def test_neither_has_a_page_that_tells_of_a_failure(dataset: Dataset, known: set[str]) -> None:
    with bridge(dataset, faults=Faults(wrong_shape_next=1)) as gateway:
        assert gateway.get("Results?$orderby=progress").status_code == 502
        document = page(gateway, "/")
        assert document is not None
        assert left_english(document, known) == []


def totals(path: str) -> set[str]:
    """The names that a query gives to its totals, as they are and as labels."""
    names = set(re.findall(r" as (\w+)", unquote(path)))
    return names | {word for name in names for word in re.findall(r"\w+", words(name))}


def page(gateway: Bridge, path: str) -> Any:
    """A page in the invented language; None if something else is there."""
    base = gateway.root.removesuffix("/odata/v4/")
    headers = {"Accept": "text/html", "User-Agent": "Mozilla/5.0", "Accept-Language": CODE}
    answer = gateway.client.get(base + path, headers=headers)
    if "text/html" not in answer.headers["content-type"]:
        return None
    assert answer.headers["content-language"] == f"{CODE}-UA", path
    return html.fromstring(answer.content.decode())


def left_english(document: Any, known: set[str]) -> list[str]:
    """The Latin words of a page that are no data, no name and no symbol."""
    found = [text for text in texts(document) if text.strip() not in known]
    plain = (re.sub(r"https?://\S+", "", text) for text in found)
    latin = (word for text in plain for word in re.findall(r"[A-Za-z]\w+", text))
    expected = known | SYMBOLS | PROGRAMS | FILES | TOTALS | IDS | OWNERS
    return sorted({word for word in latin if word not in expected})


def texts(element: Any) -> Iterator[str]:
    """The texts that people see or hear, without code and without what is marked as English."""
    skipped = ("pre", "code", "textarea", "script", "style", "datalist")
    if not isinstance(element.tag, str) or element.tag in skipped:
        return
    if element.get("lang", CODE).partition("-")[0] != CODE:
        return
    if not element.get("name", "").endswith(".as"):  # whose placeholder is the name of a column
        yield from (element.get(name) for name in SPOKEN if element.get(name))
    if element.text:
        yield element.text
    for child in element:
        yield from texts(child)
        if child.tail:
            yield child.tail
