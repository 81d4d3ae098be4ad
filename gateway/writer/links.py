"""Every URL that the service emits is built here (Protocol 10, URL Conventions 4).

All are absolute, below the public root: relative context URLs and nextLinks break Excel and the
thin JavaScript clients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from gateway.query.tree.queries import BoundQuery, ExpandForm, PropertyQuery, Shape

_SAFE_IN_QUERY = "!$'()*,-./:;?@_~"


@dataclass(frozen=True, slots=True)
class CarriedKey:
    """A key that came in the request's URL, and so goes on in its links.

    Only the digest shows: pages are told apart by it.
    """

    option: str
    value: str = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Links:
    """`root` is the public service root, ending in `/`."""

    root: str
    key: CarriedKey | None = None

    def context(self, query: BoundQuery | PropertyQuery | None = None, version: str = "4.0") -> str:
        """The context URL (Protocol 10); the fragment is not percent-encoded."""
        url = f"{self.root}$metadata"
        if query is None:
            return url
        if isinstance(query, PropertyQuery):
            return f"{url}#{query.entity.key}/{query.prop.name}"
        if query.references:
            return f"{url}{'#$ref' if query.shape is Shape.ENTITY else '#Collection($ref)'}"
        names = ",".join((*_selection(query), *_expansion(query, version)))
        entity = "/$entity" if query.shape is Shape.ENTITY else ""
        return f"{url}#{query.entity_set.name}{f'({names})' if names else ''}{entity}"

    def next_page(self, path: str, pairs: tuple[tuple[str, str], ...], token: str) -> str:
        """The nextLink: the client's own path and options, and where the next page starts."""
        kept = [(n, v) for n, v in pairs if n.lower() != "$skiptoken"]
        return self.collection(path, (*kept, ("$skiptoken", token)))

    def collection(self, path: str, pairs: tuple[tuple[str, str], ...]) -> str:
        """A path below the root, and its options."""
        carried = () if self.key is None else ((self.key.option, self.key.value),)
        text = "&".join(f"{_encode(n)}={_encode(v)}" for n, v in (*pairs, *carried))
        return f"{self.root}{path}{f'?{text}' if text else ''}"

    def deleted(self, set_name: str) -> str:
        """The context URL of a row that is gone (Protocol 10.12)."""
        return f"{self.root}$metadata#{set_name}/$deletedEntity"

    def entity_prefix(self, set_name: str) -> str:
        """An entity's URL up to its key, for rows that carry their id."""
        return f"{self.root}{set_name}("


def _selection(query: BoundQuery) -> tuple[str, ...]:
    """What the context URL lists: what was selected, or what is added to everything.

    Behind $apply only what all rows have (Data Aggregation 3.1.1).
    """
    names = tuple(prop.name for prop in query.select)
    if query.apply is not None and (query.selected or not query.apply.rows.are_entities):
        shared = {*query.apply.rows.common, *(computed.prop.name for computed in query.computed)}
        kept = tuple(name for name in names if name in shared)
        return _in_parentheses(kept) or ("@Core.AnyStructure",)
    if query.selected:
        return names
    dynamic = tuple(prop.name for prop in query.select if prop.dynamic)
    return ("*", *dynamic) if dynamic or query.selected_navigation else ()


def _in_parentheses(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths that groups were made by, such as `user/name`, as `user(name)`."""
    found: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition("/")
        found.setdefault(head, []).extend([rest] if rest else [])
    return tuple(
        f"{head}({','.join(_in_parentheses(tuple(inner)))})" if inner else head
        for head, inner in found.items()
    )


def _expansion(query: BoundQuery, version: str) -> tuple[str, ...]:
    """Which related rows come along, and what of them (Protocol 10.10, 10.11).

    4.01 has parentheses behind each. For 4.0 they stand only where something is inside: Excel and
    Power BI refuse empty ones.
    """
    found: list[str] = list(query.selected_navigation)
    for item in query.expand:
        if item.form is not ExpandForm.ENTITIES:
            continue
        name = item.path.navigation.name
        inner = ",".join((*_selection(item.query), *_expansion(item.query, version)))
        if inner or version != "4.0":
            found = [f"{name}({inner})" if kept == name else kept for kept in found]
            found += [] if name in query.selected_navigation else [f"{name}({inner})"]
        elif query.selected and name not in found:
            found.append(name)
    return tuple(found)


def _encode(text: str) -> str:
    return quote(text, safe=_SAFE_IN_QUERY)
