"""Styles, scripts and images: files of this package, under a URL that changes with their content.

Browsers can therefore cache them forever, and a new version of the gateway never gets old files.
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
_IMMUTABLE = "public, max-age=31536000, immutable"


class Assets:
    """All files of the folder, in memory; they hold no customer data."""

    def __init__(self) -> None:
        found = files("gateway.pages").joinpath("assets").iterdir()
        self._files = {file.name: file.read_bytes() for file in found}
        digest = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            digest.update(f"{name} {len(content)}\n".encode() + content)
        self.version = digest.hexdigest()[:16]

    def path(self, name: str) -> str:
        """Return the URL of a file, relative to the gateway's base URL.

        Raises:
            KeyError: the file does not exist.
        """
        self._files[name]
        return f"assets/{self.version}/{name}"

    async def serve_icon(self, request: Request) -> Response:
        """Serve `/favicon.ico`, which browsers request if a page names no icon."""
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(self._files["icon.svg"], media_type=_TYPES["svg"], headers=headers)

    async def serve(self, request: Request) -> Response:
        """Serve `/assets/{version}/{name}`.

        While gateways of two versions run side by side, a page of one may request a file from the
        other. It gets that version's file, marked as not cacheable.
        """
        name: str = request.path_params["name"]
        if name not in self._files:
            return PlainTextResponse("not found", 404)
        is_current = request.path_params["version"] == self.version
        headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Cache-Control": _IMMUTABLE if is_current else "no-store",
        }
        return Response(self._files[name], headers=headers)
