"""What browsers get in the place of JSON. `gateway.pages` makes it, `gateway.web` hands it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class BrowserPages:
    """`routes` are asked before all others; `refuse` makes a page of an error, for people only."""

    routes: Sequence[BaseRoute]
    refuse: Callable[[Request, GatewayError], Response | None]
