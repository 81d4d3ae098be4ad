"""`/connect/...`: files that open the caller's tables in a program, with the caller's service URL.

Callers are admitted as for data, so each file holds only what the caller's role may see. No file
holds rows or credentials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.connect.analysis import AnalysisFile, load_analysis
from gateway.connect.project import write_project
from gateway.connect.shortcuts import write_odc, write_pbids
from gateway.connect.snippets import write_snippets
from gateway.connect.star import build_star
from gateway.connect.workbook import write_workbook
from gateway.edm.model import Schema
from gateway.errors import InvalidValue, ResourceNotFound
from gateway.web.odata import ODataEndpoint

_ODC, _SNIPPETS = ".odc", "snippets.json"
_JSON = "application/json"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class FileRequest:
    """The inputs of a file; `refresh` is the query option of that name, or empty."""

    root: str
    schema: Schema
    analysis: AnalysisFile
    refresh: str = ""


def connect_routes(endpoint: ODataEndpoint) -> list[Route]:
    """Return the routes below `/connect/`."""
    analysis = load_analysis()

    async def serve(request: Request) -> Response:
        service = await endpoint.admission.admit(request.scope)
        root = endpoint.root_of(request.scope)
        refresh = request.query_params.get("refresh", "")
        wanted = FileRequest(root, service.schema, analysis, refresh)
        return await anyio.to_thread.run_sync(_file, request.path_params["name"], wanted)

    return [Route("/connect/{name}", serve)]


def _file(name: str, request: FileRequest) -> Response:
    """Return the file of this name; call it in a thread, because a project takes some 40 ms.

    Raises:
        ResourceNotFound: there is none, or none for this caller.
        InvalidValue: `refresh` has an unknown value.
    """
    if name.endswith(_ODC):
        return _connection(name, request)
    found = _FILES.get(name)
    if found is None:
        first = f"{request.schema.entity_sets[0].name}{_ODC}"
        raise ResourceNotFound(
            f"/connect/{name} does not exist; use {', '.join(_FILES)}, or the file of a table,"
            f" such as {first}"
        )
    media, write = found
    return _attachment(name, media, write(request))


def _connection(name: str, request: FileRequest) -> Response:
    entity_set = request.schema.find_set(name.removesuffix(_ODC))
    if entity_set is None:
        known = ", ".join(f"{each.name}{_ODC}" for each in request.schema.entity_sets)
        raise ResourceNotFound(f"/connect/{name} does not exist; use one of {known}")
    content = write_odc(request.root, entity_set)
    return _attachment(name, "text/x-ms-odc; charset=utf-8", content)


def _pbids(request: FileRequest) -> str:
    return write_pbids(request.root)


def _project(request: FileRequest) -> bytes:
    if request.refresh not in ("", "full", "incremental"):
        raise InvalidValue(
            f"refresh={request.refresh} is not valid; use full or incremental", target="refresh"
        )
    in_partitions = request.refresh == "incremental"
    star = build_star(request.schema, request.analysis, in_partitions=in_partitions)
    return write_project(request.root, star, request.analysis)


def _workbook(request: FileRequest) -> bytes:
    return write_workbook(request.root, request.schema, request.analysis)


def _snippets(request: FileRequest) -> bytes:
    found = write_snippets(request.root, request.schema, request.analysis.incremental)
    body = {"root": request.root, "files": _names(request), "snippets": found}
    return msgspec.json.format(msgspec.json.encode(body), indent=2)


def _names(request: FileRequest) -> list[str]:
    connections = (f"{each.name}{_ODC}" for each in request.schema.entity_sets)
    return [*(name for name in _FILES if name != _SNIPPETS), *connections]


def _attachment(name: str, media: str, content: str | bytes) -> Response:
    """Return a download, or snippets to show. Entity set names need no escaping."""
    kind = "inline" if name == _SNIPPETS else "attachment"
    headers = {
        "Content-Disposition": f'{kind}; filename="{name}"',
        "Cache-Control": "private, no-cache",
    }
    return Response(content, headers={"Content-Type": media, **headers})


_FILES: dict[str, tuple[str, Callable[[FileRequest], str | bytes]]] = {
    "skillhabit.pbids": (_JSON, _pbids),
    "powerbi-project.zip": ("application/zip", _project),
    "skillhabit.xlsx": (_SHEETS, _workbook),
    _SNIPPETS: (_JSON, _snippets),
}
