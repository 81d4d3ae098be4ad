"""The sandbox's data behind an API in which every name is another one, and its contract file.

Path, envelope, members, filters, order values and the custom fields' shape differ, and lower ends
of ranges are exclusive. Only the bearer token and the values of the data are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.contract.loader import built_in_contract

_LISTS = {
    "team": "groupIds",
    "learner": "userIds",
    "course": "contentIds",
    "status": "states",
    "sort": "enrollmentTypes",
}
_RANGES = {"changed": "updatedAtDateRange", "validUntil": "expiryDateRange"}
_RESULT = {
    "no": "id",
    "percent": "progress",
    "status": "state",
    "sort": "enrollmentType",
    "changed": "updatedAt",
    "begun": "startedAt",
    "done": "completedAt",
    "validUntil": "expiryDate",
    "certified": "certificateIssuedAt",
}
_PERSON = {"no": "id", "fullName": "name", "mail": "email", "picture": "avatar"}
_COURSE = {"no": "id", "title": "name", "form": "type"}
_ORDERS = {"changed": "updatedAt"}
_DIRECTIONS = {"up": "ASC", "down": "DESC"}


def rename(sandbox: ASGIApp) -> Starlette:
    """The API in front of a sandbox that it asks in the same process."""

    async def ask(request: Request, path: str, question: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(app=sandbox)
        token = {"Authorization": request.headers["Authorization"]}
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return await client.post(path, json=question, headers=token)

    async def query(request: Request) -> Response:
        answer = await ask(request, "/analyse/results", _question(await request.json()))
        if answer.status_code != 200:
            problem = {"problem": {"detail": answer.json()["message"]}}
            return JSONResponse(problem, answer.status_code)
        body = answer.json()
        items = [_item(row) for row in body["results"]]
        return JSONResponse({"page": {"items": items, "of": {"matches": body["total"]}}})

    async def sums(request: Request) -> Response:
        answer = await ask(request, "/analyse/statistics", _filters(await request.json()))
        told = answer.json()
        kinds = {"byStatus": told["states"], "bySort": told["enrollmentTypes"]}
        heads = {"learners": told["users"], "courses": told["contents"]}
        certified = told["certificatesIssued"]
        return JSONResponse(
            {"sum": {"rows": told["total"], "heads": heads, **kinds}, "ok": certified}
        )

    routes = [
        Route("/v9/report/query", query, methods=["POST"]),
        Route("/v9/report/sums", sums, methods=["POST"]),
    ]
    return Starlette(routes=routes)


def _question(body: dict[str, Any]) -> dict[str, Any]:
    """The sandbox's request; a name that is not known here is a KeyError, hence a 500."""
    paging, sorting = body.pop("paging"), body.pop("sorting")
    question: dict[str, Any] = {
        "options": {
            "limit": paging.pop("rows"),
            "skip": paging.pop("from"),
            "orderBy": _ORDERS[sorting.pop("by")],
            "order": _DIRECTIONS[sorting.pop("direction")],
        }
    }
    assert not {**paging, **sorting}
    return question | _filters(body)


def _filters(body: dict[str, Any]) -> dict[str, Any]:
    """The filters alone; nothing else may be there."""
    found: dict[str, Any] = {}
    for name, value in body.pop("where", {}).items():
        if name == "attributes":
            found["customFields"] = [
                {"customFieldId": entry["key"], "values": entry["anyOf"]} for entry in value
            ]
        elif name in _RANGES:
            found[_RANGES[name]] = _range(value)
        else:
            found[_LISTS[name]] = value
    assert not body
    return found


def _range(ends: Mapping[str, str]) -> dict[str, str]:
    """`after` is exclusive; the data knows whole milliseconds."""
    found = {}
    if "after" in ends:
        start = datetime.fromisoformat(ends["after"]) + timedelta(milliseconds=1)
        found["from"] = start.isoformat()
    if "until" in ends:
        found["to"] = ends["until"]
    return found


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    user, content = row["user"], row["content"]
    person = {new: user.get(old) for new, old in _PERSON.items()}
    person["teams"] = [{"no": group["id"], "called": group["name"]} for group in user["groups"]]
    person["attributes"] = [
        {"key": f["customFieldId"], "title": f["name"], "content": f["value"]}
        for f in user["customFields"]
    ]
    return {
        **{new: row.get(old) for new, old in _RESULT.items()},
        "person": person,
        "course": {new: content.get(old) for new, old in _COURSE.items()},
    }


CONTRACT = """
format = 1
service = {namespace = "Skillhabit", container = "Analytics", entity_set = "Results", entity_type = "Result", key = "id"}
upstream = {base_url = "https://renamed.invalid"}
endpoints = {results = {path = "/v9/report/query"}, statistics = {path = "/v9/report/sums"}}
extract = {order_by = "updatedAt"}

[request]
limit = {member = "paging.rows", maximum = 1000}
skip = {member = "paging.from"}
order_by = {member = "sorting.by"}
order = {member = "sorting.direction", ascending = "up", descending = "down"}

[response]
rows = {member = "page.items"}
total = {member = "page.of.matches"}
error = {member = "problem.detail"}

[filters]
teams = {kind = "values", member = "where.team", exact = true}
learners = {kind = "values", member = "where.learner", exact = true}
courses = {kind = "values", member = "where.course", exact = true}
status = {kind = "values", member = "where.status", exact = true}
sorts = {kind = "values", member = "where.sort", exact = true}
attributes = {kind = "custom-fields", member = "where.attributes", id = "key", values = "anyOf", exact = false}
changed = {kind = "range", member = "where.changed", from = "after", to = "until", from_inclusive = false, to_inclusive = true, exact = true}
valid = {kind = "range", member = "where.validUntil", from = "after", to = "until", from_inclusive = false, to_inclusive = true, exact = true}

[statistics]
matches = {kind = "rows", member = "sum.rows", exact = true}
learners = {kind = "distinct", member = "sum.heads.learners", column = "userId", exact = true}
courses = {kind = "distinct", member = "sum.heads.courses", column = "contentId", exact = true}
certified = {kind = "not-null", member = "ok", column = "certificateIssuedAt", exact = true}
status = {kind = "values", member = "sum.byStatus", column = "state", exact = true}
sorts = {kind = "values", member = "sum.bySort", column = "enrollmentType", exact = true}

[custom_fields]
path = "person.attributes"
id = "key"
value = "content"
label = "title"
filter = "attributes"
"""  # noqa: E501 - a table a line
_STATES = "NOT_STARTED,IN_PROGRESS,APPROVED,FAILED,EXPIRED"
_COLUMNS = f"""
id no Edm.String required
userId person.no Edm.String required filter=learners
userName person.fullName Edm.String
userEmail person.mail Edm.String
userAvatar person.picture Edm.String
contentId course.no Edm.String required filter=courses
contentName course.title Edm.String
contentType course.form Edm.String
progress percent Edm.Double
state status Edm.String required filter=status values={_STATES}
enrollmentType sort Edm.String required filter=sorts values=MANDATORY,OPTIONAL,NOT_ENROLLED
updatedAt changed Edm.DateTimeOffset required filter=changed order=changed
startedAt begun Edm.DateTimeOffset
completedAt done Edm.DateTimeOffset
expiryDate validUntil Edm.DateTimeOffset filter=valid
certificateIssuedAt certified Edm.DateTimeOffset
groupIds person.teams[].no Edm.String required filter=teams
groupNames person.teams[].called Edm.String hidden
"""
_DERIVED = built_in_contract().partition("[[sets]]")
"""What is made of the columns does not know what they are called upstream."""


def contract_text() -> str:
    """The contract file of the renamed API; what it publishes is what the built-in one does."""
    columns = "".join(_column(line.split()) for line in _COLUMNS.split("\n") if line)
    return CONTRACT + columns + "".join(_DERIVED[1:])


def _column(words: list[str]) -> str:
    name, path, kind, *rest = words
    lines = ["\n[[columns]]", f'name = "{name}"', f'path = "{path}"', f'type = "{kind}"']
    for word in rest:
        key, _, value = word.partition("=")
        if key == "required":
            lines.append("nullable = false")
        elif key == "hidden":
            lines.append("published = false")
        elif key == "values":
            lines.append(f"values = {value.split(',')}")
        else:
            lines.append(f'{key} = "{value}"')
    return "\n".join(lines) + "\n"
