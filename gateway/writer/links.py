"""The URLs in responses (Protocol 10, URL Conventions 4).

All are absolute, below the public root: relative context URLs and nextLinks break Excel and
lightweight JavaScript clients.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from gateway.query.tree.queries import BoundQuery, ExpandForm, PropertyQuery, Shape

_SAFE_IN_QUERY = "!$'()*,-./:;?@_~"


@dataclass(frozen=True, slots=True)
class CarriedKey:
    """A key in the request's URL, which its links repeat.

    Only the digest is shown; it distinguishes cached pages.
    """

    option: str
    value: str = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Links:
    """A builder of URLs below `root`, the public service root, which ends in `/`."""

    root: str
    key: CarriedKey | None = None

    def context(self, query: BoundQuery | PropertyQuery | None = None, version: str = "4.0") -> str:
        """Return the context URL (Protocol 10); the fragment is not percent-encoded."""
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
        """Return the nextLink: the client's own path and options, and the next page's token."""
        options = [(n, v) for n, v in pairs if n.lower() != "$skiptoken"]
        return self.collection(path, (*options, ("$skiptoken", token)))

    def collection(self, path: str, pairs: tuple[tuple[str, str], ...]) -> str:
        """Return the URL of a path below the root with options."""
        carried = () if self.key is None else ((self.key.option, self.key.value),)
        text = "&".join(f"{_encode(n)}={_encode(v)}" for n, v in (*pairs, *carried))
        return f"{self.root}{path}{f'?{text}' if text else ''}"

    def deleted(self, set_name: str) -> str:
        """Return the context URL of a removed row (Protocol 10.12)."""
        return f"{self.root}$metadata#{set_name}/$deletedEntity"

    def entity_prefix(self, set_name: str) -> str:
        """Return an entity's URL up to its key, for rows that include their id."""
        return f"{self.root}{set_name}("


def _selection(query: BoundQuery) -> tuple[str, ...]:
    """Return the properties in the context URL: the selected ones, or those added to the model's.

    After $apply, they are the properties that all rows have (Data Aggregation 3.1.1).
    """
    names = tuple(prop.name for prop in query.select)
    if query.apply is not None and (query.selected or not query.apply.rows.are_entities):
        shared = {*query.apply.rows.common, *(computed.prop.name for computed in query.computed)}
        common = tuple(name for name in names if name in shared)
        return _in_parentheses(common) or ("@Core.AnyStructure",)
    if query.selected:
        return names
    dynamic = tuple(prop.name for prop in query.select if prop.dynamic)
    return ("*", *dynamic) if dynamic or query.selected_navigation else ()


def _in_parentheses(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return grouping paths, such as `user/name`, as `user(name)`."""
    found: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition("/")
        found.setdefault(head, []).extend([rest] if rest else [])
    return tuple(
        f"{head}({','.join(_in_parentheses(tuple(inner)))})" if inner else head
        for head, inner in found.items()
    )


def _expansion(query: BoundQuery, version: str) -> tuple[str, ...]:
    """Return the expanded navigation properties and their selections (Protocol 10.10, 10.11).

    4.01 writes parentheses after each. For 4.0 empty ones are left out, because Excel and Power BI
    refuse them.
    """
    found: list[str] = list(query.selected_navigation)
    for item in query.expand:
        if item.form is not ExpandForm.ENTITIES:
            continue
        name = item.path.navigation.name
        inner = ",".join((*_selection(item.query), *_expansion(item.query, version)))
        if inner or version != "4.0":
            found = [f"{name}({inner})" if one == name else one for one in found]
            found += [] if name in query.selected_navigation else [f"{name}({inner})"]
        elif query.selected and name not in found:
            found.append(name)
    return tuple(found)


def _encode(text: str) -> str:
    return quote(text, safe=_SAFE_IN_QUERY)
