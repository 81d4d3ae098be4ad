"""Pages that browsers get instead of JSON: built by `gateway.pages`, served by `gateway.web`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class BrowserPages:
    """The pages: `routes` match before all others; `refuse` renders an error for a browser."""

    routes: Sequence[BaseRoute]
    refuse: Callable[[Request, GatewayError], Response | None]
