"""A gateway with workspaces and roles on a real socket, asked as whoever a test wants to be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.app import create_app
from gateway.auth.principal import ClientRequest, Principal
from gateway.config import STATED, load_settings
from gateway.sandbox import Dataset, create_sandbox, make_token
from tests.support.live import FIELDS, SECRET, running

MASK_KEY = "a secret of no less than thirty-two letters"


class SaidGate:
    """Takes the caller's word for who they are: `workspace/role`, in a header of these tests."""

    async def admit(self, asked: ClientRequest) -> Principal:
        workspace, _, role = asked.headers.get("x-test-caller", "default").partition("/")
        return Principal(workspace, role or None, "test", asked.headers.get("x-test-token"))


@dataclass(frozen=True, slots=True)
class House:
    """A gateway; `root` is its base URL."""

    root: str
    client: httpx.Client

    def ask(
        self, path: str, caller: str = "", method: str = "GET", token: str = "", **more: Any
    ) -> httpx.Response:
        headers = {"x-test-caller": caller or "default", **more.pop("headers", {})}
        if token:
            headers["x-test-token"] = token
        url = path if path.startswith("http") else self.root + path
        return self.client.request(method, url, headers=headers, **more)

    def odata(self, path: str, caller: str = "", **more: Any) -> httpx.Response:
        return self.ask(f"/odata/v4/{path}", caller, **more)

    def feed(self, path: str, caller: str = "") -> list[dict[str, Any]]:
        """All rows of a feed, through its nextLinks."""
        rows: list[dict[str, Any]] = []
        answer = self.odata(path, caller)
        while True:
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows += page["value"]
            if "@odata.nextLink" not in page:
                return rows
            answer = self.ask(page["@odata.nextLink"], caller)


@contextmanager
def house(upstream: str, toml: str = "", **options: object) -> Iterator[House]:
    """A gateway in front of an upstream that runs; `toml` are tables of its configuration file."""
    with tempfile.TemporaryDirectory() as folder:
        token_file, mask_file = Path(folder) / "token", Path(folder) / "mask"
        token_file.write_text(make_token(SECRET), "utf-8")
        mask_file.write_text(str(options.pop("mask_key", MASK_KEY)), "utf-8")
        given = {
            "upstream": upstream,
            "token_file": str(token_file),
            "mask_key_file": str(mask_file),
            "custom_field": [f"{name}={field}" for name, field in FIELDS],
            "trust": STATED,
            **options,
        }
        settings = load_settings(given, {}, toml.replace("TOKEN_FILE", str(token_file)))
        with (
            running(create_app(settings, gate=SaidGate())) as root,
            httpx.Client(timeout=30) as client,
        ):
            yield House(root, client)


@contextmanager
def sandbox(rows: Dataset | Sequence[Mapping[str, object]], **options: Any) -> Iterator[str]:
    """A sandbox Analytics API; yields its base URL."""
    with running(create_sandbox(rows, secret=SECRET, **options), date_header=False) as upstream:
        yield upstream
