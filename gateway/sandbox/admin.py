"""Switches and journal over HTTP, for a sandbox that runs in another process.

These endpoints need no token; they exist only if the sandbox was created with `admin=True`.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.faults import Faults
from gateway.sandbox.journal import Journal


class Admin:
    """The endpoints below `/sandbox`, for the switches and the journal of one sandbox."""

    def __init__(self, faults: Faults, journal: Journal) -> None:
        self._faults = faults
        self._journal = journal

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [
            Route("/sandbox/faults", self.show_faults, methods=["GET"]),
            Route("/sandbox/faults", self.set_faults, methods=["POST"]),
            Route("/sandbox/faults", self.reset_faults, methods=["DELETE"]),
            Route("/sandbox/requests", self.show_requests, methods=["GET"]),
            Route("/sandbox/requests", self.clear_requests, methods=["DELETE"]),
        ]

    async def show_faults(self, _request: Request) -> Response:
        """Return all switches; counters show how many faults are left."""
        return _json(self._faults)

    async def set_faults(self, request: Request) -> Response:
        """Set the switches in the body, keep the others, and return all."""
        try:
            switches = msgspec.json.decode(await request.body(), type=dict[str, object])
            self._faults.update(switches)
        except msgspec.DecodeError as error:
            raise ApiFailure(400, str(error)) from error
        return _json(self._faults)

    async def reset_faults(self, _request: Request) -> Response:
        """Turn all switches off and return them."""
        self._faults.turn_off()
        return _json(self._faults)

    async def show_requests(self, _request: Request) -> Response:
        """Return the latest requests to the documented endpoints, oldest first."""
        return _json(list(self._journal.requests))

    async def clear_requests(self, _request: Request) -> Response:
        """Empty the journal."""
        self._journal.requests.clear()
        return Response(status_code=204)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
