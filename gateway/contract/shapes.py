"""`[request]` and `[response]` of a contract file -> the shapes of requests and responses."""

from __future__ import annotations

from typing import Any

from gateway.contract import file
from gateway.contract.model import MemberPath, RequestShape, ResponseShape, TotalPlace
from gateway.contract.template import compile_template

PAGE_NAMES = frozenset({"limit", "skip", "page", "cursor", "order.field", "order.direction"})


def member_path(dotted: str) -> MemberPath:
    """Return the steps of a dotted path; none for the whole body."""
    return tuple(dotted.split(".")) if dotted else ()


def request_shape(parsed: file.ContractFile) -> RequestShape:
    """Return the templates, headers and directions of requests.

    Raises:
        ConfigurationProblem: a placeholder is malformed.
    """
    request, order = parsed.request, parsed.order
    ascending, descending = ("", "") if order is None else (order.ascending, order.descending)
    body = request.statistics_body
    return RequestShape(
        body=compile_template(request.body),
        statistics_body=compile_template(without_page(request.body) if body is None else body),
        page_limit=parsed.pages.largest,
        ascending=ascending,
        descending=descending,
        headers=tuple(request.headers.items()),
    )


def safe_values(parsed: file.ContractFile, name: str) -> str:
    """Return a pattern of the filter values that its places in the bodies can express."""
    shape = request_shape(parsed)
    uses = [*shape.body.uses(), *shape.statistics_body.uses()]
    own = [use for use in uses if use.name in (f"{name}.text", f"{name}.first")]
    if any(use.in_text for use in own):
        return r"[\w-]+(?:[ .@:+][\w-]+)*"
    return r"[^,\s]+(?:[ \t]+[^,\s]+)*" if any(u.name == f"{name}.text" for u in own) else ""


def without_page(tree: Any) -> Any:
    """Return a body without the members that concern the page and the order."""
    if isinstance(tree, dict):
        kept = {name: without_page(value) for name, value in tree.items() if "${order" not in name}
        return {n: v for n, v in kept.items() if v is not None and (v != {} or tree[n] == {})}
    if isinstance(tree, list):
        kept_list = [made for each in tree if (made := without_page(each)) is not None]
        return kept_list if kept_list or not tree else None
    is_page = isinstance(tree, str) and any(f"${{{name}" in tree for name in PAGE_NAMES)
    return None if is_page else tree


def response_shape(section: file.ResponseSection) -> ResponseShape:
    """Return the paths of the envelope."""
    total = None
    if section.total is not None or section.total_header is not None:
        member = None if section.total is None else member_path(section.total)
        total = TotalPlace(member, section.total_header, section.total_counts == "pages")
    failed = section.failed_if
    return ResponseShape(
        rows=member_path(section.rows),
        total=total,
        errors=tuple(map(member_path, section.error)),
        repeated=section.repeated,
        success=section.success,
        failed_if=None if failed is None else (member_path(failed.member), failed.value),
        has_more=None if section.has_more is None else member_path(section.has_more),
        cursor=None if section.cursor is None else member_path(section.cursor),
    )
