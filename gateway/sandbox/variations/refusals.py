"""Status codes of a variation, and the bodies of its errors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.variations.wordings import Kind, Problem, Wording, describe

ErrorBody = Literal["message", "list", "problem", "errors", "detail", "nested", "inside", "text"]


@dataclass(frozen=True, slots=True)
class StatusForm:
    """The form of success and failure.

    Attributes:
        success: the status of a page.
        invalid: the status of a request that does not validate.
        error: `message` is `{statusCode, error, message}`, `list` the same with a list of texts,
            `problem` is RFC 9457, `errors` is JSON:API, `detail` is FastAPI, `nested` is
            `{error: {code, message}}`, `inside` is the status of success with
            `{status: "error"}`, `text` is not JSON.
        wording: the library whose words the texts use.
        unknown_members: the fate of a member that the API does not know.
        success_word: the value of `status` beside the rows of a page, if there is one.
        one_at_a_time: True if a refusal names the first problem alone.
    """

    success: int = 200
    invalid: int = 400
    error: ErrorBody = "message"
    wording: Wording = "plain"
    unknown_members: Literal["refused", "ignored"] = "refused"
    success_word: str | None = None
    one_at_a_time: bool = False


class Invalid(ApiFailure):
    """A request that does not validate, with all of its problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(400, "; ".join(describe(problem, "plain") for problem in problems))
        self.problems = tuple(problems)


def build_handler(form: StatusForm) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the exception handler of an API that refuses in this form."""

    async def respond(_request: Request, failure: Exception) -> Response:
        if not isinstance(failure, HTTPException):
            raise failure
        return error_response(form, failure)

    return respond


def error_response(form: StatusForm, failure: HTTPException) -> Response:
    """Build the response to a failure in the variation's form."""
    problems = failure.problems if isinstance(failure, Invalid) else ()
    problems = problems[:1] if form.one_at_a_time else problems
    status = form.invalid if problems else failure.status_code
    texts = [describe(problem, form.wording) for problem in problems] or [failure.detail]
    media_type = _MEDIA_TYPES.get(form.error, "application/json")
    if form.error == "text":
        return Response("; ".join(texts), status, failure.headers, media_type)
    body = msgspec.json.encode(_body(form, status, texts, problems))
    shown = form.success if form.error == "inside" and status not in _ALWAYS_SHOWN else status
    return Response(body, shown, failure.headers, media_type)


_ALWAYS_SHOWN = frozenset({401, 403, 429})
"""An API gateway in front answers these."""
_MEDIA_TYPES: Mapping[ErrorBody, str] = MappingProxyType(
    {"problem": "application/problem+json", "text": "text/plain; charset=utf-8"}
)


def _body(
    form: StatusForm, status: int, texts: list[str], problems: tuple[Problem, ...]
) -> dict[str, object]:
    phrase = HTTPStatus(status).phrase
    match form.error:
        case "list":
            message = texts if problems else texts[0]
            return {"message": message, "error": phrase, "statusCode": status}
        case "problem":
            return _problem_details(status, texts, problems)
        case "errors":
            return {"errors": [_json_api_error(status, text) for text in texts]}
        case "detail":
            return {"detail": _details(texts, problems) if problems else texts[0]}
        case "nested":
            return {"error": {"code": phrase.upper().replace(" ", "_"), "message": texts[0]}}
        case "inside":
            return {"status": "error", "code": status, "message": "; ".join(texts)}
        case _:
            return {"statusCode": status, "error": phrase, "message": "; ".join(texts)}


def _problem_details(
    status: int, texts: list[str], problems: tuple[Problem, ...]
) -> dict[str, object]:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": "One or more validation errors occurred." if problems else texts[0],
        "status": status,
    }
    if problems:
        pairs = zip(problems, texts, strict=True)
        return body | {"errors": {problem.member: [text] for problem, text in pairs}}
    return body | {"detail": texts[0]}


def _json_api_error(status: int, text: str) -> dict[str, object]:
    return {"status": str(status), "title": HTTPStatus(status).phrase, "detail": text}


_PYDANTIC_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "unknown": "extra_forbidden",
        "required": "missing",
        "most": "less_than_equal",
        "least": "greater_than_equal",
        "one_of": "literal_error",
        "each_one_of": "literal_error",
        "longest": "too_long",
        "empty": "too_short",
    }
)


def _details(texts: list[str], problems: tuple[Problem, ...]) -> list[dict[str, object]]:
    return [
        {
            "type": _PYDANTIC_TYPES.get(problem.kind, "value_error"),
            "loc": ["body", *problem.member.split(".")],
            "msg": text,
        }
        for problem, text in zip(problems, texts, strict=True)
    ]
