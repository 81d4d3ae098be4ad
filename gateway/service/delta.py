"""What has changed since a client read a feed (Protocol 11.3): two snapshots, compared by key.

A deltaLink names the snapshot that its client has read. Following it opens one that is fresh by the
usual rules; the answer is the difference, and a link that names the new one.
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
from gateway.service.long_queries import LONGEST_LINK
from gateway.service.messages import PlannedRequest, ResponseBody, ResponseOptions
from gateway.service.page_cache import PageKey
from gateway.service.paging import planned
from gateway.service.rows import Dependencies, RowReader
from gateway.snapshots.cache import Snapshot
from gateway.writer.bodies import PageBody, projection_for, write_collection
from gateway.writer.changes import projection_of_removed, write_removed
from gateway.writer.deltatoken import (
    TOKEN,
    DeltaPosition,
    SnapshotState,
    sign_changes,
    tracked_options,
    verify_changes,
)
from gateway.writer.format import Metadata
from grammar import encode_path

_ROOM_FOR_TOKENS = 512
_GONE = (
    "$deltatoken: the extract that this link compares with is no longer kept; read the whole feed"
    " again, with Prefer: odata.track-changes for a new link, and ask more often than"
    " --delta-lifetime or with a larger --snapshot-budget"
)


@dataclass(frozen=True, slots=True)
class _FollowedLink:
    """A deltaLink that was followed: its query as it was meant then, and as it is meant now."""

    request: ODataRequest
    since: DeltaPosition
    before: QueryPlan
    after: QueryPlan


class DeltaService:
    """Tracks the changes of one workspace's feeds; `read_at` binds a request for a given now()."""

    def __init__(
        self,
        contract: Contract,
        machinery: Dependencies,
        rows: RowReader,
        read_at: Callable[[ODataRequest, datetime | None], PlannedRequest],
    ) -> None:
        self._contract = contract
        self._with = machinery
        self._rows = rows
        self._read_at = read_at

    # --- the feed that is tracked -----------------------------------------------------------------

    def considered(
        self, request: ODataRequest, plan: QueryPlan, reply: ResponseOptions
    ) -> ResponseOptions:
        """The reply without the preference to track changes, where that cannot be done."""
        tracked = reply.preferences.track_changes and self._can_track(request, plan, reply)
        return reply if tracked else self.ignored(reply)

    def ignored(self, reply: ResponseOptions) -> ResponseOptions:
        """The reply without the preference; only a feed's first request can have it (8.2.8.6)."""
        return replace(reply, preferences=replace(reply.preferences, track_changes=False))

    def _can_track(self, request: ODataRequest, plan: QueryPlan, reply: ResponseOptions) -> bool:
        """Rows with a key, of one set, made of nothing but data.

        There must be a place for the link, which metadata=none has not (JSON Format 3.1.3), and
        room for it.
        """
        query, options = plan.query, request.options
        rows = not options.apply and not query.references and query.entity_set.trackable
        alone = not query.others and query.source is None and not options.expand
        if not (rows and alone) or plan.impossible or reply.format.metadata is Metadata.NONE:
            return False
        link = reply.links.collection(encode_path(request.path), request.pairs)
        return len(link) + _ROOM_FOR_TOKENS <= LONGEST_LINK

    def link(
        self,
        request: ODataRequest,
        snapshot: Snapshot,
        moment: datetime | None,
        reply: ResponseOptions,
    ) -> str:
        """The deltaLink of who has read this snapshot, which is kept for it.

        Which part of the rows was read, and in which order, makes no difference (11.3).
        """
        self._with.cache.retain(snapshot.id)
        return self._link(request, DeltaPosition(SnapshotState(snapshot.id, moment)), reply)

    def _link(self, request: ODataRequest, since: DeltaPosition, reply: ResponseOptions) -> str:
        token = sign_changes(self._with.signer, since, request)
        options = (*tracked_options(request.pairs), (TOKEN, token))
        return reply.links.collection(encode_path(request.path), options)

    # --- the changes ------------------------------------------------------------------------------

    async def answer(self, question: PlannedRequest, reply: ResponseOptions) -> ResponseBody:
        """What has changed since the state that the request's token names.

        Raises:
            InvalidDeltaToken: the link is not one of this service, or was changed.
            ChangesGone: a snapshot that it names is no longer kept.
        """
        asked = self._asked(question)
        if reply.format.metadata is Metadata.NONE:
            raise NotAcceptable(
                "metadata=none has no place for what changes must say; ask for metadata=minimal"
            )
        reply = _with_nulls(reply)
        async with self._kept(asked.since.old) as old, self._newer(asked, old, reply) as new:
            if old is None or new is None:
                path, pairs = encode_path(asked.request.path), asked.request.pairs
                full = reply.links.collection(path, tracked_options(pairs))
                raise ChangesGone(_GONE, target=TOKEN, location=full)
            return await self._page(asked, old, new, reply)

    def _asked(self, question: PlannedRequest) -> _FollowedLink:
        """Where now() is used, it has one meaning in each state, on all pages of an answer."""
        request = question.request
        since = verify_changes(self._with.signer, request)
        before = after = planned(question)
        if question.moment is not None:
            before = planned(self._read_at(request, since.old.moment))
            if since.new is not None:
                after = planned(self._read_at(request, since.new.moment))
        return _FollowedLink(request, since, before, after)

    def _kept(self, state: SnapshotState) -> AbstractAsyncContextManager[Snapshot | None]:
        return self._with.cache.pinned(self._with.scope(), state.snapshot)

    def _newer(
        self, asked: _FollowedLink, old: Snapshot | None, reply: ResponseOptions
    ) -> AbstractAsyncContextManager[Snapshot | None]:
        """The snapshot of the new state; nobody is asked for one when the old one is gone."""
        if old is None:
            return nullcontext()
        if asked.since.new is not None:
            return self._kept(asked.since.new)
        return self._rows.snapshot(asked.after.pushdown, fresher=reply.fresher)

    async def _page(
        self, asked: _FollowedLink, old: Snapshot, new: Snapshot, reply: ResponseOptions
    ) -> ResponseBody:
        query, request = asked.after.query, asked.request
        size = self._rows.page_size(reply.preferences)
        namespace = self._contract.schema.namespace
        taken_at = reply.taken_at(namespace, new.taken_at)
        instead_of = reply.instead_of(namespace, new.instead_of)
        facts = (request.path, request.pairs, query.moment, size, taken_at, instead_of)
        about = self._rows.about(new, PageKey(new.id, (*facts, reply.format, reply.links)))
        state = SnapshotState(new.id, query.moment)
        if about.etag in reply.known or "*" in reply.known:
            self._with.cache.retain(new.id)
            return ResponseBody(b"", reply.format.content_type, about.headers, not_modified=True)
        found = await self._changed(asked, old, new, size, reply)
        if found.more:
            offset = asked.since.offset + size
            following = self._link(request, DeltaPosition(asked.since.old, state, offset), reply)
            link = PageBody(next_link=following)
        else:
            last = self.link(request, new, query.moment, reply)
            link = PageBody(delta_link=last)
        page = replace(link, taken_at=taken_at, instead_of=instead_of, changes=True)
        note_rows(len(found.rows))
        left = write_removed(found.left, query, reply.format, reply.links)
        body = write_collection((*found.rows, *left), page, query, reply.format, reply.links)
        headers = reply.applied(size)
        return about.put_on(ResponseBody(body, reply.format.content_type, headers))

    async def _changed(
        self, asked: _FollowedLink, old: Snapshot, new: Snapshot, size: int, reply: ResponseOptions
    ) -> TableChanges:
        """In a worker thread."""
        query = asked.after.query
        if old.id == new.id and asked.before == asked.after:
            return TableChanges((), (), more=False)
        namespace = self._contract.schema.namespace
        projections = (
            projection_for(query, reply.format, reply.links, namespace),
            projection_of_removed(query, reply.format, reply.links),
        )
        comparison = Comparison(asked.before.query, query, new.pushdown == Pushdown())
        window = (asked.since.offset, size)

        def compared(was: Relation) -> TableChanges:
            found: TableChanges = self._rows.run_on(
                new, asked.after, fetch_changes, was, comparison, window, projections
            )
            return found

        return await self._rows.on(old, asked.before, compared)


def _with_nulls(reply: ResponseOptions) -> ResponseOptions:
    """A null may be what has changed; neither is the client in need of a deltaLink twice."""
    wishes = replace(reply.preferences, omit_nulls=False, track_changes=False)
    return replace(reply, format=replace(reply.format, omit_nulls=False), preferences=wishes)
