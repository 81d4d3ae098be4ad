"""Messages between the HTTP edge and the service: requests, negotiated options, responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from gateway.observe.instants import instant_text
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
class RelatedPlans:
    """Plans that find out if the `entity` exists whose related rows are requested.

    `count` counts the related rows, for an $apply that returns a row even for no input.
    """

    entity: QueryPlan
    count: QueryPlan | None = None


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A parsed and bound request, before its response format is negotiated.

    `plan` is set for all requests for rows, `related` for rows behind navigation from an entity.
    `personal` lists the personal columns that the request reads, None if there are none.
    """

    request: ODataRequest
    bound: Bound
    plan: QueryPlan | None = None
    related: RelatedPlans | None = None
    personal: PersonalRead | None = None

    @property
    def resource(self) -> str:
        """Return the name of the requested entity set or document."""
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
        """Return the value of now() in the request; None if nothing depends on it."""
        return self.bound.moment if isinstance(self.bound, BoundQuery) else None


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """Negotiated options of a response: format, preferences and base of its links.

    `known` holds the ETags of If-None-Match: bodies that the client has. `fresher` is True if the
    client requests newer data than a loaded snapshot may have (Cache-Control: no-cache), `plain` if
    it does not accept compressed bodies.
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
        """Return `Preference-Applied` for these rows; `page_size` is None without pages.

        `omit-values` is newer than the prefix `odata.` and never has it.
        """
        preferences = self.preferences
        found: list[str] = []
        if page_size is not None and preferences.max_page_size is not None:
            found.append(f"{self.format.preference('maxpagesize')}={page_size}")
        if page_size is not None and preferences.track_changes:
            found.append(self.format.preference("track-changes"))
        if preferences.omit_nulls:
            found.append("omit-values=nulls")
        if preferences.include_annotations:
            name = self.format.preference("include-annotations")
            found.append(f'{name}="{preferences.include_annotations}"')
        return (("Preference-Applied", ", ".join(found)),) if found else ()

    def taken_at(self, namespace: str, moment: datetime | None) -> tuple[str, str] | None:
        """Return the annotation with the instant of the rows, or None if not requested."""
        if moment is None:
            return None
        return self._annotation(f"{namespace}.SnapshotTakenAt", instant_text(moment))

    def instead_of(self, namespace: str, code: str) -> tuple[str, str] | None:
        """Return the annotation with the code of the error that old rows replace."""
        return self._annotation(f"{namespace}.SnapshotInsteadOf", code) if code else None

    def _annotation(self, term: str, value: str) -> tuple[str, str] | None:
        """Return an annotation, or None if the client does not request it."""
        wanted = includes_annotation(self.preferences.include_annotations, term)
        return (term, value) if wanted else None


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """A complete body; `headers` are those that depend on its content.

    `gzipped` is True if the body is compressed; the edge decompresses it for clients that do not
    accept gzip. `not_modified` is True if the client has the body already (304), `no_content` if
    the resource is null (204).
    """

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    gzipped: bool = False
    not_modified: bool = False
    no_content: bool = False

    @classmethod
    def unchanged(cls, content_type: str, headers: tuple[tuple[str, str], ...]) -> ResponseBody:
        """Return the response to a client that has the body already."""
        return cls(b"", content_type, headers, not_modified=True)


@dataclass(frozen=True, slots=True)
class ExportStream:
    """A file that is written while it is sent; valid inside the `async with` that returned it.

    `parts` can be read once; None if the client has the file already (304). `close` releases what
    the file needs, however much of it was read.
    """

    parts: AsyncIterator[bytes] | None
    content_type: str
    headers: tuple[tuple[str, str], ...]
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Served:
    """The cache status of a response's snapshot (RFC 9211), and its age (RFC 9111 5.1)."""

    age: timedelta
    status: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return Age and Cache-Status."""
        return (
            ("Age", str(max(0, int(self.age.total_seconds())))),
            ("Cache-Status", f"skillhabit-odata; {self.status}"),
        )


@dataclass(frozen=True, slots=True)
class CacheHeaders:
    """Validators and cache status of a page, for HTTP caches."""

    etag: str
    taken_at: datetime
    served: Served

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return ETag, Last-Modified, Age and Cache-Status."""
        modified = format_datetime(self.taken_at, usegmt=True)
        return (("ETag", self.etag), ("Last-Modified", modified), *self.served.headers)

    def put_on(self, response: ResponseBody) -> ResponseBody:
        """Return the response with these headers."""
        return replace(response, headers=(*response.headers, *self.headers))
