"""Well-Known Text as OData profiles it (ABNF section 7, `fullPointLiteral` and the rest).

Only the shape is checked. Nothing evaluates it; a service that does not know geography still has to
tell a malformed literal (400) from one that it cannot use (501).
"""

from __future__ import annotations

import re

_NUMBER = r"(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?INF|NaN)"
_POSITION = rf"{_NUMBER}(?: {_NUMBER}){{1,3}}"


def _list_of(item: str, least: int = 1) -> str:
    """`(item,item)`; `()` too when `least` is 0."""
    return rf"\((?:{item}(?:,{item})*)" + ("" if least else "?") + r"\)"


_POINT = rf"\({_POSITION}\)"
_LINE = rf"\({_POSITION}(?:,{_POSITION})+\)"
_RING_LIST = _list_of(_list_of(_POSITION))
_SHAPES = "|".join(
    (
        rf"Point{_POINT}",
        rf"LineString{_LINE}",
        rf"Polygon{_RING_LIST}",
        rf"MultiPoint{_list_of(_POINT, 0)}",
        rf"MultiLineString{_list_of(_LINE, 0)}",
        rf"MultiPolygon{_list_of(_RING_LIST, 0)}",
    )
)
_SHAPE = re.compile(_SHAPES, re.IGNORECASE)
_SRID = re.compile(r"SRID=[0-9]{1,5};", re.IGNORECASE)
_COLLECTION = re.compile(r"(?:Geometry)?Collection\(", re.IGNORECASE)


def is_geo(text: str) -> bool:
    """Whether `text` is an SRID and one shape; collections may hold collections.

    >>> is_geo("SRID=0;GeometryCollection(Point(1 2),LineString(1 2,3 4))")
    True
    """
    srid = _SRID.match(text)
    if srid is None:
        return False
    position, depth = srid.end(), 0
    while opened := _COLLECTION.match(text, position):
        position, depth = opened.end(), depth + 1
    return _ends_well(text, position, depth)


def _ends_well(text: str, position: int, depth: int) -> bool:
    """Read shapes from `position` on, inside `depth` open collections, to the very end."""
    while shape := _SHAPE.match(text, position):
        position = shape.end()
        while depth and text.startswith(")", position):
            position, depth = position + 1, depth - 1
        if not depth:
            return position == len(text)
        if not text.startswith(",", position):
            return False
        position += 1
        while opened := _COLLECTION.match(text, position):
            position, depth = opened.end(), depth + 1
    return False
