"""The connect page: ready-made files with the URL in them, steps, and code to copy."""

from __future__ import annotations

from starlette.responses import Response

from gateway.connect.analysis import load_analysis
from gateway.connect.snippets import refresh_snippet, snippets_of
from gateway.edm.model import EntitySet, Schema
from gateway.errors import ResourceNotFound
from gateway.pages.layout import PageContext
from gateway.query.bind.suggest import nearest


class Connect:
    """The page; it shows the same code as `/connect/snippets.json`."""

    def __init__(self) -> None:
        self._incremental = load_analysis().incremental

    async def show(self, page: PageContext) -> Response:
        """Return the page with the caller's tables, and code for `table` or the first one.

        Raises:
            ResourceNotFound: the caller has no table of this name.
        """
        schema, root = page.service.schema, page.root
        chosen = _chosen(page.request.query_params.get("table", ""), schema)
        return page.show(
            "connect.html",
            section="connect",
            sets=[each.name for each in schema.entity_sets],
            chosen=chosen.name,
            snippets=snippets_of(root, chosen),
            refresh=refresh_snippet(root, schema, self._incremental),
        )


def _chosen(name: str, schema: Schema) -> EntitySet:
    found = schema.find_set(name) if name else schema.entity_sets[0]
    if found is None:
        names = [each.name for each in schema.entity_sets]
        raise ResourceNotFound(
            f"table={name} does not exist{nearest(name, names)}; the tables are {', '.join(names)}",
            target="table",
        )
    return found
