"""`/openapi.json` (3.1): a description of the service for people and tools without OData.

It is generated from the schema, so it is always current; schemathesis tests the service with it.
"""

from __future__ import annotations

from typing import Any

from gateway.edm.capabilities import CAPABILITIES
from gateway.edm.model import EntitySet, EntityType, Property, Schema
from gateway.edm.types import PrimitiveType

_JSON_TYPES: dict[PrimitiveType, dict[str, Any]] = {
    PrimitiveType.STRING: {"type": "string"},
    PrimitiveType.BOOLEAN: {"type": "boolean"},
    PrimitiveType.INT32: {"type": "integer", "format": "int32"},
    PrimitiveType.INT64: {"type": "integer", "format": "int64"},
    PrimitiveType.DOUBLE: {"type": "number", "format": "double"},
    PrimitiveType.DATE_TIME_OFFSET: {"type": "string", "format": "date-time"},
    PrimitiveType.GUID: {"type": "string", "format": "uuid"},
}
_KEY_TYPES = _JSON_TYPES | {
    PrimitiveType.STRING: {
        "type": "string",
        "pattern": "^([^']|'')*$",
        "description": "a quote inside is doubled",
    }
}
_JSON = ("application/json",)
_MAX_ROWS = 999_999_999_999_999_999
_ERRORS = {
    "400": "The URL is malformed or names something that does not exist",
    "401": "A key or token is missing or wrong; WWW-Authenticate lists the accepted schemes",
    "403": "The caller is known but has no access",
    "404": "No such resource",
    "405": "The service is read-only",
    "406": "The requested format is not available",
    "410": "The extract of a nextLink has expired",
    "412": "An isolation other than snapshot, or an ETag that is no longer current",
    "413": "The body is too large",
    "414": "The URL is too long",
    "415": "The body has an unsupported media type",
    "429": "Too many wrong keys or tokens, or too many requests for the key; see Retry-After",
    "501": "OData that this service does not evaluate",
    "502": "The Analytics API returned an unusable response",
    "503": "The Analytics API is not available; retry after Retry-After",
}
_SECURITY = {
    "password": {"type": "http", "scheme": "basic", "description": "any user name, a key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "a key or a token"},
}
"""All schemes; the settings of a gateway decide which ones it accepts."""


def render_openapi(schema: Schema, base: str = "/") -> dict[str, Any]:
    """Return the document; paths are relative to `base`, the public URL without a final slash."""
    paths: dict[str, Any] = {
        "/odata/v4/": _path("Service document", _json_response({"type": "object"}), []),
        "/odata/v4/$metadata": _path(
            "The model as CSDL", _response("application/xml", "application/json"), []
        ),
        "/odata/v4/$batch": _posted(
            _path("Several requests at once", _json_response(_BATCH_RESPONSE), []),
            {"application/json": {"schema": _BATCH}},
        ),
    }
    paths["/odata/v4/$entity"] = _path(
        "A row by its URL", _json_response({"type": "object"}), [_ENTITY_ID]
    )
    for entity_set in schema.entity_sets:
        paths |= _set_paths(entity_set) | _paths_below(entity_set)
        paths |= _related_paths(entity_set, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{schema.namespace} OData gateway", "version": "4.01"},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": {
                "Error": _ERROR_SCHEMA,
                **{s.entity_type.name: _entity_schema(s.entity_type) for s in schema.entity_sets},
            },
            "securitySchemes": _SECURITY,
        },
        "security": [{}, *({name: []} for name in _SECURITY)],
    }


def _set_paths(entity_set: EntitySet) -> dict[str, Any]:
    root, entity = f"/odata/v4/{entity_set.name}", entity_set.entity_type
    row = {"$ref": f"#/components/schemas/{entity.name}"}
    collection = {
        "type": "object",
        "required": ["value"],
        "properties": {
            "@odata.context": {"type": "string"},
            "@odata.count": {"type": "integer", "minimum": 0},
            "@odata.nextLink": {"type": "string"},
            "value": {"type": "array", "items": row},
        },
    }
    select = _list("$select", "Columns", ["*", *entity.names])
    options = [*_row_options(entity), select, *_expand(entity), _compute(), _apply()]
    response = _rows_response(collection)
    return {
        root: _path(f"Rows of {entity_set.name}", response, options),
        f"{root}/$query": _posted(
            _path("Rows, with the query as the body", response, []),
            {"text/plain": {"schema": {"type": "string"}}},
        ),
        f"{root}/$count": _path(
            "The number of rows that match", _response("text/plain"), options[:2]
        ),
        _one(entity_set): _path(
            "One row", _json_response(row), [*_key(entity), select, *_expand(entity)]
        ),
    }


def _related_paths(entity_set: EntitySet, schema: Schema) -> dict[str, Any]:
    """Return the paths of the navigation properties of one row."""
    found: dict[str, Any] = {}
    for navigation in entity_set.entity_type.navigation:
        target = schema.find_set(navigation.target)
        assert target is not None  # noqa: S101 - navigation leads to sets of the contract
        row = {"$ref": f"#/components/schemas/{target.entity_type.name}"}
        several = {"type": "object", "properties": {"value": {"type": "array", "items": row}}}
        response = _json_response(several if navigation.collection else row)
        several_rows = f"{navigation.target} that belong to the row"
        what = several_rows if navigation.collection else "The row that it belongs to"
        path = f"{_one(entity_set)}/{navigation.name}"
        found[path] = _path(what, response, _key(entity_set.entity_type))
    return found


def _row_options(entity: EntityType) -> list[dict[str, Any]]:
    rows = {"type": "integer", "minimum": 0, "maximum": _MAX_ROWS}
    text = {"type": "string", "minLength": 1}
    return [
        _option("$filter", "Condition in OData syntax, e.g. `id eq 'x'`", text),
        _option("$search", "Words to find", text),
        _list("$orderby", "Columns to sort by, each with asc or desc", _orders(entity)),
        _option("$top", "Maximum number of rows", rows),
        _option("$skip", "Number of rows to skip", rows),
        _option("$count", "Include the total count of matching rows", {"type": "boolean"}),
    ]


def _paths_below(entity_set: EntitySet) -> dict[str, Any]:
    """Return the paths of references, and of one property of one row."""
    root, entity = f"/odata/v4/{entity_set.name}", entity_set.entity_type
    single = [prop.name for prop in entity.properties if not prop.collection]
    several = [prop.name for prop in entity.properties if prop.collection]
    one, key = _one(entity_set), _key(entity)
    found = {
        f"{root}/$ref": _path("References to rows", _json_response(_VALUES), _row_options(entity)),
        f"{one}/$ref": _path("A reference to a row", _json_response({"type": "object"}), key),
        f"{one}/{{property}}": _nullable(
            _path("One value", _json_response(_VALUE), [*key, _name_of(list(entity.names))])
        ),
        f"{one}/{{property}}/$value": _nullable(
            _path("One value as text", _response("text/plain"), [*key, _name_of(single)])
        ),
    }
    if several:
        parameters = [*key, _name_of(several)]
        found[f"{one}/{{property}}/$count"] = _nullable(
            _path("The number of elements", _response("text/plain"), parameters)
        )
    return found


def _one(entity_set: EntitySet) -> str:
    """Return the path of one row; a key of several values includes their names."""
    properties = entity_set.entity_type.key_properties
    values = [
        f"'{{{prop.name}}}'" if prop.type is PrimitiveType.STRING else f"{{{prop.name}}}"
        for prop in properties
    ]
    if len(values) > 1:
        values = [f"{p.name}={value}" for p, value in zip(properties, values, strict=True)]
    return f"/odata/v4/{entity_set.name}({','.join(values)})"


def _key(entity_type: EntityType) -> list[dict[str, Any]]:
    return [
        {"name": prop.name, "in": "path", "required": True, "schema": _KEY_TYPES[prop.type]}
        for prop in entity_type.key_properties
    ]


def _nullable(path: dict[str, Any]) -> dict[str, Any]:
    path["get"]["responses"]["204"] = {"description": "The value is null"}
    return path


def _posted(path: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return the path with POST and a body instead of GET."""
    return {"post": path["get"] | {"requestBody": {"required": True, "content": content}}}


def _name_of(names: list[str]) -> dict[str, Any]:
    schema = {"type": "string", "enum": names}
    return {"name": "property", "in": "path", "required": True, "schema": schema}


def _expand(entity: EntityType) -> list[dict[str, Any]]:
    names = [navigation.name for navigation in entity.navigation]
    if not names:
        return []
    option = _list("$expand", "Related rows to include", names)
    option["schema"]["uniqueItems"] = True
    return [option]


def _apply() -> dict[str, Any]:
    text = "Aggregation, e.g. `groupby((state),aggregate($count as n))`"
    return _option("$apply", text, {"type": "string", "minLength": 1})


def _compute() -> dict[str, Any]:
    text = "Columns to compute, e.g. `progress div 100 as ratio`"
    return _option("$compute", text, {"type": "string", "minLength": 1})


def _path(
    summary: str, response: dict[str, Any], parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    responses = {"200": response} | {
        status: {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in _ERRORS.items()
    }
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses}}


def _response(*media_types: str) -> dict[str, Any]:
    """Return a response of these media types: JSON is an object, all else a text."""
    schemas = {"application/json": {"type": "object"}}
    content = {media: {"schema": schemas.get(media, {"type": "string"})} for media in media_types}
    return {"description": "The response", "content": content}


def _json_response(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "The response", "content": {"application/json": {"schema": schema}}}


def _rows_response(page: dict[str, Any]) -> dict[str, Any]:
    """Return a response with a page in JSON, or all rows in a file."""
    response = _json_response(page)
    response["content"] |= {media: {} for media in CAPABILITIES.formats if media not in _JSON}
    return response


def _option(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _list(name: str, text: str, values: list[str]) -> dict[str, Any]:
    """Return an option whose value is a comma-separated list."""
    schema = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": values}}
    return _option(name, text, schema) | {"style": "form", "explode": False}


def _orders(entity_type: EntityType) -> list[str]:
    names = [prop.name for prop in entity_type.properties if not prop.collection]
    return [f"{name}{direction}" for name in names for direction in ("", " asc", " desc")]


def _entity_schema(entity_type: EntityType) -> dict[str, Any]:
    properties = {prop.name: _property_schema(prop) for prop in entity_type.properties}
    return {"type": "object", "properties": properties}


def _property_schema(prop: Property) -> dict[str, Any]:
    single: dict[str, Any] = dict(_JSON_TYPES[prop.type])
    if prop.allowed_values:
        single["enum"] = list(prop.allowed_values)
    if prop.collection:
        single = {"type": "array", "items": single}
    if prop.nullable:
        single["type"] = [single["type"], "null"]
        if "enum" in single:
            single["enum"].append(None)
    return single | ({"description": prop.label} if prop.label else {})


_ENTITY_ID = {
    "name": "$id",
    "in": "query",
    "required": True,
    "description": "relative to /odata/v4/ or absolute, as in @odata.id",
    "schema": {"type": "string", "pattern": r"^[A-Za-z]+\('[A-Za-z0-9_-]+'\)$"},
}
_VALUE = {"type": "object", "required": ["value"], "properties": {"value": {}}}
_VALUES = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"type": "array", "items": {"type": "object"}}},
}
_ID = {"type": "string", "pattern": "^[!-~]{1,128}$"}
_BATCH: dict[str, Any] = {
    "type": "object",
    "required": ["requests"],
    "properties": {
        "requests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "method", "url"],
                "properties": {
                    "id": _ID,
                    "method": {"type": "string"},
                    "url": {"type": "string", "description": "relative to /odata/v4/"},
                    "headers": {
                        "type": ["object", "null"],
                        "additionalProperties": {"type": "string"},
                    },
                    "body": {},
                    "dependsOn": {"type": ["array", "null"], "items": {"type": "string"}},
                    "atomicityGroup": {**_ID, "type": ["string", "null"]},
                },
            },
        }
    },
}
_BATCH_RESPONSE: dict[str, Any] = {
    "type": "object",
    "required": ["responses"],
    "properties": {
        "responses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "status"],
                "properties": {
                    "id": {"type": "string"},
                    "status": {"type": "integer"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    "body": {},
                },
            },
        }
    },
}
_ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "minLength": 1},
                "message": {"type": "string", "minLength": 1},
                "target": {"type": "string"},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}
