"""Styles, scripts and pictures: files of this package, under a URL that changes with any of them.

So a browser may keep them for ever, and a new version of the gateway never meets old ones.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_FOR_EVER = "public, max-age=31536000, immutable"


class Assets:
    """All files of the folder, in memory; they hold nothing of anybody's data."""

    def __init__(self) -> None:
        found = files("gateway.pages").joinpath("assets").iterdir()
        self._files = {file.name: file.read_bytes() for file in found}
        digest = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)
        self.version = digest.hexdigest()[:16]

    def path(self, name: str) -> str:
        """The URL of a file, relative to the gateway's own.

        Raises:
            KeyError: there is no such file.
        """
        self._files[name]
        return f"assets/{self.version}/{name}"

    async def serve_icon(self, request: Request) -> Response:
        """The endpoint of `/favicon.ico`, which browsers ask for where a page names no other."""
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(self._files["icon.svg"], media_type=_TYPES["svg"], headers=headers)

    async def serve(self, request: Request) -> Response:
        """The endpoint of `/assets/{version}/{name}`.

        While gateways of two versions run side by side, a page of one may ask the other: it gets
        what there is, and is told not to keep it.
        """
        name: str = request.path_params["name"]
        if name not in self._files:
            return PlainTextResponse("nothing is here", 404)
        ours = request.path_params["version"] == self.version
        headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Cache-Control": _FOR_EVER if ours else "no-store",
        }
        return Response(self._files[name], headers=headers)
