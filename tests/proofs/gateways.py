"""A gateway in front of a variation of the API, whose proofs are made when a test wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.config import PROVED
from gateway.proofs.renewal import Renewal
from gateway.proofs.store import Proof
from gateway.sandbox import Dataset, make_token
from gateway.sandbox.variations import Variant, Variation, create_variant, truth
from tests.snapshots.tables import Watch
from tests.support.live import SECRET, settings_from

TOKEN_SECONDS = 10_000_000_000


class Api(httpx.AsyncBaseTransport):
    """The network, behind which the API may become another one."""

    def __init__(self, dataset: Dataset, watch: Watch) -> None:
        self._dataset, self._watch = dataset, watch
        self.refuses = False

    def become(self, variation: Variation) -> None:
        """Answer as this variation from now on."""
        now = self._watch.clock.now
        self.variant = create_variant(variation, self._dataset, secret=SECRET, clock=now)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.refuses:
            raise httpx.ConnectError("refused")
        return await httpx.ASGITransport(self.variant).handle_async_request(request)


@dataclass
class Gateway:
    """A gateway with the shipped contract, and its API."""

    app: Starlette
    api: Api
    client: httpx.AsyncClient
    watch: Watch

    @property
    def variant(self) -> Variant:
        return self.api.variant

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The true rows."""
        return truth(self.variant.store.rows, self.variant.variation)

    @property
    def renewal(self) -> Renewal:
        found: Renewal = self.app.state.workspaces[0].renewal
        return found

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/odata/v4/{path}")

    async def prove(self) -> dict[str, Proof]:
        """Read all rows, and prove what they can prove."""
        await self.get("Results?$select=id")
        return {proof.ability: proof for proof in await self.renewal.prove_due()}

    async def explained(self, path: str) -> dict[str, str]:
        response = await self.client.get(f"/explain/{path}", headers={"Accept": "application/json"})
        found: dict[str, str] = response.json()
        return found


@asynccontextmanager
async def started(
    variation: Variation, dataset: Dataset, folder: Path, **given: object
) -> AsyncIterator[Gateway]:
    watch = Watch()
    api = Api(dataset, watch)
    api.become(variation)
    token = folder / "token"
    token.write_text(make_token(SECRET, expires_in_seconds=TOKEN_SECONDS), "utf-8")
    wanted = {
        "upstream": "http://api",
        "token_file": str(token),
        "trust": PROVED,
        "early_pages": False,
        "custom_field": (("department", "cf_department"),),
        **given,
    }
    app = create_app(settings_from(wanted), api, watch.clock)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Gateway(app, api, client, watch)
