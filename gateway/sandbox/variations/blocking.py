"""Pages between a client and the API: a proxy's refusal, or a sign-in page."""

from typing import Literal

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_PROXY = "<!doctype html><title>Access denied</title><p>The page was blocked by your company."
_SIGN_IN = (
    "<!doctype html><title>Sign in</title><form action='/sign-in' method='post'>"
    "<input name='user'><input name='password' type='password'></form>"
)
SIGN_IN_PATH = "/sign-in"


class Blocker:
    """Middleware that responds instead of the API."""

    def __init__(
        self, app: ASGIApp, *, blocked: Literal["never", "proxy", "sign_in", "redirect"]
    ) -> None:
        self._app = app
        self._blocked = blocked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with a page, or pass the request on if nothing is blocked."""
        app = self._app if scope["type"] != "http" else self._response(scope["path"])
        await app(scope, receive, send)

    def _response(self, path: str) -> ASGIApp:
        match self._blocked:
            case "proxy":
                return HTMLResponse(_PROXY, 403)
            case "redirect" if path != SIGN_IN_PATH:
                return _redirect()
            case "sign_in" | "redirect":
                return HTMLResponse(_SIGN_IN)
            case _:
                return self._app


def _redirect() -> Response:
    return RedirectResponse(SIGN_IN_PATH, 302)
