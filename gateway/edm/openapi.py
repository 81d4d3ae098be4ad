"""`/openapi.json` (3.1): the service for people and tools that know no OData.

Generated from the schema, so that it cannot lag behind; schemathesis runs it against the service.
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
_MOST_ROWS = 999_999_999_999_999_999
_ERRORS = {
    "400": "The URL is malformed or names something that does not exist",
    "401": "A key or token is missing or wrong; WWW-Authenticate tells which are taken",
    "403": "Who asks is known, and nothing is open to them",
    "404": "No such resource",
    "405": "The service is read-only",
    "406": "The format asked for is not served",
    "410": "The extract that a nextLink leads into is gone",
    "412": "An isolation other than snapshot, or an ETag that is no longer current",
    "413": "The body is too large",
    "414": "The URL is too long",
    "415": "A body of another media type",
    "429": "Many wrong keys or tokens, or more requests than the key may make; see Retry-After",
    "501": "OData that this service does not evaluate",
    "502": "The Analytics API gave an answer that cannot be used",
    "503": "The Analytics API is not available; Retry-After tells when to ask again",
}
_SECURITY = {
    "password": {"type": "http", "scheme": "basic", "description": "any user name, a key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "description": "a key or a token"},
}
"""Which of them a gateway takes, its settings say."""


def render_openapi(schema: Schema, base: str = "/") -> dict[str, Any]:
    """The document; paths are relative to `base`, the public URL without a slash at its end."""
    paths: dict[str, Any] = {
        "/odata/v4/": _path("Service document", _json_answer({"type": "object"}), []),
        "/odata/v4/$metadata": _path(
            "The model as CSDL", _answer("application/xml", "application/json"), []
        ),
        "/odata/v4/$batch": _posted(
            _path("Many requests at once", _json_answer(_BATCH_ANSWER), []),
            {"application/json": {"schema": _BATCH}},
        ),
    }
    paths["/odata/v4/$entity"] = _path(
        "A row by its URL", _json_answer({"type": "object"}), [_ENTITY_ID]
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
    answer = _rows_answer(collection)
    return {
        root: _path(f"Rows of {entity_set.name}", answer, options),
        f"{root}/$query": _posted(
            _path("Rows, with the query as the body", answer, []),
            {"text/plain": {"schema": {"type": "string"}}},
        ),
        f"{root}/$count": _path("How many rows match", _answer("text/plain"), options[:2]),
        _one(entity_set): _path(
            "One row", _json_answer(row), [*_key(entity), select, *_expand(entity)]
        ),
    }


def _related_paths(entity_set: EntitySet, schema: Schema) -> dict[str, Any]:
    """What is behind the navigation properties of one row."""
    found: dict[str, Any] = {}
    for way in entity_set.entity_type.navigation:
        target = schema.find_set(way.target)
        assert target is not None  # noqa: S101 - the contract's ways lead to its sets
        row = {"$ref": f"#/components/schemas/{target.entity_type.name}"}
        several = {"type": "object", "properties": {"value": {"type": "array", "items": row}}}
        answer = _json_answer(several if way.collection else row)
        what = f"{way.target} that belong to the row" if way.collection else "The row it belongs to"
        path = f"{_one(entity_set)}/{way.name}"
        found[path] = _path(what, answer, _key(entity_set.entity_type))
    return found


def _row_options(entity: EntityType) -> list[dict[str, Any]]:
    rows = {"type": "integer", "minimum": 0, "maximum": _MOST_ROWS}
    text = {"type": "string", "minLength": 1}
    return [
        _option("$filter", "Condition in OData's language, e.g. `id eq 'x'`", text),
        _option("$search", "Words to find", text),
        _list("$orderby", "Columns to sort by, each with asc or desc", _orders(entity)),
        _option("$top", "The first so many rows", rows),
        _option("$skip", "Rows to leave out first", rows),
        _option("$count", "Also count the rows that match", {"type": "boolean"}),
    ]


def _paths_below(entity_set: EntitySet) -> dict[str, Any]:
    """References, and one property of one row."""
    root, entity = f"/odata/v4/{entity_set.name}", entity_set.entity_type
    single = [prop.name for prop in entity.properties if not prop.collection]
    several = [prop.name for prop in entity.properties if prop.collection]
    one, key = _one(entity_set), _key(entity)
    found = {
        f"{root}/$ref": _path("Where the rows are", _json_answer(_VALUES), _row_options(entity)),
        f"{one}/$ref": _path("Where the row is", _json_answer({"type": "object"}), key),
        f"{one}/{{property}}": _nullable(
            _path("One value", _json_answer(_VALUE), [*key, _name_of(list(entity.names))])
        ),
        f"{one}/{{property}}/$value": _nullable(
            _path("One value as text", _answer("text/plain"), [*key, _name_of(single)])
        ),
    }
    if several:
        parameters = [*key, _name_of(several)]
        found[f"{one}/{{property}}/$count"] = _nullable(
            _path("How many elements", _answer("text/plain"), parameters)
        )
    return found


def _one(entity_set: EntitySet) -> str:
    """The path of one row; a key of several values has their names."""
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
    """The path with POST and a body in place of GET."""
    return {"post": path["get"] | {"requestBody": {"required": True, "content": content}}}


def _name_of(names: list[str]) -> dict[str, Any]:
    schema = {"type": "string", "enum": names}
    return {"name": "property", "in": "path", "required": True, "schema": schema}


def _expand(entity: EntityType) -> list[dict[str, Any]]:
    names = [way.name for way in entity.navigation]
    if not names:
        return []
    option = _list("$expand", "Related rows that come along", names)
    option["schema"]["uniqueItems"] = True
    return [option]


def _apply() -> dict[str, Any]:
    text = "Aggregation, e.g. `groupby((state),aggregate($count as n))`"
    return _option("$apply", text, {"type": "string", "minLength": 1})


def _compute() -> dict[str, Any]:
    text = "Columns to compute, e.g. `progress div 100 as ratio`"
    return _option("$compute", text, {"type": "string", "minLength": 1})


def _path(summary: str, answer: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any]:
    responses = {"200": answer} | {
        status: {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in _ERRORS.items()
    }
    return {"get": {"summary": summary, "parameters": parameters, "responses": responses}}


def _answer(*media_types: str) -> dict[str, Any]:
    """Text for OpenAPI's purposes; CSDL JSON is an object."""
    schemas = {"application/json": {"type": "object"}}
    content = {media: {"schema": schemas.get(media, {"type": "string"})} for media in media_types}
    return {"description": "The answer", "content": content}


def _json_answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "The answer", "content": {"application/json": {"schema": schema}}}


def _rows_answer(page: dict[str, Any]) -> dict[str, Any]:
    """A page in JSON, or all rows in a file."""
    answer = _json_answer(page)
    answer["content"] |= {media: {} for media in CAPABILITIES.formats if media not in _JSON}
    return answer


def _option(name: str, text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": text, "schema": schema}


def _list(name: str, text: str, values: list[str]) -> dict[str, Any]:
    """An option whose value is a list with commas."""
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
_BATCH_ANSWER: dict[str, Any] = {
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
