"""Settings in, application out: connects the parts of a process.

`gateway.workspace` builds what each workspace has of its own.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware

import grammar
from gateway.auth.login_settings import login_of
from gateway.auth.principal import Authenticator
from gateway.auth.setup import (
    build_authenticator,
    key_option,
    requires_credentials,
    unusable_files,
)
from gateway.auth.tokens import TokenOptions, TokenSource, token_source
from gateway.config import Settings, roles_of_workspaces
from gateway.connect.analysis import load_analysis
from gateway.connect.star import left_out as left_out_measures
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.edge.admission import Admission
from gateway.edge.proxies import TrustedProxies
from gateway.edge.public_root import PublicRoot
from gateway.edge.unnamed_proxies import UnnamedProxies
from gateway.edm.model import Schema
from gateway.errors import ConfigurationProblem
from gateway.fairness.allowance import Meter
from gateway.observe import Clock, Observer
from gateway.observe.directory import DataDirectory
from gateway.observe.ledger import Ledger
from gateway.observe.logs import RequestLog
from gateway.observe.recent import RecentRequests
from gateway.observe.traces import Traces, build_traces
from gateway.pages.charts import left_out as left_out_charts
from gateway.pages.routes import build_pages
from gateway.query.bind.derivation import check_derivations
from gateway.service.gauges import Gauges
from gateway.service.page_cache import PageCache
from gateway.snapshots.peers.interface import Peers
from gateway.storage import make_directory
from gateway.tenants import Workspaces
from gateway.web.odata import ODataEndpoint
from gateway.web.operator import OperatorEndpoints, Readiness
from gateway.web.origins import EdgePolicy, build_edge
from gateway.web.routes import build_web
from gateway.web.telemetry import Telemetry
from gateway.workspace import Shared, Workspace
from gateway.writer.skiptoken import TokenSigner

_MEBIBYTE = 1_048_576
_KEY_BYTES = 32
_SECRET_RETRY_SECONDS = 5
Lifespan: TypeAlias = Callable[[Starlette], AbstractAsyncContextManager[None]]


def read_contract(settings: Settings) -> Contract:
    """Load the contract that the settings name.

    Raises:
        ConfigurationProblem: it is invalid; the message has file, place and remedy.
    """
    text = (
        built_in_contract() if settings.contract is None else _read("contract", settings.contract)
    )
    contract = load_contract(text, settings.custom_field, settings.column_alias, settings.label)
    check_derivations(contract)
    return contract


def create_app(
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None = None,
    clock: Clock | None = None,
    gate: Authenticator | None = None,
) -> Starlette:
    """Return the gateway; `transport` and `clock` replace the API's network and time in tests.

    `app.state.workspaces` has the workspaces, the default one first.

    `gate` admits callers instead of the sign-in methods of the settings.

    Raises:
        ConfigurationProblem: a file that a setting names cannot be used.
    """
    real_clock, _ = clock_and_observer()
    clock, observer = clock or real_clock, _observer(settings)
    key = _signing_key(settings.data_dir)
    shared = Shared(
        clock=clock,
        observer=observer,
        signer=TokenSigner(key),
        pages=PageCache(settings.page_budget * _MEBIBYTE),
        stores=1 + len(settings.others),
        mask_key=_mask_key(settings),
        transport=transport,
    )
    _check_grants(settings)
    contracts = [(each, read_contract(each)) for each in (settings, *settings.others)]
    tokens = [own_token(each, clock, observer, transport) for each, _ in contracts]
    workspaces = [
        Workspace(each, contract, token, shared)
        for (each, contract), token in zip(contracts, tokens, strict=True)
    ]
    _warn_of_unlisted((contract.schema for _, contract in contracts), observer)
    proxies = TrustedProxies.of(settings.trusted_proxies)
    gate = gate or build_authenticator(settings, clock, observer, workspaces[0].acceptance)
    admission = Admission(
        gate,
        Workspaces(workspaces),
        key_option(settings),
        proxies,
        Meter(clock.monotonic),
        settings.explain_keys,
    )
    root = PublicRoot(settings.public_url, proxies)
    endpoint = ODataEndpoint(admission, root, observer)
    agreement = (
        partial(_share_signing_key, shared.signer, workspaces[0].peers, key)
        if settings.redis
        else None
    )
    held = tuple(workspace.held for workspace in workspaces)
    directory = DataDirectory(_data_directories(settings))
    ends = tuple((w.name, token.facts) for w, token in zip(workspaces, tokens, strict=True))
    gauges = Gauges(held, ends, shared.pages, directory, clock, observer)
    readiness = Readiness(
        observer, directory, partial(unusable_files, gate, tokens), tuple(t.facts for t in tokens)
    )
    ledger = Ledger(observer, RequestLog(settings.log_format))
    is_local = not requires_credentials(settings) and settings.public_url is None
    operator = OperatorEndpoints(
        observer, ledger, readiness, gauges.sample, proxies, _metrics_token(settings), is_local
    )
    lifespan = _observed(readiness, gauges, ledger, _lifespan(workspaces, agreement))
    unnamed = UnnamedProxies(proxies, observer)
    telemetry = Middleware(Telemetry, observer=observer, ledger=ledger, unnamed=unnamed)
    pages = build_pages(admission, root, observer, ledger)
    edge = (telemetry, *build_edge(root, _edge_policy(settings)))
    app = build_web(endpoint, operator, lifespan, pages, edge)
    app.state.workspaces = tuple(workspaces)
    return app


def _warn_of_unlisted(schemas: Iterable[Schema], observer: Observer) -> None:
    """Warn of measures and charts that are left out, because they would silently show 0."""
    analysis = load_analysis()
    for schema in schemas:
        for warning in (*left_out_measures(schema, analysis), *left_out_charts(schema)):
            observer.warn(warning)


def clock_and_observer() -> tuple[Clock, Observer]:
    """Return the machine's clocks and the gateway's log."""
    clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
    return clock, Observer(logging.getLogger("gateway"))


def own_token(
    settings: Settings,
    clock: Clock,
    observer: Observer,
    transport: httpx.AsyncBaseTransport | None = None,
) -> TokenSource:
    """Return the source of the workspace's token for the Analytics API.

    Raises:
        ConfigurationProblem: the settings name several sources, or an incomplete one.
    """
    options = TokenOptions(
        settings.token_file,
        settings.token_env,
        settings.token_command,
        settings.workspace,
        login_of(settings, lambda: read_contract(settings).base_url, os.environ),
        is_optional=settings.pass_through,
    )
    return token_source(options, os.environ, clock, observer, transport)


def _observer(settings: Settings) -> Observer:
    logger = logging.getLogger("gateway")
    try:
        traces = build_traces(os.environ)
    except ModuleNotFoundError:
        logger.warning(
            "OTEL_ variables enable traces, which need: pip install 'skillhabit-odata[otel]'"
        )
        traces = Traces()
    return Observer(logger, traces=traces, requests=RecentRequests(settings.request_log))


def _data_directories(settings: Settings) -> list[Path]:
    """Return the directories of all workspaces, each once."""
    found = dict.fromkeys(each.data_dir for each in (settings, *settings.others))
    return [directory for directory in found if directory is not None]


def _metrics_token(settings: Settings) -> bytes | None:
    if settings.metrics_token_file is None:
        return None
    token = _read("metrics_token_file", settings.metrics_token_file).strip()
    if not token:
        raise ConfigurationProblem(
            f"metrics_token_file {settings.metrics_token_file} is empty; write a token to it"
        )
    return token.encode()


def _observed(readiness: Readiness, gauges: Gauges, ledger: Ledger, inner: Lifespan) -> Lifespan:
    """Extend the lifespan by readiness, gauges and the last lines of the request log."""

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        async with inner(app), gauges.beating():
            readiness.is_open = True
            yield
            readiness.is_open = False
            ledger.flush()
        await anyio.to_thread.run_sync(gauges.observer.traces.close)

    return run


def _lifespan(
    workspaces: Sequence[Workspace],
    agreement: Callable[[], Coroutine[None, None, None]] | None,
) -> Lifespan:
    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(grammar.prepare)
        async with AsyncExitStack() as stack:
            for workspace in workspaces:
                await stack.enter_async_context(workspace.running())
            if agreement is not None:
                group = await stack.enter_async_context(anyio.create_task_group())
                stack.callback(group.cancel_scope.cancel)
                group.start_soon(agreement)
            yield

    return run


async def _share_signing_key(signer: TokenSigner, peers: Peers, proposal: bytes) -> None:
    """Sign links with the key of all processes, as soon as they can be reached."""
    while (agreed := await peers.shared_secret(proposal)) is None:  # noqa: ASYNC110 - no event
        await anyio.sleep(_SECRET_RETRY_SECONDS)
    signer.agree_on(agreed)


def _edge_policy(settings: Settings) -> EdgePolicy:
    """Return the policy; the public URL's host is allowed without being listed."""
    public = urlsplit(settings.public_url or "").hostname
    hosts = settings.allowed_hosts
    if hosts and public is not None:
        hosts = (*hosts, f"[{public}]" if ":" in public else public)
    return EdgePolicy(hosts, settings.hsts, settings.cors_origins)


def _signing_key(data_dir: Path | None) -> bytes:
    """Return the key stored beside the snapshots, so that links survive a restart as they do."""
    if data_dir is None:
        return secrets.token_bytes(_KEY_BYTES)
    make_directory(data_dir)
    path = data_dir / "signing.key"
    if not path.exists():
        draft = data_dir / f"signing.{secrets.token_hex(8)}"
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):  # another process was first; its key is used
            path.hardlink_to(draft)
        draft.unlink()
    key = path.read_bytes()
    if len(key) < _KEY_BYTES:
        raise ConfigurationProblem(
            f"{path} is damaged; remove it: clients must then start over with their first page"
        )
    return key


def _check_grants(settings: Settings) -> None:
    """Check that the workspaces and roles that groups open exist.

    Raises:
        ConfigurationProblem: one does not.
    """
    roles = roles_of_workspaces(settings)
    for grant in settings.entra_group:
        if grant.workspace not in roles or grant.role not in (None, *roles[grant.workspace]):
            shown = grant.workspace if grant.role is None else f"{grant.workspace}/{grant.role}"
            raise ConfigurationProblem(
                f"entra_group {grant.holder}={shown}: the configuration file has no such workspace"
                " or role"
            )


def _mask_key(settings: Settings) -> bytes | None:
    if settings.mask_key_file is None:
        return None
    key = _read("mask_key_file", settings.mask_key_file).strip().encode()
    if len(key) < _KEY_BYTES:
        raise ConfigurationProblem(
            f"mask_key_file {settings.mask_key_file} has fewer than {_KEY_BYTES} characters: anyone"
            " who guesses them can find the person behind a digest; write a longer key"
        )
    return key


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationProblem(f"{setting} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationProblem(f"{setting} {path} cannot be read: it is not UTF-8") from error
