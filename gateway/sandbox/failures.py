"""The API's error responses: an exception with status and message, and its JSON body."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


class ApiFailure(HTTPException):
    """A request that gets an error response."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Build a response with the body `{statusCode, error, message}`."""
    body = {"statusCode": status, "error": HTTPStatus(status).phrase, "message": message}
    return Response(msgspec.json.encode(body), status, headers, "application/json")


async def respond_to_failure(_request: Request, failure: Exception) -> Response:
    """Respond to an `ApiFailure`, or to an error of Starlette such as an unknown path."""
    if not isinstance(failure, HTTPException):
        raise failure
    return error_response(failure.status_code, failure.detail, failure.headers)
