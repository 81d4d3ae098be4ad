"""Pages that show an API's documentation -> the URL of its description, or the description.

Swagger UI, Redoc, Scalar, Stoplight Elements and RapiDoc name their document in an attribute or in
a start-up script; NestJS embeds the whole document in that script. Scripts are read, never run.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from html.parser import HTMLParser
from urllib.parse import urljoin

MAX_TEXT = 5 * 1024 * 1024
MAX_LINKS = 12
_ATTRIBUTES = {
    "spec-url",
    "data-url",
    "apidescriptionurl",
    "data-spec-url",
    "specurl",
    "data-openapi",
}
_SCRIPT = re.compile(
    r"swagger-initializer|swagger-ui-init|swagger-config|openapi|redoc-init|docs?-init"
)
_URL_MEMBER = re.compile(
    r"""["']?\b(?:url|specUrl|spec-url|definitionUrl|openapiUrl|apiDescriptionUrl|configUrl)["']?"""
    r"""\s*[:=]\s*["'`]([^"'`\s<>]{1,500})["'`]"""
)
_URL_CALL = re.compile(
    r"""(?:Redoc\.init|createApiReference)\s*\(\s*["'`]([^"'`\s<>]{1,500})["'`]"""
)
_DOCUMENT = re.compile(
    r"""["']?(?:swaggerDoc|spec|swaggerDocument|content|apiDescriptionDocument)["']?\s*[:=]\s*(?=\{)"""
)


_DESCRIPTION = re.compile(
    r"(?:openapi|swagger|api-docs|api)\S*\.(?:json|ya?ml)$|(?:api|docs)-json$"
)


class _Links(HTMLParser):
    """Collects what an HTML page names: documents, scripts, and the text of its own scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.documents: list[str] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name.lower(): value or "" for name, value in attrs}
        self.documents += [values[name] for name in sorted(_ATTRIBUTES & set(values))]
        source = values.get("src", "")
        if tag == "script":
            self._in_script = True
            if source and _SCRIPT.search(source.lower()):
                self.scripts.append(source)
        if tag in ("rapi-doc", "a", "link") and re.search(
            r"\.(?:json|ya?ml)$|-json$", values.get("href", "")
        ):
            self.documents.append(values["href"])

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.texts.append(data)


def linked_documents(text: str, page_url: str) -> list[str]:
    """Return the URLs of descriptions and start-up scripts that a page or script names."""
    links = _Links()
    if "<" in text[:2000]:
        with suppress(AssertionError):  # how the parser ends at some broken declarations
            links.feed(text[:MAX_TEXT])
    scripts = "\n".join(links.texts) if links.texts else text[:MAX_TEXT]
    named = [
        found[1] for pattern in (_URL_MEMBER, _URL_CALL) for found in pattern.finditer(scripts)
    ]
    wanted = [*links.documents, *named, *links.scripts]
    return list(dict.fromkeys(_joined(page_url, one) for one in wanted[:100]))[:MAX_LINKS]


def embedded_description(text: str) -> str | None:
    """Return the OpenAPI document inside a page or script, as JSON; None if there is none."""
    decoder = json.JSONDecoder()
    for found in list(_DOCUMENT.finditer(text[:MAX_TEXT]))[:20]:
        try:
            value, _ = decoder.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("paths"), dict):
            return json.dumps(value)
    return None


def _joined(page_url: str, link: str) -> str:
    try:
        return urljoin(page_url, link)
    except ValueError:
        return ""
