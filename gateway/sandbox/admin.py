"""The switches and the journal over HTTP, for a sandbox that runs in another process.

None of these endpoints asks for a token: they are there only when the sandbox was created for it.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.faults import Faults
from gateway.sandbox.journal import Journal


class Admin:
    """Endpoints below `/sandbox` over the switches and the journal of one sandbox."""

    def __init__(self, faults: Faults, journal: Journal) -> None:
        self._faults = faults
        self._journal = journal

    def routes(self) -> list[Route]:
        """Return the routes to mount."""
        return [
            Route("/sandbox/faults", self.show_faults, methods=["GET"]),
            Route("/sandbox/faults", self.turn_faults, methods=["POST"]),
            Route("/sandbox/faults", self.turn_faults_off, methods=["DELETE"]),
            Route("/sandbox/requests", self.show_requests, methods=["GET"]),
            Route("/sandbox/requests", self.forget_requests, methods=["DELETE"]),
        ]

    async def show_faults(self, _request: Request) -> Response:
        """Answer all switches; counters show what is still to go wrong."""
        return _json(self._faults)

    async def turn_faults(self, request: Request) -> Response:
        """Turn the switches in the body, leave the others, answer all."""
        try:
            switches = msgspec.json.decode(await request.body(), type=dict[str, object])
            self._faults.turn(switches)
        except msgspec.DecodeError as error:
            raise ApiFailure(400, str(error)) from error
        return _json(self._faults)

    async def turn_faults_off(self, _request: Request) -> Response:
        """Turn all switches off, answer them."""
        self._faults.turn_off()
        return _json(self._faults)

    async def show_requests(self, _request: Request) -> Response:
        """Answer the latest requests to the documented endpoints, oldest first."""
        return _json(list(self._journal.requests))

    async def forget_requests(self, _request: Request) -> Response:
        """Empty the journal."""
        self._journal.requests.clear()
        return Response(status_code=204)


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
