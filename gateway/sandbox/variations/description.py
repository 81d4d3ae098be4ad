"""The description that an API serves of itself: an OpenAPI document, and a Swagger UI page.

The document has further operations besides the two that matter, among them some that write.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.sandbox.records import Row
from gateway.sandbox.variations.aggregates import render_statistics
from gateway.sandbox.variations.envelope import Page, wrap_page
from gateway.sandbox.variations.login import LOGIN_PATH, TOKEN_PATH
from gateway.sandbox.variations.model import Variation
from gateway.sandbox.variations.paging import Window
from gateway.sandbox.variations.rows import render_rows
from gateway.sandbox.variations.schemas import (
    Schema,
    filters_schema,
    infer_schema,
    request_schema,
)

_SAMPLE_ROWS = 200
_OTHER_OPERATIONS = (("get", "/users"), ("post", "/users"), ("delete", "/groups/{id}"))


def describe_routes(variation: Variation, rows: list[Row]) -> list[Route]:
    """Return the routes of document and page, none without a description."""
    form = variation.description
    if form.path is None and form.page is None:
        return []
    document = msgspec.json.encode(build_document(variation, rows))
    routes: list[Route] = []
    if form.path is not None:
        routes.append(_fixed(form.path, document, "application/json"))
    if form.page is not None:
        routes += _page_routes(variation, form.page, document.decode())
    return routes


def _fixed(path: str, body: bytes, media_type: str) -> Route:
    async def respond(_request: Request) -> Response:
        return Response(body, media_type=media_type)

    return Route(path, respond)


def _page_routes(variation: Variation, path: str, document: str) -> list[Route]:
    """Return the routes of a Swagger UI page, and of its script where it has one."""
    form = variation.description
    options = f'let options = {{\n  "swaggerDoc": {document},\n  "customOptions": {{}}\n}};'
    script_path = f"{path.rstrip('/')}/swagger-ui-init.js"
    scripts = {
        "no": f'<script>SwaggerUIBundle({{url: "{form.path}", dom_id: "#swagger-ui"}})</script>',
        "page": f"<script>{options}\nSwaggerUIBundle(options)</script>",
        "script": f'<script src="{script_path}"></script>',
    }
    html = (
        "<!doctype html><html><head><title>Swagger UI</title></head>"
        f'<body><div id="swagger-ui"></div>{scripts[form.embedded]}</body></html>'
    )
    routes = [_fixed(path, html.encode(), "text/html; charset=utf-8")]
    if form.embedded == "script":
        script = f"window.onload = function() {{\n{options}\nSwaggerUIBundle(options);\n}}"
        routes.append(_fixed(script_path, script.encode(), "application/javascript"))
    return routes


def build_document(variation: Variation, rows: list[Row]) -> Schema:
    """Return the OpenAPI document of a variation; rows serve as samples."""
    schemas = _schemas(variation, rows[:_SAMPLE_ROWS])
    paths = _paths(variation)
    prefix = variation.door.prefix
    in_server = variation.description.prefix_in == "servers"
    if not in_server:
        paths = {prefix + path: operations for path, operations in paths.items()}
    info = {"title": "Learning platform", "version": "1.0"}
    if variation.description.version == "2.0":
        base = {"basePath": prefix or "/"} if in_server else {}
        return {"swagger": "2.0", "info": info, **base, "paths": paths, "definitions": schemas}
    return {
        "openapi": variation.description.version,
        "info": info,
        "servers": [{"url": prefix if in_server and prefix else "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(variation: Variation, rows: list[Row]) -> Schema:
    window = Window(0, max(1, len(rows)))
    page = Page(render_rows(rows, variation), window, len(rows) + 1, cursor="bmV4dA==")
    body, _ = wrap_page(page, variation.envelope, variation.paging, variation.status.success_word)
    statistics = render_statistics(rows, variation.statistics, variation.values.words)
    return {
        "ResultsRequest": request_schema(variation),
        "Filters": filters_schema(variation),
        "ResultsPage": infer_schema([body], variation),
        "Statistics": infer_schema([statistics], variation),
        "User": {"type": "object", "properties": {"email": {"type": "string"}}},
    }


def _paths(variation: Variation) -> Schema:
    paths: Schema = {
        variation.door.results: {"post": _operation(variation, "ResultsRequest", "ResultsPage")}
    }
    if variation.statistics.present:
        statistics = _operation(variation, "Filters", "Statistics")
        paths[variation.statistics.path] = {"post": statistics}
    for method, path in _OTHER_OPERATIONS:
        body = "User" if method == "post" else None
        paths.setdefault(path, {})[method] = _operation(variation, body, "User")
    if variation.door.login is not None:
        login = LOGIN_PATH if variation.door.login == "password" else TOKEN_PATH
        paths[login] = {"post": {"responses": {"200": {"description": "A token"}}}}
    return paths


def _operation(variation: Variation, request: str | None, response: str) -> Schema:
    form = variation.description
    status = str(form.success or variation.status.success)
    parameters: list[Schema] = [_header(name, variation) for name, _ in variation.door.headers]
    if form.version == "2.0":
        if request is not None:
            parameters.append({"in": "body", "name": "body", "schema": _ref(request, variation)})
        responses = {status: {"description": "Success", "schema": _ref(response, variation)}}
        return {"parameters": parameters, "responses": responses}
    content = {"application/json": {"schema": _ref(response, variation)}}
    operation: Schema = {
        "security": [{"bearer": []}],
        "parameters": parameters,
        "responses": {status: {"description": "Success", "content": content}},
    }
    if request is not None:
        media = {"application/json": {"schema": _ref(request, variation)}}
        operation["requestBody"] = {"required": True, "content": media}
    return operation


def _header(name: str, variation: Variation) -> Schema:
    kind: Schema = {"type": "string"}
    typed = kind if variation.description.version == "2.0" else {"schema": kind}
    return {"in": "header", "name": name, "required": True, **typed}


def _ref(name: str, variation: Variation) -> Schema:
    place = "definitions" if variation.description.version == "2.0" else "components/schemas"
    return {"$ref": f"#/{place}/{name}"}
