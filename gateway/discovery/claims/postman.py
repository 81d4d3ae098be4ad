"""A Postman collection (format 2.0 or 2.1) -> exchanges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gateway.discovery.claims.document import as_list, as_object
from gateway.discovery.claims.examples import ABSENT, Exchange
from gateway.discovery.claims.har import body_of

MAX_REQUESTS = 2_000
MAX_FOLDERS = 20
_VARIABLE = re.compile(r"\{\{\s*([^{}]{1,100}?)\s*\}\}")
_COMMENT_LINE = re.compile(r"^\s*//.*$", re.MULTILINE)


def is_postman(value: Any) -> bool:
    """Return True if a JSON value is a Postman collection, bare or as Postman's API returns it."""
    inner = _collection(value)
    return isinstance(inner.get("item"), list) and isinstance(inner.get("info"), dict)


def exchanges_from_postman(value: Any) -> Iterator[Exchange]:
    """Yield the POST requests of a collection; saved responses follow with their own requests."""
    collection = _collection(value)
    variables = _variables(collection)
    for number, item in enumerate(_items(collection)):
        if number >= MAX_REQUESTS:
            return
        yield from _exchanges(item, variables)


def _exchanges(item: dict[str, Any], variables: dict[str, str]) -> Iterator[Exchange]:
    request = item.get("request")
    saved = [one for one in as_list(item.get("response")) if isinstance(one, dict)]
    if not saved:
        yield _exchange(as_object(request), {}, variables)
    for response in saved:
        original = response.get("originalRequest")
        yield _exchange(as_object(original or request), response, variables)


def _exchange(
    request: dict[str, Any], response: dict[str, Any], variables: dict[str, str]
) -> Exchange:
    status, body = response.get("code"), response.get("body")
    return Exchange(
        url=_url(request.get("url"), variables),
        method=str(request.get("method", "GET")).upper(),
        headers=tuple(_headers(request, variables)),
        request=_body(as_object(request.get("body")), variables),
        status=status if isinstance(status, int) else None,
        response=body_of(body) if isinstance(body, str) and body else ABSENT,
        response_headers=tuple(name for name, _ in _headers(response, variables)),
    )


def _items(collection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the requests of all folders."""
    stack = [(one, 0) for one in reversed(as_list(collection.get("item")))]
    while stack:
        item, depth = stack.pop()
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("item"), list) and depth < MAX_FOLDERS:
            stack += [(one, depth + 1) for one in reversed(item["item"])]
        elif "request" in item:
            yield item


def _url(value: Any, variables: dict[str, str]) -> str:
    """Return the URL; if its host is an unknown variable, the path alone."""
    raw = value if isinstance(value, str) else as_object(value).get("raw")
    if not isinstance(raw, str):
        parts = as_object(value)
        host, path = (".".join(map(str, as_list(parts.get("host")))), as_list(parts.get("path")))
        raw = f"{parts.get('protocol', 'https')}://{host}/{'/'.join(map(str, path))}"
    url = _filled(raw[:2000], variables).strip()
    unknown_host = re.match(r"(?:https?://)?\{\{[^{}]*\}\}", url)
    url = url[unknown_host.end() :] if unknown_host else url
    return url if url.startswith("/") or "://" in url or not url else f"https://{url}"


def _headers(message: dict[str, Any], variables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for one in map(as_object, as_list(message.get("header"))[:200]):
        name, value = one.get("key"), one.get("value")
        if isinstance(name, str) and one.get("disabled") is not True:
            yield name, _known(_filled(str(value or ""), variables))
    auth = as_object(message.get("auth")).get("type")
    if auth in ("bearer", "basic"):
        yield "Authorization", f"{auth} -"


def _body(body: dict[str, Any], variables: dict[str, str]) -> Any:
    mode, raw = body.get("mode"), body.get("raw")
    if mode == "urlencoded":
        pairs = [as_object(one) for one in as_list(body.get("urlencoded"))]
        return {str(one.get("key")): str(one.get("value", "")) for one in pairs} or ABSENT
    if not isinstance(raw, str) or not raw:
        return ABSENT
    text = _filled(raw, variables)
    for attempt in (text, _COMMENT_LINE.sub("", text)):
        found = body_of(_without_variables(attempt))
        if found is not ABSENT:
            return found
    return ABSENT


def _variables(collection: dict[str, Any]) -> dict[str, str]:
    pairs = [as_object(one) for one in as_list(collection.get("variable"))[:500]]
    named = ((one.get("key", one.get("id")), one.get("value")) for one in pairs)
    return {str(name): str(value) for name, value in named if value not in (None, "")}


def _filled(text: str, variables: dict[str, str]) -> str:
    """Return the text with known variables, which may name others in turn."""
    for _ in range(3):
        text = _VARIABLE.sub(lambda found: variables.get(found[1], found[0])[:2000], text)
    return text


def _without_variables(text: str) -> str:
    """Return a JSON text in which null replaces unknown variables, quoted or not."""
    return re.sub(r'"\{\{[^{}"]*\}\}"|\{\{[^{}"]*\}\}', "null", text)


def _known(text: str) -> str:
    return "" if "{{" in text else text


def _collection(value: Any) -> dict[str, Any]:
    inner = value.get("collection") if isinstance(value, dict) else None
    return as_object(inner if isinstance(inner, dict) else value)
