"""What passes between the HTTP edge and the service: a question, what was negotiated, an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from gateway.observe.record import PersonalRead
from gateway.planner.plan import QueryPlan
from gateway.query.bind.query import Bound
from gateway.query.bind.resource import MetadataDocument
from gateway.query.preferences import Preferences, includes_annotation
from gateway.query.request import ODataRequest
from gateway.query.tree.queries import BoundQuery, PropertyQuery
from gateway.writer.format import Format
from gateway.writer.links import Links


@dataclass(frozen=True, slots=True)
class Related:
    """How to find out whether the `entity` exists whose related rows are requested.

    `count` counts the related rows, for an $apply that makes rows even of none.
    """

    entity: QueryPlan
    count: QueryPlan | None = None


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A parsed and bound request, before it is known how the answer must look.

    `plan` is there for every request for rows, `related` for rows behind navigation from an entity.
    `personal` are the personal columns that it reads, None without any.
    """

    request: ODataRequest
    bound: Bound
    plan: QueryPlan | None = None
    related: Related | None = None
    personal: PersonalRead | None = None

    @property
    def resource(self) -> str:
        """The entity set, or the document, that is asked for."""
        match self.bound:
            case BoundQuery() as query:
                return query.entity_set.name
            case PropertyQuery(entity):
                return entity.entity_set.name
            case MetadataDocument():
                return "$metadata"
            case _:
                return "service"

    @property
    def moment(self) -> datetime | None:
        """What now() means in it; None when nothing depends on it."""
        return self.bound.moment if isinstance(self.bound, BoundQuery) else None


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """What was negotiated: how the answer must look and where its links lead.

    `known` holds the ETags of If-None-Match: bodies that the client has. `fresher` tells that it
    wants newer data than a snapshot at hand may have (Cache-Control: no-cache), `plain` that it
    takes no compressed bodies.
    """

    format: Format
    preferences: Preferences
    links: Links
    known: frozenset[str] = frozenset()
    fresher: bool = False
    plain: bool = False

    def has(self, etag: str) -> bool:
        """Return True if the client has the version with this ETag (If-None-Match)."""
        return etag in self.known or "*" in self.known

    def applied(self, page_size: int | None = None) -> tuple[tuple[str, str], ...]:
        """The header that tells which preferences the rows follow; `page_size` None for no page.

        `omit-values` is younger than the prefix `odata.` and is written without it everywhere.
        """
        wishes = self.preferences
        found: list[str] = []
        if page_size is not None and wishes.max_page_size is not None:
            found.append(f"{self.format.preference('maxpagesize')}={page_size}")
        if page_size is not None and wishes.track_changes:
            found.append(self.format.preference("track-changes"))
        if wishes.omit_nulls:
            found.append("omit-values=nulls")
        if wishes.include_annotations:
            name = self.format.preference("include-annotations")
            found.append(f'{name}="{wishes.include_annotations}"')
        return (("Preference-Applied", ", ".join(found)),) if found else ()

    def taken_at(self, namespace: str, moment: datetime | None) -> tuple[str, str] | None:
        """The annotation that tells of which moment the rows are, for who wishes it."""
        if moment is None:
            return None
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return self._annotation(f"{namespace}.SnapshotTakenAt", text)

    def instead_of(self, namespace: str, code: str) -> tuple[str, str] | None:
        """Return the annotation with the code of the error that old rows are served in place of."""
        return self._annotation(f"{namespace}.SnapshotInsteadOf", code) if code else None

    def _annotation(self, term: str, value: str) -> tuple[str, str] | None:
        """Return an annotation, or None if the client does not ask for it."""
        wanted = includes_annotation(self.preferences.include_annotations, term)
        return (term, value) if wanted else None


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """A whole body, never a part; `headers` are those that the content itself asks for.

    `gzipped` tells that the body is kept compressed; the edge unpacks it for who cannot.
    `not_modified` tells that the client has the body already (304), `no_content` that the resource
    is null (204).
    """

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    gzipped: bool = False
    not_modified: bool = False
    no_content: bool = False


@dataclass(frozen=True, slots=True)
class ExportStream:
    """A file that is made while it is sent; valid inside the `async with` that gave it.

    `parts` are to be read once, or not at all; None when the client has the file (304).
    """

    parts: AsyncIterator[bytes] | None
    content_type: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Served:
    """How a response's snapshot came to be served (RFC 9211), and its age (RFC 9111 5.1)."""

    age: timedelta
    status: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Age and Cache-Status."""
        return (
            ("Age", str(max(0, int(self.age.total_seconds())))),
            ("Cache-Status", f"skillhabit-odata; {self.status}"),
        )


@dataclass(frozen=True, slots=True)
class CacheHeaders:
    """What HTTP caches may know of a page."""

    etag: str
    taken_at: datetime
    served: Served

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """ETag, Last-Modified, Age and Cache-Status."""
        modified = format_datetime(self.taken_at, usegmt=True)
        return (("ETag", self.etag), ("Last-Modified", modified), *self.served.headers)

    def put_on(self, answer: ResponseBody) -> ResponseBody:
        """The answer with these headers."""
        return replace(answer, headers=(*answer.headers, *self.headers))
