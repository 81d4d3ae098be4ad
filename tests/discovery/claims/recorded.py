"""One recorded exchange in every form that an owner may have it, with secrets and persons in it."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any

SECRETS = ("eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "s3cr3t-k3y", "sess=abc123", "hunter2")
PERSONS = ("anna.smith@example.com", "Anna Smith", "u-4711", "Sales North", "g-99", "Fire safety")
URL = "https://api.vendor.example/v2/analytics/results?token=eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
HEADERS = {
    "Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
    "Cookie": "sess=abc123",
    "X-Api-Key": "s3cr3t-k3y",
    "X-Workspace": "ws_1",
    "User-Agent": "Mozilla/5.0",
    "Content-Type": "application/json",
}


def request(limit: int = 50, **filters: Any) -> dict[str, Any]:
    """Return a request's body with a page, an order, filters and constants."""
    return {
        "page": {"size": limit, "number": 1},
        "sort": [{"field": "updatedAt", "direction": "desc"}],
        "filters": {
            "states": ["IN_PROGRESS"],
            "userIds": ["u-4711"],
            "groupIds": ["g-99"],
            "customFields": [{"id": "cf-1", "values": ["Sales North"]}],
            "updatedAt": {"gte": "2024-01-01T00:00:00.000Z"},
            "search": "Anna Smith",
            **filters,
        },
        "includeArchived": False,
        "workspaceId": "ws_1",
        "schema": 2,
        "sessionToken": "hunter2",
        "requestedBy": {"email": "anna.smith@example.com", "user": "u-4711"},
    }


RESPONSE: dict[str, Any] = {
    "data": {
        "items": [
            {
                "id": "r-1",
                "learner": {
                    "id": "u-4711",
                    "name": "Anna Smith",
                    "email": "anna.smith@example.com",
                    "customFields": {"Department": "Sales North", "2f0c": "x"},
                    "groups": [{"id": "g-99", "name": "Sales North"}],
                },
                "course": {"id": 7, "title": "Fire safety", "type": "COURSE"},
                "state": "IN_PROGRESS",
                "progress": 0.5,
                "updatedAt": "2024-05-01T10:00:00.000Z",
                "expiryDate": None,
            },
            {
                "id": "r-2",
                "state": "APPROVED",
                "progress": 1,
                "updatedAt": "2024-05-02T10:00:00.000Z",
            },
        ]
    },
    "total": 1234,
}


def har(*bodies: dict[str, Any], encoded: bool = False) -> dict[str, Any]:
    """Return a HAR file with a page, the API's requests and noise of the browser."""
    text = json.dumps(RESPONSE)
    content: dict[str, Any] = {"mimeType": "application/json", "text": text}
    if encoded:
        content |= {"encoding": "base64", "text": base64.b64encode(text.encode()).decode()}
    entries = [
        {
            "request": {
                "method": "POST",
                "url": URL,
                "headers": [{"name": n, "value": v} for n, v in HEADERS.items()],
                "postData": {"mimeType": "application/json", "text": json.dumps(body)},
            },
            "response": {
                "status": 201,
                "headers": [{"name": "X-Total-Count", "value": "1234"}],
                "content": content,
            },
        }
        for body in bodies
    ]
    noise = [
        {"request": {"method": "GET", "url": "https://app.vendor.example/"}, "response": {}},
        {
            "request": {
                "method": "POST",
                "url": "https://telemetry.example/collect",
                "postData": {"text": '{"user": "Anna Smith"}'},
            },
            "response": {"status": 204, "content": {}},
        },
        {"request": {"method": "POST", "url": URL}, "response": {"status": 401, "content": {}}},
    ]
    return {"log": {"version": "1.2", "entries": [*noise, *entries]}}


def postman(version: str = "2.1.0") -> dict[str, Any]:
    """Return a collection with variables and folders."""
    raw = json.dumps(request()).replace('"size": 50', '"size": {{limit}}')
    url: Any = "{{base}}/v2/analytics/results?token=s3cr3t-k3y"
    return {
        "info": {
            "name": "x",
            "schema": f"https://schema.getpostman.com/json/collection/v{version}/",
        },
        "variable": [{"key": "base", "value": "https://api.vendor.example"}],
        "item": [
            {"name": "users", "item": [{"name": "all", "request": {"method": "GET", "url": url}}]},
            {
                "name": "analytics",
                "item": [
                    {
                        "name": "results",
                        "request": {
                            "method": "POST",
                            "url": url if version == "2.0.0" else {"raw": url},
                            "header": [{"key": n, "value": v} for n, v in HEADERS.items()],
                            "body": {"mode": "raw", "raw": raw},
                        },
                        "response": [{"code": 201, "body": json.dumps(RESPONSE)}],
                    }
                ],
            },
        ],
    }


def curl_bash() -> str:
    """Return the command as a browser copies it for bash."""
    options = [f"-H {shlex.quote(f'{n}: {v}')}" for n, v in HEADERS.items() if n != "Cookie"]
    options += [
        "-b 'sess=abc123'",
        f"--data-raw {shlex.quote(json.dumps(request()))}",
        "--compressed",
    ]
    return " \\\n  ".join([f"curl {shlex.quote(URL)}", *options])


def curl_windows() -> str:
    """Return the command as a browser copies it for the Windows command prompt."""
    body = json.dumps(request()).replace('"', '\\"')
    lines = [
        f'curl "{URL}"',
        *(f'-H "{n}: {v}"' for n, v in HEADERS.items()),
        f'--data-raw "{body}"',
    ]
    return " ^\r\n  ".join(line.replace('"', '^"').replace("{", "^{") for line in lines)


def forms() -> dict[str, bytes]:
    """Return the request of one exchange in each form that has all of it."""
    return {
        "har": json.dumps(har(request())).encode(),
        "har base64": json.dumps(har(request(), encoded=True)).encode(),
        "har bom": b"\xef\xbb\xbf" + json.dumps(har(request())).encode(),
        "har utf-16": json.dumps(har(request())).encode("utf-16"),
        "postman 2.1": json.dumps(postman()).encode(),
        "postman 2.0": json.dumps(postman("2.0.0")).encode(),
        "postman wrapped": json.dumps({"collection": postman()}).encode(),
        "curl bash": curl_bash().encode(),
        "curl windows": curl_windows().encode(),
    }
