"""`/connect/...`: files that open a program with the caller's tables, for their URL of the service.

They go through the same door as the feed, so that each holds what the caller's role may see, and
nothing else. No file holds rows or credentials.
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
    """What a file is made of; `refresh` is the option of that name, empty when it is not given."""

    root: str
    schema: Schema
    analysis: AnalysisFile
    refresh: str = ""


def connect_routes(endpoint: ODataEndpoint) -> list[Route]:
    """The routes, which are below `/connect/`."""
    analysis = load_analysis()

    async def serve(request: Request) -> Response:
        service = await endpoint.entrance.admit(request.scope)
        root = endpoint.root_of(request.scope)
        refresh = request.query_params.get("refresh", "")
        asked = FileRequest(root, service.schema, analysis, refresh)
        return await anyio.to_thread.run_sync(_file, request.path_params["name"], asked)

    return [Route("/connect/{name}", serve)]


def _file(name: str, asked: FileRequest) -> Response:
    """The file of this name, made in a thread: a project takes some 40 ms.

    Raises:
        GatewayError: there is none, or not for this caller.
    """
    if name.endswith(_ODC):
        return _connection(name, asked)
    found = _FILES.get(name)
    if found is None:
        first = f"{asked.schema.entity_sets[0].name}{_ODC}"
        raise ResourceNotFound(
            f"/connect/{name} is not here; there are {', '.join(_FILES)}, and one for each table,"
            f" such as {first}"
        )
    media, write = found
    return _attachment(name, media, write(asked))


def _connection(name: str, asked: FileRequest) -> Response:
    entity_set = asked.schema.find_set(name.removesuffix(_ODC))
    if entity_set is None:
        known = ", ".join(f"{each.name}{_ODC}" for each in asked.schema.entity_sets)
        raise ResourceNotFound(f"/connect/{name} is not here; there are {known}")
    content = write_odc(asked.root, entity_set)
    return _attachment(name, "text/x-ms-odc; charset=utf-8", content)


def _pbids(asked: FileRequest) -> str:
    return write_pbids(asked.root)


def _project(asked: FileRequest) -> bytes:
    if asked.refresh not in ("", "full", "incremental"):
        raise InvalidValue(
            f"refresh={asked.refresh} is not known; use full or incremental", target="refresh"
        )
    in_partitions = asked.refresh == "incremental"
    star = build_star(asked.schema, asked.analysis, in_partitions=in_partitions)
    return write_project(asked.root, star, asked.analysis)


def _workbook(asked: FileRequest) -> bytes:
    return write_workbook(asked.root, asked.schema, asked.analysis)


def _snippets(asked: FileRequest) -> bytes:
    found = write_snippets(asked.root, asked.schema, asked.analysis.incremental)
    body = {"root": asked.root, "files": _names(asked), "snippets": found}
    return msgspec.json.format(msgspec.json.encode(body), indent=2)


def _names(asked: FileRequest) -> list[str]:
    connections = (f"{each.name}{_ODC}" for each in asked.schema.entity_sets)
    return [*(name for name in _FILES if name != _SNIPPETS), *connections]


def _attachment(name: str, media: str, content: str | bytes) -> Response:
    """A download; snippets are shown. Names of sets are identifiers and need no escaping."""
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
