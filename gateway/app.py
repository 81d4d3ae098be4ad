"""Settings in, application out: the only module that constructs things."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
from httpx_aiohttp import HttpxAiohttpClient
from starlette.applications import Starlette

import grammar
from gateway.analytics.client import AnalyticsClient, RetryPolicy, World
from gateway.analytics.extract import Extractor, ExtractPolicy
from gateway.analytics.rows import arrow_schema
from gateway.auth.access import AccessGate
from gateway.auth.hosts import HostGate
from gateway.auth.identity import token_identity
from gateway.config import Settings
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe import Clock, Observer
from gateway.query.derivation import check_derivations
from gateway.query.transformations import ARRIVAL, POSITION
from gateway.reading import Machinery, PageSizes
from gateway.recall import LongQueries
from gateway.service import QueryService
from gateway.snapshots.cache import SnapshotCache
from gateway.snapshots.flight import Workshop
from gateway.snapshots.freshness import FreshnessPolicy
from gateway.snapshots.pages import PageCache
from gateway.snapshots.peers import Peers
from gateway.snapshots.sharing import Sharing, build_peers
from gateway.snapshots.shelf import KeepPolicy, Shelf
from gateway.snapshots.store import SnapshotStore, TableLayout
from gateway.tenants import OneTenant
from gateway.web.edge import EdgePolicy, build_edge
from gateway.web.entrance import Entrance
from gateway.web.odata import ODataEndpoint
from gateway.web.proxies import TrustedProxies
from gateway.web.public_root import PublicRoot
from gateway.web.routes import build_web
from gateway.writer.skiptoken import TokenSigner

_WORKSPACE = "default"
_MEBIBYTE = 1_048_576
_LONG_QUERIES_BYTES = 16 * _MEBIBYTE
_KEY_BYTES = 32
_AGREEMENT_SECONDS = 5


class TokenFile:
    """The Analytics API's token, read at each call: a renewed one needs no restart."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._identity = "nobody"

    def __call__(self) -> str:
        """The token.

        Raises:
            UpstreamRejectedToken: there is none; 502, because it is not the client's fault.
        """
        token = self._read()
        if not token:
            raise UpstreamRejectedToken(
                "the gateway has no token for the Analytics API; its owner writes one into the file"
                " that --token-file names"
            )
        return token

    def identity(self) -> str:
        """Whose token it is; while it cannot be read, whose it was."""
        state = self._state()
        if state is None or state != self._seen:
            token = self._read()
            if token:
                self._seen, self._identity = state, token_identity(token)
        return self._identity

    def _state(self) -> tuple[int, int, int] | None:
        """What tells one content of the file from another, at a tenth of the cost of reading it."""
        try:
            found = None if self._path is None else os.stat(self._path)  # noqa: PTH116 - each request
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> str:
        """Empty when there is none, or none that a header can carry."""
        try:
            token = self._path.read_bytes().decode().strip() if self._path else ""
        except (OSError, UnicodeDecodeError):
            return ""
        return token if token.isascii() and token.isprintable() else ""


def read_contract(settings: Settings) -> Contract:
    """The contract that the settings name.

    Raises:
        ConfigurationProblem: with file, place and remedy.
    """
    text = built_in_contract() if settings.contract is None else _read(settings.contract)
    contract = load_contract(text, settings.custom_field)
    check_derivations(contract)
    return contract


def create_app(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The gateway; `transport` replaces the network to the Analytics API, for tests.

    Raises:
        ConfigurationProblem: a file that a setting names cannot be used.
    """
    contract = read_contract(settings)
    clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
    observer = Observer(logging.getLogger("gateway"))
    http = _http_client(settings, contract, transport)
    token = TokenFile(settings.token_file)
    world = World(token, anyio.sleep, clock)
    client = AnalyticsClient(http, contract, world, RetryPolicy(budget=settings.retry_budget))
    policy = ExtractPolicy(concurrency=settings.upstream_concurrency)
    extractor = Extractor(client.fetch, contract, policy, clock)
    store = _store(settings, contract, observer)
    peers = build_peers(_sharing(settings), clock, observer)
    shelf = Shelf(store, peers, _policies(settings), clock)
    cache = SnapshotCache(Workshop(store, shelf, peers, extractor, clock, observer))
    key = _signing_key(settings.data_dir)
    signer = TokenSigner(key)
    base_url = settings.upstream or contract.base_url
    machinery = Machinery(
        scope=lambda: f"{_WORKSPACE}/{base_url}/{contract.fingerprint}/{token.identity()}",
        client=client,
        cache=cache,
        store=store,
        pages=PageCache(settings.page_budget * _MEBIBYTE),
        signer=signer,
        clock=clock,
        limiter=anyio.CapacityLimiter(2),
        long_queries=LongQueries(_LONG_QUERIES_BYTES),
    )
    pages = PageSizes(
        min(settings.page_size, settings.max_page_size),
        settings.max_page_size,
        settings.early_pages,
    )
    service = QueryService(contract, machinery, pages)
    root = PublicRoot(settings.public_url, TrustedProxies.of(settings.trusted_proxies))
    endpoint = ODataEndpoint(Entrance(_gate(settings), OneTenant(service)), root, observer)
    agreement = partial(_agree, signer, peers, key) if settings.redis else None
    edge = build_edge(root, _edge_policy(settings))
    return build_web(endpoint, _lifespan(http, cache, agreement), edge)


def _lifespan(
    http: httpx.AsyncClient,
    cache: SnapshotCache,
    agreement: Callable[[], Coroutine[None, None, None]] | None,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(grammar.prepare)
        await cache.recover()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(http.aclose)
            stack.push_async_callback(cache.close)
            if agreement is not None:
                group = await stack.enter_async_context(anyio.create_task_group())
                stack.callback(group.cancel_scope.cancel)
                group.start_soon(agreement)
            yield

    return run


async def _agree(signer: TokenSigner, peers: Peers, proposal: bytes) -> None:
    """Sign links as all others do, as soon as there is contact with them."""
    while (agreed := await peers.shared_secret(proposal)) is None:  # noqa: ASYNC110 - no event tells
        await anyio.sleep(_AGREEMENT_SECONDS)
    signer.agree_on(agreed)


def _sharing(settings: Settings) -> Sharing | None:
    """What is kept in memory is shared with nobody.

    Raises:
        ConfigurationProblem: a Redis without files to exchange through it.
    """
    if settings.data_dir is None:
        if settings.redis is not None:
            raise ConfigurationProblem("redis needs data_dir: snapshots are shared as files")
        return None
    keep = settings.fresh_for + settings.stale_for + settings.token_lifetime
    return Sharing(settings.data_dir, keep, settings.redis)


def _http_client(
    settings: Settings, contract: Contract, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=settings.upstream_concurrency * 4)
    return HttpxAiohttpClient(
        base_url=settings.upstream or contract.base_url,
        timeout=httpx.Timeout(
            settings.upstream_timeout, connect=min(10, settings.upstream_timeout)
        ),
        limits=limits,
        transport=transport,
        follow_redirects=False,
    )


def _store(settings: Settings, contract: Contract, observer: Observer) -> SnapshotStore:
    if settings.data_dir is not None:
        _make_directory(settings.data_dir)
    key = contract.key
    layout = TableLayout(
        arrow_schema(contract), key, contract.order_column, POSITION.name, ARRIVAL.name
    )
    return SnapshotStore(layout, settings.data_dir, observer)


def _policies(settings: Settings) -> tuple[FreshnessPolicy, KeepPolicy]:
    freshness = FreshnessPolicy(
        settings.fresh_for,
        settings.stale_for,
        settings.stale_if_error,
        settings.full_refresh_every,
    )
    budget = settings.snapshot_budget * _MEBIBYTE
    return freshness, KeepPolicy(settings.token_lifetime, budget, settings.delta_lifetime)


def _edge_policy(settings: Settings) -> EdgePolicy:
    """Where hosts are named, the public URL's own need not be named again."""
    public = urlsplit(settings.public_url or "").hostname
    hosts = settings.allowed_hosts
    if hosts and public is not None:
        hosts = (*hosts, f"[{public}]" if ":" in public else public)
    return EdgePolicy(hosts, settings.hsts, settings.cors_origins)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigurationProblem(
            f"--data-dir {path} must be a folder, but there is a file"
        ) from error
    except OSError as error:
        raise ConfigurationProblem(f"data_dir {path}: {error.strerror}") from error


def _signing_key(data_dir: Path | None) -> bytes:
    """Kept with the snapshots, so that links survive a restart as the snapshots do."""
    if data_dir is None:
        return secrets.token_bytes(_KEY_BYTES)
    path = data_dir / "signing.key"
    if not path.exists():
        draft = data_dir / f"signing.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):  # another process was first; its key counts
            path.hardlink_to(draft)
        draft.unlink()
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise ConfigurationProblem(f"{path} is damaged; remove it, and links to pages start anew")
    return key


def _gate(settings: Settings) -> AccessGate:
    """A key, the owner's word that everyone may ask, or else loopback names only."""
    key = _access_key(settings)
    if key is not None or settings.allow_anonymous:
        return AccessGate(key)
    public = urlsplit(settings.public_url or "").hostname
    return AccessGate(None, HostGate(public))


def _access_key(settings: Settings) -> bytes | None:
    if settings.access_key_file is None:
        return None
    key = _read(settings.access_key_file).strip()
    if not key:
        raise ConfigurationProblem(f"access_key_file {settings.access_key_file} is empty")
    return key.encode()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationProblem(f"{path} cannot be read: {error}") from error
