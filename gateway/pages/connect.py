"""The connect page: ready-made files with the URL in them, steps, and code to copy."""

from __future__ import annotations

from starlette.responses import Response

from gateway.connect.analysis import load_analysis
from gateway.connect.snippets import refresh_snippet, snippets_of
from gateway.pages.layout import PageContext


class Connect:
    """The page; it shows the same code as `/connect/snippets.json`."""

    def __init__(self) -> None:
        self._incremental = load_analysis().incremental

    async def show(self, page: PageContext) -> Response:
        """Return the page with the caller's tables, and code for `table` or the first one."""
        schema, root = page.service.schema, page.root
        requested = schema.find_set(page.request.query_params.get("table", ""))
        chosen = requested or schema.entity_sets[0]
        return page.show(
            "connect.html",
            section="connect",
            sets=[each.name for each in schema.entity_sets],
            chosen=chosen.name,
            snippets=snippets_of(root, chosen),
            refresh=refresh_snippet(root, schema, self._incremental),
        )
