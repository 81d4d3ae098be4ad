"""The ASGI scope of a request inside a `$batch`, as if it were sent alone (Protocol 11.7)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.auth.credentials import KEY_HEADERS
from gateway.edge.public_root import SERVICE_PATH
from gateway.errors import InvalidSyntax, InvalidValue
from gateway.query.preferences import merge_preferences
from gateway.query.reference import bare_host, below_root
from gateway.web.batch_model import Part
from gateway.web.request_body import BATCH, last_segment

_FORBIDDEN = frozenset(
    {"authorization", "proxy-authorization", "cookie", "expect", "from", "max-forwards", "range"}
    | {"te", "transfer-encoding", *KEY_HEADERS}
)
_OF_THE_CONNECTION = frozenset(
    {"host", "forwarded", "authorization", "x-forwarded-for", "x-forwarded-host"}
    | {"x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto"}
)
_IGNORED = frozenset({"accept-encoding", "connection", "content-length", "keep-alive"})
_INHERITED = ("accept-language", "odata-maxversion")
_SYSTEM = frozenset({"$metadata", "$batch", "$entity", "$all", "$root", "$id"})


@dataclass(frozen=True, slots=True)
class Outer:
    """The batch request itself; `root` is the service root that its client uses.

    Parts without a `schema_version` of their own are requests for the batch's (Protocol 11.2.12).
    """

    scope: Scope
    headers: Headers
    root: str
    schema_version: str | None = None

    def scope_of(self, part: Part, path: str, query: str) -> Scope:
        """Return the scope of a part; `target_of` has found path and query.

        Credentials and host come from the batch, never from the part.

        Raises:
            InvalidValue: the part has a header that no part may have, or is a batch.
        """
        if last_segment(path.encode()) == BATCH:
            raise InvalidValue("a batch cannot contain a batch; add its requests to this one")
        raw_path = f"{SERVICE_PATH}/{path}"
        return {
            **self.scope,
            "method": part.method,
            "path": unquote(raw_path, errors="replace"),
            "raw_path": raw_path.encode(),
            "query_string": self._with_version(query).encode(),
            "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in self._fields(part)],
        }

    def target_of(self, part: Part, paths: dict[str, str]) -> tuple[str, str]:
        """Return the path below the service root, and the query, from any of three forms of URL.

        A path may begin with `$` and the id of an earlier request, whose path is in `paths` (JSON
        Format 19.2).

        Raises:
            InvalidValue: the URL or the part's Host belongs to another service.
            InvalidSyntax: the URL refers to a request that the part does not depend on.
        """
        path, _, query = self._below(part).partition("?")
        first, slash, rest = path.partition("/")
        if first in _SYSTEM or first[:1] != "$" or first[1:] not in paths:
            return path, query
        if first[1:] not in part.depends_on:
            raise InvalidSyntax(
                f"{first} refers to another request; name that request in dependsOn"
            )
        return paths[first[1:]] + slash + rest, query

    def _with_version(self, query: str) -> str:
        """Return the query of a part with the schema version of the batch, unless it has one."""
        names = {unquote(option.partition("=")[0]).lower() for option in query.split("&")}
        if self.schema_version is None or names & {"$schemaversion", "schemaversion"}:
            return query
        own = f"$schemaversion={quote(self.schema_version, safe='*')}"
        return f"{query}&{own}" if query else own

    def _below(self, part: Part) -> str:
        """Return the URL below the service root, which may be the public one or Host's."""
        host = self.headers.get("host", "")
        roots = (self.root, f"{self.scope['scheme']}://{host}{SERVICE_PATH}/")
        relative = [below_root(part.url, root) for root in roots]
        found = next((url for url in relative if url is not None), None)
        named = bare_host(dict(part.headers).get("host", host))
        if found is None or named not in {bare_host(root.split("/")[2]) for root in roots}:
            raise InvalidValue(f"the URL is outside of this service, whose root is {self.root}")
        return found

    def _fields(self, part: Part) -> list[tuple[str, str]]:
        fields = {n: v for n, v in part.headers if n not in _OF_THE_CONNECTION | _IGNORED}
        forbidden = sorted(_FORBIDDEN & dict(part.headers).keys())
        if forbidden:
            raise InvalidValue(
                f"{forbidden[0]} is not allowed in a part of a batch; send it with the batch",
                target=forbidden[0],
            )
        for name in _INHERITED:
            if name in self.headers:
                fields.setdefault(name, self.headers[name])
        accept = ",".join(self.headers.getlist("accept")).split(",")
        ranges = [r.strip() for r in accept if not r.strip().lower().startswith("multipart/")]
        fields.setdefault("accept", ", ".join(r for r in ranges if r))
        own = [fields["prefer"]] if "prefer" in fields else []
        fields["prefer"] = merge_preferences(own, self.headers.getlist("prefer"))
        connection = [(n, v) for n, v in self.headers.items() if n in _OF_THE_CONNECTION]
        return [(n, v) for n, v in fields.items() if v] + connection
