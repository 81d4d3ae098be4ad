"""How to connect: files that have the URL in them, steps, and lines of code to copy."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import msgspec
from starlette.responses import Response

from gateway.edm.model import Schema
from gateway.pages.house import Visit


class Snippet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines of code; see the head of `snippets.toml`."""

    text: str
    name: str = ""
    needs: tuple[str, ...] = ()


class Snippets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    snippets: tuple[Snippet, ...]
    refresh: Snippet


class Connect:
    """The page; its code is data of this package."""

    def __init__(self) -> None:
        text = files("gateway.pages").joinpath("snippets.toml").read_text("utf-8")
        self._snippets = msgspec.convert(tomllib.loads(text), Snippets)

    async def show(self, visit: Visit) -> Response:
        """The page, with the tables that the caller may see."""
        schema, root, found = visit.service.schema, visit.root, self._snippets
        return visit.show(
            "connect.html",
            section="connect",
            sets=[each.name for each in schema.entity_sets],
            snippets=[(each.name, _filled(each, schema, root)) for each in found.snippets],
            refresh=_filled(found.refresh, schema, root) if _fits(found.refresh, schema) else "",
        )


def _filled(snippet: Snippet, schema: Schema, root: str) -> str:
    return snippet.text.replace("{root}", root).replace("{set}", schema.entity_sets[0].name)


def _fits(snippet: Snippet, schema: Schema) -> bool:
    known = {f"{s.name}.{name}" for s in schema.entity_sets for name in s.entity_type.names}
    return known.issuperset(snippet.needs)
