"""Answers of another shape than documented, made out of a right one."""

from typing import assert_never

import msgspec

from gateway.sandbox.faults import Shape

HTML = b"<!doctype html><title>Just a moment...</title><p>Checking your browser</p>"


class _Page(msgspec.Struct):
    total: int
    results: list[dict[str, object]]


def reshape(body: bytes, shape: Shape) -> bytes:
    """Return a page in another shape; an answer that is no page becomes an empty object."""
    if shape == "html":
        return HTML
    try:
        page = msgspec.json.decode(body, type=_Page)
    except msgspec.ValidationError:
        return b"{}"
    return msgspec.json.encode(_reshaped(page, shape))


def _reshaped(page: _Page, shape: Shape) -> object:
    match shape:
        case "envelope":
            return {"count": page.total, "items": page.results}
        case "no-total":
            return {"results": page.results}
        case "array":
            return page.results
        case "types":
            rows = [row | {"progress": "half", "updatedAt": 0, "user": []} for row in page.results]
            return {"total": str(page.total), "results": rows}
        case "html":
            return HTML.decode()
        case _:
            assert_never(shape)
