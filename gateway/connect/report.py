"""A star -> the files of a report in PBIR, Power BI's documented format, below `definition/`.

A visual is left out if one of its fields is not in the model, a page if only filters would remain
on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.connect.analysis import AnalysisFile, PageEntry, VisualEntry
from gateway.connect.dax import Reference, references
from gateway.connect.star import Star
from gateway.connect.tmdl import tag

_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"
_WIDTH_PIXELS, _HEIGHT_PIXELS, _GAP_PIXELS = 1280, 720, 12
_COLUMNS, _ROWS = 12, 8
_TYPES = {
    "card": "card",
    "column": "clusteredColumnChart",
    "bar": "barChart",
    "donut": "donutChart",
    "table": "tableEx",
    "slicer": "slicer",
}
_CHARTS = ("column", "bar", "donut")
_FILTERS = ("slicer",)
Json = dict[str, Any]


def report_files(star: Star, analysis: AnalysisFile) -> dict[str, Json]:
    """Return the files as JSON values, by path."""
    pages = [(page, visuals) for page in analysis.pages if (visuals := _shown(page, star))]
    names = [page.name for page, _ in pages]
    order = {"pageOrder": names, "activePageName": names[0]} if names else {}
    files = {
        "version.json": _of_schema("versionMetadata/1.0.0", {"version": "2.0.0"}),
        "report.json": _of_schema("report/3.0.0", _report()),
        "pages/pages.json": _of_schema("pagesMetadata/1.0.0", order),
    }
    for page, visuals in pages:
        folder = f"pages/{page.name}"
        files[f"{folder}/page.json"] = _of_schema("page/2.0.0", _page(page))
        for number, visual in enumerate(visuals):
            name = tag("visual", page.name, str(page.visuals.index(visual))).replace("-", "")[:20]
            container = _container(name, number, visual, star)
            files[f"{folder}/visuals/{name}/visual.json"] = container
    return files


def _of_schema(name: str, content: Json) -> Json:
    return {"$schema": f"{_SCHEMAS}/{name}/schema.json", **content}


def _shown(page: PageEntry, star: Star) -> list[VisualEntry]:
    shown = [v for v in page.visuals if all(star.has(_reference(field)) for field in v.fields)]
    return shown if any(visual.kind not in _FILTERS for visual in shown) else []


def _reference(field: str) -> Reference:
    return references(field)[0]


def _report() -> Json:
    """Return the report's settings, with Power BI's default colours."""
    return {"themeCollection": {}, "settings": {"useEnhancedTooltips": True}}


def _page(page: PageEntry) -> Json:
    size = {"displayOption": "FitToPage", "height": _HEIGHT_PIXELS, "width": _WIDTH_PIXELS}
    return {"name": page.name, "displayName": page.title, **size}


def _container(name: str, number: int, visual: VisualEntry, star: Star) -> Json:
    order = (number + 1) * 1000
    position = {**_position(visual.at), "z": order, "tabOrder": order}
    content = {"name": name, "position": position, "visual": _visual(visual, star)}
    return _of_schema("visualContainer/2.4.0", content)


def _position(at: Sequence[int]) -> Json:
    """Return the position of grid cells in pixels, with a gap around each visual."""
    across, down = (_WIDTH_PIXELS - _GAP_PIXELS) / _COLUMNS, (_HEIGHT_PIXELS - _GAP_PIXELS) / _ROWS
    column, row, width, height = at
    return {
        "x": round(_GAP_PIXELS + column * across),
        "y": round(_GAP_PIXELS + row * down),
        "width": round(width * across) - _GAP_PIXELS,
        "height": round(height * down) - _GAP_PIXELS,
    }


def _visual(visual: VisualEntry, star: Star) -> Json:
    query: Json = {"queryState": dict(_roles(visual, star))}
    if visual.sort:
        field = _field(_reference(visual.sort), star)
        query["sortDefinition"] = {"sort": [{"field": field, "direction": "Descending"}]}
    objects = {"objects": _DROPDOWN} if visual.kind == "slicer" else {}
    return {
        "visualType": _TYPES[visual.kind],
        "query": query,
        **objects,
        "visualContainerObjects": {"title": [{"properties": _title(visual)}]},
        "drillFilterOtherVisuals": True,
    }


def _roles(visual: VisualEntry, star: Star) -> Iterator[tuple[str, Json]]:
    """Yield the fields by their role in this type of visual."""
    if visual.category:
        yield "Category", {"projections": [{**_projection(visual.category, star), "active": True}]}
    if visual.series:
        yield "Series", {"projections": [_projection(visual.series, star)]}
    role = "Y" if visual.kind in _CHARTS else "Values"
    yield role, {"projections": [_projection(field, star) for field in visual.values]}


def _projection(text: str, star: Star) -> Json:
    reference = _reference(text)
    entity, name = reference.table or star.fact.name, star.name_of(reference)
    field = _field(reference, star)
    return {"field": field, "queryRef": f"{entity}.{name}", "nativeQueryRef": name}


def _field(reference: Reference, star: Star) -> Json:
    """Return a field; measures belong to the fact's table."""
    entity = reference.table or star.fact.name
    target = {
        "Expression": {"SourceRef": {"Entity": entity}},
        "Property": star.name_of(reference),
    }
    return {"Column" if reference.table else "Measure": target}


def _title(visual: VisualEntry) -> Json:
    if not visual.title:
        return {"show": _literal("false")}
    escaped = visual.title.replace("'", "''")
    return {"show": _literal("true"), "text": _literal(f"'{escaped}'")}


def _literal(value: str) -> Json:
    return {"expr": {"Literal": {"Value": value}}}


_DROPDOWN = {"data": [{"properties": {"mode": _literal("'Dropdown'")}}]}
