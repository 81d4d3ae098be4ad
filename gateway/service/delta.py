"""Changes since a client read a collection (Protocol 11.3): two snapshots, compared by key.

A deltaLink names the snapshot that its client has read. Following it opens one that is fresh by the
usual rules; the response has the difference, and a link that names the new snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.contract.model import Contract
from gateway.engine.compare import Comparison, TableChanges, fetch_changes
from gateway.engine.run import Relation
from gateway.errors import ChangesGone, NotAcceptable
from gateway.observe.record import note_rows
from gateway.planner.plan import QueryPlan
from gateway.planner.pushdown import Pushdown
from gateway.query.request import ODataRequest
from gateway.query.tree.queries import Shape
from gateway.service.dependencies import Dependencies
from gateway.service.long_queries import MAX_LINK_CHARACTERS
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.page_cache import PageKey
from gateway.service.planning import plan_of
from gateway.service.rows import RowReader
from gateway.service.source import SnapshotRows
from gateway.snapshots.cache import Snapshot
from gateway.writer.bodies import PageBody, projection_for, write_collection
from gateway.writer.delta import (
    TOKEN,
    DeltaPosition,
    SnapshotState,
    projection_of_removed,
    sign_changes,
    tracked_options,
    verify_changes,
    write_removed,
)
from gateway.writer.format import Metadata
from grammar import encode_path

_TOKEN_CHARACTERS = 512
_GONE = (
    "$deltatoken: the extract that this link compares with is no longer kept; read the whole feed"
    " again, with Prefer: odata.track-changes for a new link, and ask more often than"
    " --delta-lifetime or with a larger --snapshot-budget"
)


@dataclass(frozen=True, slots=True)
class _FollowedLink:
    """A followed deltaLink: its query as it was planned for the old state, and for the new one."""

    request: ODataRequest
    since: DeltaPosition
    before: QueryPlan
    after: QueryPlan


class DeltaService:
    """Serves the changes of one workspace's collections; `plan_at` plans for a given now()."""

    def __init__(
        self,
        contract: Contract,
        dependencies: Dependencies,
        rows: RowReader,
        plan_at: Callable[[ODataRequest, datetime | None], PlannedRequest],
    ) -> None:
        self._contract = contract
        self._with = dependencies
        self._rows = rows
        self._plan_at = plan_at

    # --- collections that are tracked ------------------------------------------------------------

    def considered(self, request: PlannedRequest, options: ResponseOptions) -> ResponseOptions:
        """Return the options without the preference to track changes where that cannot be done."""
        is_tracked = options.preferences.track_changes and self._can_track(request, options)
        return options if is_tracked else self.ignored(options)

    def ignored(self, options: ResponseOptions) -> ResponseOptions:
        """Return the options without the preference; only a first request can have it (8.2.8.6)."""
        preferences = replace(options.preferences, track_changes=False)
        return replace(options, preferences=preferences)

    def _can_track(self, planned: PlannedRequest, options: ResponseOptions) -> bool:
        """Return True for rows with a key, of one set, made of nothing but data.

        The response must have a place for the link, which metadata=none has not (JSON Format
        3.1.3), and room for it.
        """
        plan, request = plan_of(planned), planned.request
        query, given = plan.query, request.options
        rows = not given.apply and not query.references and query.entity_set.trackable
        alone = not query.referenced_sets and query.source is None and not given.expand
        is_collection = query.shape is Shape.COLLECTION
        if not (rows and alone and is_collection) or plan.impossible:
            return False
        if options.format.metadata is Metadata.NONE:
            return False
        link = options.links.collection(encode_path(request.path), request.pairs)
        return len(link) + _TOKEN_CHARACTERS <= MAX_LINK_CHARACTERS

    def link(
        self,
        request: ODataRequest,
        snapshot: Snapshot,
        moment: datetime | None,
        options: ResponseOptions,
    ) -> str:
        """Return the deltaLink for a snapshot, and retain the snapshot for it.

        It is the same for every page and order of the rows (11.3).
        """
        self._with.cache.retain(snapshot.id)
        return self._link(request, DeltaPosition(SnapshotState(snapshot.id, moment)), options)

    def _link(
        self, request: ODataRequest, position: DeltaPosition, options: ResponseOptions
    ) -> str:
        token = sign_changes(self._with.signer, position, request)
        pairs = (*tracked_options(request.pairs), (TOKEN, token))
        return options.links.collection(encode_path(request.path), pairs)

    # --- the changes ------------------------------------------------------------------------------

    async def respond(self, planned: PlannedRequest, options: ResponseOptions) -> ResponseBody:
        """Return what has changed since the state that the request's token names.

        Raises:
            InvalidDeltaToken: the link is not one of this service, or was changed.
            ChangesGone: a snapshot that it names has been dropped.
        """
        followed = self._followed(planned)
        if options.format.metadata is Metadata.NONE:
            raise NotAcceptable(
                "metadata=none has no place for what changes must say; ask for metadata=minimal"
            )
        options = _with_nulls(options)
        async with (
            self._pinned(followed.since.old) as old,
            self._newer(followed, old, options) as new,
        ):
            if old is None or new is None:
                path, pairs = encode_path(followed.request.path), followed.request.pairs
                full = options.links.collection(path, tracked_options(pairs))
                raise ChangesGone(_GONE, target=TOKEN, location=full)
            return await self._page(followed, old, new, options)

    def _followed(self, planned: PlannedRequest) -> _FollowedLink:
        """Plan the query for each state: now() keeps its meaning on all pages of a response."""
        request = planned.request
        since = verify_changes(self._with.signer, request)
        before = after = plan_of(planned)
        if planned.moment is not None:
            before = plan_of(self._plan_at(request, since.old.moment))
            if since.new is not None:
                after = plan_of(self._plan_at(request, since.new.moment))
        return _FollowedLink(request, since, before, after)

    def _pinned(self, state: SnapshotState) -> AbstractAsyncContextManager[Snapshot | None]:
        return self._with.cache.pinned(self._with.scope(), state.snapshot)

    def _newer(
        self, followed: _FollowedLink, old: Snapshot | None, options: ResponseOptions
    ) -> AbstractAsyncContextManager[Snapshot | None]:
        """Open the snapshot of the new state; none if the old one is gone."""
        if old is None:
            return nullcontext()
        if followed.since.new is not None:
            return self._pinned(followed.since.new)
        return self._rows.snapshot(followed.after.pushdown, fresher=options.fresher)

    async def _page(
        self, followed: _FollowedLink, old: Snapshot, new: Snapshot, options: ResponseOptions
    ) -> ResponseBody:
        query, request = followed.after.query, followed.request
        size = self._rows.page_size(options.preferences)
        namespace = self._contract.schema.namespace
        taken_at = options.taken_at(namespace, new.taken_at)
        instead_of = options.instead_of(namespace, new.instead_of)
        facts = (request.path, request.pairs, query.moment, size, taken_at, instead_of)
        key = PageKey(new.id, (*facts, options.format, options.links))
        headers = self._rows.cache_headers(new, key)
        state = SnapshotState(new.id, query.moment)
        if options.has(headers.etag):
            self._with.cache.retain(new.id)
            return ResponseBody.unchanged(options.format.content_type, headers.headers)
        found = await self._changed(followed, old, new, size, options)
        if found.more:
            offset = followed.since.offset + size
            position = DeltaPosition(followed.since.old, state, offset)
            link = PageBody(next_link=self._link(request, position, options))
        else:
            link = PageBody(delta_link=self.link(request, new, query.moment, options))
        page = replace(link, taken_at=taken_at, instead_of=instead_of, changes=True)
        note_rows(len(found.rows))
        removed = write_removed(found.left, query, options.format, options.links)
        rows = (*found.rows, *removed)
        body = write_collection(rows, page, query, options.format, options.links)
        response = ResponseBody(body, options.format.content_type, options.applied(size))
        return headers.put_on(response)

    async def _changed(
        self,
        followed: _FollowedLink,
        old: Snapshot,
        new: Snapshot,
        size: int,
        options: ResponseOptions,
    ) -> TableChanges:
        """Compare the two snapshots by key, in a worker thread."""
        query = followed.after.query
        if old.id == new.id and followed.before == followed.after:
            return TableChanges((), (), more=False)
        namespace = self._contract.schema.namespace
        projections = (
            projection_for(query, options.format, options.links, namespace),
            projection_of_removed(query, options.format, options.links),
        )
        comparison = Comparison(followed.before.query, query, new.pushdown == Pushdown())
        window = (followed.since.offset, size)

        def compare(before: Relation) -> TableChanges:
            source = SnapshotRows(new)
            arguments = (before, comparison, window, projections)
            return self._rows.run_here(source, followed.after, fetch_changes, *arguments)

        return await self._rows.run(SnapshotRows(old), followed.before, compare)


def _with_nulls(options: ResponseOptions) -> ResponseOptions:
    """Show nulls, because a null may be what has changed; the deltaLink comes without asking."""
    wanted = replace(options.preferences, omit_nulls=False, track_changes=False)
    format_ = replace(options.format, omit_nulls=False)
    return replace(options, format=format_, preferences=wanted)
