"""The page of the query builder, as HTML and as JSON: turns a form into a URL, and back.

Without fields the page shows the first table. With `url`, the form is derived from that URL;
otherwise the URL is derived from the fields.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from urllib.parse import quote, urlencode

import msgspec
from starlette.responses import RedirectResponse, Response

from gateway.errors import GatewayError, UpstreamUnavailable, UriTooLong
from gateway.pages.browser import check_same_site
from gateway.pages.builder.carry import read_form
from gateway.pages.builder.copies import as_curl, as_power_query, as_python
from gateway.pages.builder.fields import (
    other_text,
    read_fields,
    to_fields,
    to_query_string,
)
from gateway.pages.builder.form import Form
from gateway.pages.builder.from_query import to_form
from gateway.pages.builder.preview import Preview, as_cell, preview, understand
from gateway.pages.builder.to_query import to_url
from gateway.pages.builder.view import FormView, excerpt_of, view_form
from gateway.pages.builder.written import Note, relative_url, without_keys
from gateway.pages.layout import PageContext
from gateway.pages.plan import lines_of, request_of
from gateway.pages.state import state_of
from gateway.service.explain import Explanation

_MAX_URL_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class QueryOnPage:
    """A query on the page: its URL below the service root, its form, and its error.

    `entered` is the URL as the user entered it, `last` the form's last valid URL. If there is no
    form, `no_form_reason` says why.
    """

    url: str = ""
    entered: str = ""
    last: str = ""
    form: Form | None = None
    problem: GatewayError | None = None
    no_form_reason: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def here(self) -> str:
        """Return the page's own URL, which shows the same query again."""
        if self.form is None:
            return f"query?{urlencode({'url': self.entered or self.url})}"
        last = f"&{urlencode({'last': self.last})}" if self.problem and self.last else ""
        return f"query?{to_query_string(self.form)}{last}"


async def show_query(page: PageContext) -> Response:
    """Return the page as HTML."""
    query = await _read_query(page)
    view = None if query.form is None else await _view(page, query.form)
    problem, explanation, rows = query.problem, None, None
    if problem is None:
        problem, explanation, rows = await _try(page, query.url)
        if not await page.layout.admission.may_explain(page.request.scope):
            explanation = None
    query = replace(query, problem=problem)
    is_old = bool(problem and query.form and query.last)
    absolute = page.root + (query.last if is_old else query.url)
    with_key = "authorization" in page.request.headers
    return page.show(
        "query.html",
        section="query",
        current=query,
        view=view,
        other=other_text(view.form) if view else "",
        tables=page.service.schema.entity_sets,
        problem=problem,
        spot=excerpt_of(problem.place) if problem and problem.place else None,
        steps=lines_of(explanation) if explanation else (),
        payload=request_of(explanation) if explanation else "",
        found=rows,
        cell=as_cell,
        state=state_of(page.service),
        absolute=absolute,
        here=query.here,
        is_old=is_old,
        notes=_note_texts(page, query.notes),
        copies=_copies(absolute, rows, with_key=with_key),
    )


async def query_as_json(page: PageContext) -> Response:
    """Return the query as JSON: `url`, `form`, its `fields`, and the error with its `position`."""
    query = await _read_query(page)
    problem = query.problem
    if problem is None:
        problem = await page.service.offload(len(query.url), _find_error, page, query.url)
    body = {
        "url": page.root + query.url,
        "form": None if query.form is None else asdict(query.form),
        "fields": None if query.form is None else to_fields(query.form),
        "unshown": query.no_form_reason,
        "notes": _note_texts(page, query.notes),
        "problem": None if problem is None else _as_json(problem),
    }
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(body), headers=headers)


async def read_for_query(page: PageContext) -> Response:
    """Start an extract of all rows, and redirect back to the query.

    Raises:
        AccessDenied: another site sent the form.
        InvalidValue: the URL belongs to another service.
    """
    check_same_site(page.request.headers, page.certain_root)
    fields, _ = _fields(page)
    url, _ = relative_url(fields.get("url", [""])[0], page.root)
    page.service.begin()
    return RedirectResponse(f"{page.base}query?url={quote(url, safe='')}", 303)


async def _read_query(page: PageContext) -> QueryOnPage:
    return await page.service.offload(len(page.request.scope["query_string"]), _parse_query, page)


def _parse_query(page: PageContext) -> QueryOnPage:
    """Return the submitted query; an error is part of it, since the page shows it by the form."""
    schema = page.service.schema
    fields, notes = _fields(page)
    if "url" in fields:
        query = _from_url(page, fields["url"][0])
        return replace(query, notes=(*notes, *query.notes))
    query = QueryOnPage(last=fields.get("last", [""])[0], notes=notes)
    try:
        form, dropped = read_form(fields, schema)
        dropped_notes = (Note("dropped", ", ".join(dropped)),) if dropped else ()
        query = replace(query, form=form, notes=(*notes, *dropped_notes))
        entity_set = schema.find_set(form.table) or schema.entity_sets[0]
        return replace(query, url=_checked(to_url(form, entity_set)))
    except GatewayError as error:
        return replace(query, problem=error)


def _fields(page: PageContext) -> tuple[dict[str, list[str]], tuple[Note, ...]]:
    """Return the submitted fields, with access keys removed from pasted URLs."""
    fields = read_fields(page.request.scope["query_string"])
    return without_keys(fields, page.layout.admission.option)


def _from_url(page: PageContext, entered: str) -> QueryOnPage:
    try:
        url, notes = relative_url(entered, page.root)
        entered = page.root + url if notes else entered
        query = QueryOnPage(_checked(url), entered, notes=notes)
    except GatewayError as error:
        return QueryOnPage(entered=entered, problem=error)
    try:
        return replace(query, form=to_form(url, page.service.schema))
    except GatewayError as error:
        problem = _find_error(page, url)
        return replace(query, problem=problem, no_form_reason="" if problem else error.message)


def _note_texts(page: PageContext, notes: tuple[Note, ...]) -> list[str]:
    texts = vars(page.language.texts.query.notes)
    return [texts[note.kind].format(about=note.about, root=page.root) for note in notes]


def _checked(url: str) -> str:
    """Return the URL if it is not longer than the feed accepts."""
    if len(url) > _MAX_URL_BYTES:
        raise UriTooLong(
            f"the URL is longer than {_MAX_URL_BYTES} bytes; use fewer columns or conditions"
        )
    return url


def _find_error(page: PageContext, url: str) -> GatewayError | None:
    """Return the error that the feed would raise, as far as it can be found without rows."""
    try:
        path, _, query = url.partition("?")
        page.service.read(path.encode(), query.encode(), page.root)
    except GatewayError as error:
        return error
    return None


async def _view(page: PageContext, form: Form) -> FormView | None:
    entity_set = page.service.schema.find_set(form.table)
    if entity_set is None:
        return None
    return await view_form(form, entity_set, page.service, page.root)


async def _try(
    page: PageContext, url: str
) -> tuple[GatewayError | None, Explanation | None, Preview | None]:
    """Return the error, the explanation and the first rows, each None if there is none."""
    explanation = None
    try:
        explanation = page.service.explain(await understand(page.service, url, page.root))
        return None, explanation, await preview(page.service, url, page.root)
    except UpstreamUnavailable:
        return None, explanation, None
    except GatewayError as error:
        return error, None, None


def _copies(url: str, rows: Preview | None, *, with_key: bool) -> list[tuple[str, str]]:
    """Return the code to copy by tool; Python, which reads page by page, only for rows."""
    copies = [("power_query", as_power_query(url)), ("curl", as_curl(url, with_key=with_key))]
    has_rows = rows is None or not rows.text
    return [*copies, ("python", as_python(url, with_key=with_key))] if has_rows else copies


def _as_json(problem: GatewayError) -> dict[str, object]:
    place = problem.place
    return {
        "code": problem.code,
        "message": problem.message,
        "target": problem.target,
        "text": None if place is None else place.text,
        "position": None if place is None else place.position,
    }
