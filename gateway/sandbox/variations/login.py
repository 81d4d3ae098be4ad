"""Endpoints that exchange credentials for a token of short life."""

import base64
from collections.abc import Callable

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.variations.door import CLIENT_ID, CLIENT_SECRET, PASSWORD, USER, DoorForm

LOGIN_PATH, TOKEN_PATH = "/auth/login", "/oauth/token"  # a path


class Login:
    """The login that a variation has; `make_token` makes a token that its API accepts."""

    def __init__(self, form: DoorForm, make_token: Callable[[], str]) -> None:
        self._form = form
        self._make_token = make_token

    def routes(self) -> list[Route]:
        """Return the routes to mount, none for tokens that are issued by hand."""
        match self._form.login:
            case "password":
                return [Route(self._form.prefix + LOGIN_PATH, self._log_in, methods=["POST"])]
            case "oauth":
                return [Route(self._form.prefix + TOKEN_PATH, self._grant, methods=["POST"])]
            case _:
                return []

    async def _log_in(self, request: Request) -> Response:
        """Take user and password as JSON."""
        try:
            given = msgspec.json.decode(await request.body(), type=dict[str, str])
        except msgspec.DecodeError as error:
            raise ApiFailure(400, "The body must be {user, password}") from error
        if given != {"user": USER, "password": PASSWORD}:
            raise ApiFailure(401, "User or password is wrong")
        seconds = self._form.token_seconds
        return JSONResponse({"accessToken": self._make_token(), "expiresIn": seconds})

    async def _grant(self, request: Request) -> Response:
        """Take client credentials as OAuth does (RFC 6749, section 4.4), in the body or Basic."""
        form = QueryParams((await request.body()).decode("latin-1"))
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        given = _basic(request.headers.get("authorization")) or (
            form.get("client_id"),
            form.get("client_secret"),
        )
        if given != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        seconds = self._form.token_seconds
        token = {"access_token": self._make_token(), "token_type": "Bearer", "expires_in": seconds}
        return JSONResponse(token)


def _basic(authorization: str | None) -> tuple[str | None, str | None] | None:
    """Return the client of a Basic header; its parts are form-encoded first (RFC 6749, 2.3.1)."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return None
    client, _, secret = text.partition(":")
    pair = QueryParams(f"client={client}&secret={secret}")
    return (
        (client, secret)
        if (client, secret) == (CLIENT_ID, CLIENT_SECRET)
        else (
            pair.get("client"),
            pair.get("secret"),
        )
    )
