"""Settings in, application out: the only module that constructs things."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx
from starlette.applications import Starlette

import grammar
from gateway.assembly import Shared, Workspace, make_directory
from gateway.auth.access import AccessGate
from gateway.auth.hosts import HostGate
from gateway.auth.principal import Gate
from gateway.config import Settings
from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import Contract
from gateway.edge.entrance import Entrance
from gateway.edge.public_root import PublicRoot
from gateway.errors import ConfigurationProblem
from gateway.observe import Clock, Observer
from gateway.pages.routes import build_pages
from gateway.query.derivation import check_derivations
from gateway.snapshots.pages import PageCache
from gateway.snapshots.peers import Peers
from gateway.tenants import Workspaces
from gateway.web.odata import ODataEndpoint
from gateway.web.routes import build_web
from gateway.writer.skiptoken import TokenSigner

_MEBIBYTE = 1_048_576
_KEY_BYTES = 32
_AGREEMENT_SECONDS = 5


def read_contract(settings: Settings) -> Contract:
    """The contract that the settings name.

    Raises:
        ConfigurationProblem: with file, place and remedy.
    """
    text = built_in_contract() if settings.contract is None else _read(settings.contract)
    contract = load_contract(text, settings.custom_field)
    check_derivations(contract)
    return contract


def create_app(
    settings: Settings,
    transport: httpx.AsyncBaseTransport | None = None,
    gate: Gate | None = None,
) -> Starlette:
    """The gateway; `transport` replaces the network to the Analytics API, for tests.

    `gate` decides who may ask, in the place of what the settings say.

    Raises:
        ConfigurationProblem: a file that a setting names cannot be used.
    """
    clock = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
    observer = Observer(logging.getLogger("gateway"))
    key = _signing_key(settings.data_dir)
    shared = Shared(
        clock=clock,
        observer=observer,
        signer=TokenSigner(key),
        pages=PageCache(settings.page_budget * _MEBIBYTE),
        limiter=anyio.CapacityLimiter(2),
        mask_key=_mask_key(settings),
        transport=transport,
    )
    found = [Workspace(each, read_contract(each), shared) for each in (settings, *settings.others)]
    endpoint = ODataEndpoint(
        Entrance(gate or _gate(settings), Workspaces(found)),
        PublicRoot(settings.public_url, settings.trusted_proxies),
        observer,
    )
    agreement = partial(_agree, shared.signer, found[0].peers, key) if settings.redis else None
    pages = build_pages(endpoint.entrance, endpoint.root, observer)
    return build_web(endpoint, _lifespan(found, agreement), pages)


def _lifespan(
    workspaces: Sequence[Workspace],
    agreement: Callable[[], Coroutine[None, None, None]] | None,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
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


async def _agree(signer: TokenSigner, peers: Peers, proposal: bytes) -> None:
    """Sign links as all others do, as soon as there is contact with them."""
    while (agreed := await peers.shared_secret(proposal)) is None:  # noqa: ASYNC110 - no event tells
        await anyio.sleep(_AGREEMENT_SECONDS)
    signer.agree_on(agreed)


def _signing_key(data_dir: Path | None) -> bytes:
    """Kept with the snapshots, so that links survive a restart as the snapshots do."""
    if data_dir is None:
        return secrets.token_bytes(_KEY_BYTES)
    make_directory(data_dir)
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


def _mask_key(settings: Settings) -> bytes | None:
    if settings.mask_key_file is None:
        return None
    key = _read(settings.mask_key_file).strip().encode()
    if len(key) < _KEY_BYTES:
        raise ConfigurationProblem(
            f"mask_key_file {settings.mask_key_file} holds fewer than {_KEY_BYTES} letters: who"
            " guesses them can tell whose digest is whose"
        )
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
