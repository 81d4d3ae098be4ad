"""API descriptions in all versions, of one API that differs from the shipped contract."""

from __future__ import annotations

from typing import Any

STATES = ["not_started", "in_progress", "approved", "failed", "expired", "waiting"]
SCHEMAS: dict[str, Any] = {
    "Page": {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            "number": {"type": "integer", "minimum": 1},
        },
    },
    "State": {"type": "string", "enum": STATES},
    "Range": {
        "type": "object",
        "required": ["gte"],
        "properties": {
            "gte": {"type": "string", "format": "date-time"},
            "lt": {"type": "string", "format": "date-time"},
        },
    },
    "Filters": {
        "type": "object",
        "properties": {
            "states": {"type": "array", "maxItems": 100, "items": {"$ref": "#/$S/State"}},
            "updatedAt": {"$ref": "#/$S/Range"},
            "view": {"type": "string", "enum": ["current"]},
        },
    },
    "ResultsRequest": {
        "allOf": [
            {
                "type": "object",
                "required": ["page"],
                "properties": {"page": {"$ref": "#/$S/Page"}},
            },
            {"properties": {"filters": {"$ref": "#/$S/Filters"}}},
        ]
    },
    "Person": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "email": {"type": "string", "format": "email"},
            "manager": {"$ref": "#/$S/Person"},
        },
    },
    "Row": {
        "type": "object",
        "properties": {
            "learner": {"$ref": "#/$S/Person"},
            "course": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "title": {"type": "string"}},
            },
            "state": {"$ref": "#/$S/State"},
            "progress": {"type": "number", "example": 33},
            "attributes": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
    "ResultsPage": {
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/$S/Row"}},
            "totalCount": {"type": "integer"},
        },
    },
    "Statistics": {"type": "object", "properties": {"total": {"type": "integer"}}},
    "Login": {
        "type": "object",
        "required": ["clientId", "clientSecret"],
        "properties": {"clientId": {"type": "string"}, "clientSecret": {"type": "string"}},
    },
    "Token": {
        "type": "object",
        "properties": {"accessToken": {"type": "string"}, "expiresIn": {"type": "integer"}},
    },
}
POSTS = {
    "/analyse/results": ("ResultsRequest", "ResultsPage", "201"),
    "/analyse/statistics": ("Filters", "Statistics", "200"),
    "/auth/login": ("Login", "Token", "200"),
    "/results": ("Row", "Row", "201"),
    "/results/import": ("ResultsPage", "Statistics", "201"),
}
HEADERS: list[dict[str, Any]] = [
    {"name": "X-Workspace", "in": "header", "required": True, "schema": {"type": "string"}},
    {"name": "X-Api-Version", "in": "header", "schema": {"type": "string", "enum": ["2"]}},
    {"name": "X-Api-Key", "in": "header", "schema": {"type": "string", "default": "k-123"}},
]


def description(version: str) -> dict[str, Any]:
    """Return the description as OpenAPI 2.0, 3.0 or 3.1."""
    place = "definitions" if version == "2.0" else "components/schemas"
    schemas = _placed(SCHEMAS, place)
    paths = {path: {"post": _operation(version, place, *facts)} for path, facts in POSTS.items()}
    paths["/users"] = {"get": {"responses": {"200": {"description": "all"}}}}
    info = {"title": "Analytics", "version": "1"}
    if version == "2.0":
        return {
            "swagger": "2.0", "info": info, "paths": paths, "definitions": schemas,
            "host": "api.example.com", "basePath": "/v1", "schemes": ["https"],
            "securityDefinitions": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        }  # fmt: skip
    return {
        "openapi": version, "info": info, "paths": paths,
        "servers": [
            {"url": "https://{host}/v1", "variables": {"host": {"default": "api.example.com"}}}
        ],
        "components": {
            "schemas": schemas,
            "securitySchemes": {"b": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(version: str, place: str, request: str, response: str, status: str) -> Any:
    takes, gives = ({"$ref": f"#/{place}/{name}"} for name in (request, response))
    if version == "2.0":
        flat = [{**h, **h["schema"]} for h in HEADERS]
        return {
            "parameters": [*flat, {"in": "body", "name": "body", "schema": takes}],
            "responses": {status: {"schema": gives}, "400": {"description": "wrong"}},
        }
    return {
        "parameters": HEADERS,
        "requestBody": {"content": {"application/json": {"schema": takes}}},
        "responses": {status: {"content": {"application/json": {"schema": gives}}}},
    }


def _placed(value: Any, place: str) -> Any:
    if isinstance(value, dict):
        return {name: _placed(inner, place) for name, inner in value.items()}
    if isinstance(value, list):
        return [_placed(inner, place) for inner in value]
    return value.replace("$S", place) if isinstance(value, str) else value
