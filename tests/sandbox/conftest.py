"""Fixtures that every test of the sandbox may ask for."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.sandbox import make_token

SECRET = "a secret of at least thirty-two bytes"

Connect = Callable[[Starlette], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET


@pytest.fixture(scope="session")
def token() -> str:
    return make_token(SECRET)


@pytest.fixture(scope="session")
def connect() -> Connect:
    """Return how to reach a sandbox in this process, with a good token."""

    @asynccontextmanager
    async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://sandbox",
            headers={"Authorization": f"Bearer {make_token(SECRET)}"},
        ) as opened:
            yield opened

    return client


@pytest.fixture(scope="session")
def ask(connect: Connect) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return how to ask a sandbox for results once, and get the decoded page."""

    async def asked(app: Starlette, **body: object) -> Any:
        async with connect(app) as client:
            answer = await client.post("/analyse/results", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked
