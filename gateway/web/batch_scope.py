"""A request inside a `$batch` as the ASGI scope that it would have had alone (Protocol 11.7)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

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
_WITHOUT_MEANING = frozenset({"accept-encoding", "connection", "content-length", "keep-alive"})
_INHERITED = ("accept-language", "odata-maxversion")
_SYSTEM = frozenset({"$metadata", "$batch", "$entity", "$all", "$root", "$id"})


@dataclass(frozen=True, slots=True)
class Outer:
    """The batch request itself; `root` is the service root as its client knows it."""

    scope: Scope
    headers: Headers
    root: str

    def scope_of(self, part: Part, path: str, query: str) -> Scope:
        """The scope of a part; its URL was found by `target_of`.

        Who asks, and by which name, is the batch's business and none of the part's.

        Raises:
            InvalidValue: the part has what no part may have, or is a batch.
        """
        if last_segment(path.encode()) == BATCH:
            raise InvalidValue("a batch cannot hold a batch; send its requests themselves")
        raw_path = f"{SERVICE_PATH}/{path}"
        return {
            **self.scope,
            "method": part.method,
            "path": unquote(raw_path, errors="replace"),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in self._fields(part)],
        }

    def target_of(self, part: Part, paths: dict[str, str]) -> tuple[str, str]:
        """Path below the service root, and query, from any of the three forms of a URL.

        A path may begin with `$` and the id of a request before it, whose path `paths` knows
        (JSON Format 19.2).

        Raises:
            InvalidValue: the URL or the part's Host leads to another service.
            InvalidSyntax: it refers to a request that it does not depend on.
        """
        path, _, query = self._below(part).partition("?")
        first, slash, rest = path.partition("/")
        if first in _SYSTEM or first[:1] != "$" or first[1:] not in paths:
            return path, query
        if first[1:] not in part.depends_on:
            raise InvalidSyntax(f"{first} refers to a request that dependsOn must name")
        return paths[first[1:]] + slash + rest, query

    def _below(self, part: Part) -> str:
        """The URL below the service root, which has two names: the public one and Host's."""
        host = self.headers.get("host", "")
        roots = (self.root, f"{self.scope['scheme']}://{host}{SERVICE_PATH}/")
        relative = [below_root(part.url, root) for root in roots]
        found = next((url for url in relative if url is not None), None)
        named = bare_host(dict(part.headers).get("host", host))
        if found is None or named not in {bare_host(root.split("/")[2]) for root in roots}:
            raise InvalidValue(f"the URL leads outside of this service, which is {self.root}")
        return found

    def _fields(self, part: Part) -> list[tuple[str, str]]:
        fields = {n: v for n, v in part.headers if n not in _OF_THE_CONNECTION | _WITHOUT_MEANING}
        forbidden = sorted(_FORBIDDEN & dict(part.headers).keys())
        if forbidden:
            raise InvalidValue(
                f"{forbidden[0]} cannot stand in a part of a batch; it is the batch's own",
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
