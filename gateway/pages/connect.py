"""How to connect: files that have the URL in them, steps, and lines of code to copy."""

from __future__ import annotations

from starlette.responses import Response

from gateway.connect.analysis import load_analysis
from gateway.connect.snippets import refresh_snippet, snippets_of
from gateway.pages.layout import PageContext


class Connect:
    """The page; its code is that of `/connect/snippets.json`."""

    def __init__(self) -> None:
        self._incremental = load_analysis().incremental

    async def show(self, visit: PageContext) -> Response:
        """The page, with the tables that the caller may see, and code for `table` or the first."""
        schema, root = visit.service.schema, visit.root
        asked = schema.find_set(visit.request.query_params.get("table", ""))
        chosen = asked or schema.entity_sets[0]
        return visit.show(
            "connect.html",
            section="connect",
            sets=[each.name for each in schema.entity_sets],
            chosen=chosen.name,
            snippets=snippets_of(root, chosen),
            refresh=refresh_snippet(root, schema, self._incremental),
        )
