"""Claims of several sources -> one: the stronger wins, and the weaker fills its gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from gateway.discovery.claims.claims import Claims, EndpointClaim

_Part = TypeVar("_Part")
_KEPT = frozenset({"path", "source", "name", "is_secret"})


def merged(claims: Sequence[Claims]) -> Claims:
    """Return one set of claims.

    Args:
        claims: strongest first; documented claims usually precede examples.
    """
    whole = Claims()
    for weaker in claims:
        whole = Claims(
            base_url=whole.base_url or weaker.base_url,
            results=_endpoint(whole.results, weaker.results),
            statistics=_endpoint(whole.statistics, weaker.statistics),
            login=whole.login or weaker.login,
            security=_union(whole.security, weaker.security),
            sources=_union(whole.sources, weaker.sources),
            notes=_union(whole.notes, (*weaker.notes, *_differences(whole, weaker))),
        )
    return whole


def _differences(whole: Claims, weaker: Claims) -> Iterable[str]:
    for name in ("results", "statistics"):
        one, other = getattr(whole, name), getattr(weaker, name)
        if one and other and one.path and other.path and not _same(one.path, other.path):
            yield f"{name}: {one.path} is {one.source}, but another source has {other.path}"


def _endpoint(strong: EndpointClaim | None, weak: EndpointClaim | None) -> EndpointClaim | None:
    """Return one claim; if the paths differ, the two are not about one endpoint."""
    if strong is None or weak is None:
        return strong or weak
    if strong.path and weak.path and not _same(strong.path, weak.path):
        return strong
    return replace(
        strong,
        path=strong.path or weak.path,
        headers=_filled(strong.headers, weak.headers, "name"),
        success=_union(strong.success, weak.success),
        request=_filled(strong.request, weak.request, "path"),
        response=_filled(strong.response, weak.response, "path"),
        body_example=strong.body_example or weak.body_example,
        constants=_filled(strong.constants, weak.constants, "path"),
        total_headers=_union(strong.total_headers, weak.total_headers),
    )


def _same(one: str, other: str) -> bool:
    """Return True if two paths differ in a prefix at most, which servers and proxies add."""
    short, long = sorted((one.rstrip("/"), other.rstrip("/")), key=len)
    return long == short or (long.endswith(short) and short.count("/") > 1)


def _filled(strong: tuple[_Part, ...], weak: tuple[_Part, ...], key: str) -> tuple[_Part, ...]:
    """Return the parts of both; the weak one fills the gaps of the strong one."""
    others = {getattr(part, key): part for part in weak}
    both = [_one(part, others.pop(getattr(part, key), None)) for part in strong]
    return (*both, *others.values())


def _one(strong: Any, weak: Any) -> Any:
    if weak is None:
        return strong
    empty = [one.name for one in fields(strong) if not getattr(strong, one.name)]
    changes = {name: getattr(weak, name) for name in empty if name not in _KEPT}
    return replace(strong, **{name: value for name, value in changes.items() if value})


def _union(one: tuple[_Part, ...], other: Iterable[_Part]) -> tuple[_Part, ...]:
    return tuple(dict.fromkeys((*one, *other)))
