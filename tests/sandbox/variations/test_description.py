"""Descriptions that an API serves of itself."""

import asyncio
import json
import re
from typing import Any

import httpx
import jsonschema_rs
import pytest

from gateway.sandbox import generate
from gateway.sandbox.variations import PROFILES, VARIATIONS, Variant, Variation, create_variant
from gateway.sandbox.variations.description import build_document
from gateway.sandbox.variations.model import DescriptionForm, merge
from tests.support.variants import Ask, ask_results, build_body, opened

DATASET = generate(40)
SECRET = "s" * 32
LIKENESSES = {**VARIATIONS, **PROFILES}


async def no_sleep(_seconds: float) -> None:
    """Return at once."""


def start(variation: Variation) -> Variant:
    return create_variant(variation, DATASET, secret=SECRET, sleep=no_sleep)


def get(variant: Variant, path: str) -> httpx.Response:
    async def got() -> httpx.Response:
        async with opened(variant) as client:
            return await client.get(path)

    return asyncio.run(got())


def schema_of(document: Any, name: str) -> dict[str, Any]:
    """Return the named schema as JSON Schema, which has `null` as a type."""
    schemas = document["components"]["schemas"]
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}


@pytest.mark.parametrize("name", LIKENESSES)
def test_the_schemas_match_what_the_api_takes_and_sends(name: str) -> None:
    described = Variation(description=DescriptionForm(path="/described", version="3.1.0"))
    variant = start(merge(LIKENESSES[name], described))
    document = build_document(variant.variation, variant.store.rows)

    async def asked() -> httpx.Response:
        async with opened(variant) as client:
            return await ask_results(client, variant, ask)

    ask = Ask(limit=10, order=(variant.variation.order.fields[0], True))
    body = build_body(ask, variant.variation)
    jsonschema_rs.validate(schema_of(document, "ResultsRequest"), body)
    response = asyncio.run(asked())
    jsonschema_rs.validate(
        schema_of(document, "ResultsPage"), response.json(), validate_formats=True
    )
    if variant.variation.status.unknown_members == "refused":
        wrong = body | {"xNoSuchMember": 1}
        assert not jsonschema_rs.is_valid(schema_of(document, "ResultsRequest"), wrong)


@pytest.mark.parametrize(
    "name", [name for name in LIKENESSES if LIKENESSES[name].description.path is not None]
)
def test_a_document_is_where_the_variation_says_and_names_the_endpoint(name: str) -> None:
    variation = LIKENESSES[name]
    document = get(start(variation), variation.description.path or "").json()
    base = document.get("basePath") or document.get("servers", [{"url": ""}])[0]["url"]
    path = variation.door.prefix + variation.door.results
    assert path in {base.rstrip("/") + described for described in document["paths"]}
    operation = document["paths"][path.removeprefix(base.rstrip("/"))]["post"]
    claimed = variation.description.success or variation.status.success
    assert list(operation["responses"]) == [str(claimed)]


def test_references_of_a_document_of_version_2_resolve() -> None:
    variation = VARIATIONS["described-swagger-2"]
    document = get(start(variation), "/swagger/v1/swagger.json").json()
    assert document["swagger"] == "2.0"
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document)):
        part = document
        for step in reference.split("/"):
            part = part[step]


def test_a_page_embeds_the_document_or_names_its_script() -> None:
    page = get(start(VARIATIONS["described-page-with-document"]), "/").text
    found = re.search(r'"swaggerDoc": (\{.*\}),\n', page)
    assert found is not None
    assert json.loads(found[1])["openapi"] == "3.0.3"
    nest = start(VARIATIONS["described-nestjs-page"])
    script = re.search(r'src="([^"]+)"', get(nest, "/api").text)
    assert script is not None
    loaded = get(nest, script[1])
    assert loaded.headers["content-type"].startswith("application/javascript")
    assert '"swaggerDoc"' in loaded.text
    linked = get(start(VARIATIONS["described-swagger-page"]), "/docs").text
    assert 'url: "/docs-json"' in linked


def test_without_a_description_there_is_none() -> None:
    assert get(start(Variation()), "/openapi.json").status_code == 404
