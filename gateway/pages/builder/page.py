"""The page of the query builder, and the same for programs: a form's fields or a URL in, both out.

A page view without fields shows the first table. With `url` the form is read out of that URL;
otherwise the URL is made of the fields.
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
from gateway.pages.builder.view import FormView, spot_of, view_form
from gateway.pages.builder.written import Note, as_ours, without_keys
from gateway.pages.layout import PageContext
from gateway.pages.plan import lines_of, request_of
from gateway.pages.state import state_of
from gateway.service.explain import Explanation

_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class QueryOnPage:
    """What is known of a query: its URL below the service root, the form of it, what is wrong.

    `written` is a URL as a person wrote it, `last` the last one of the form that was right. Without
    a form, `unshown` tells why there is none.
    """

    url: str = ""
    written: str = ""
    last: str = ""
    form: Form | None = None
    problem: GatewayError | None = None
    unshown: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def here(self) -> str:
        """The page's own URL, which shows the same again."""
        if self.form is None:
            return f"query?{urlencode({'url': self.written or self.url})}"
        last = f"&{urlencode({'last': self.last})}" if self.problem and self.last else ""
        return f"query?{to_query_string(self.form)}{last}"


async def show_query(visit: PageContext) -> Response:
    """The page."""
    asked = await _asked(visit)
    view = None if asked.form is None else await _view(visit, asked.form)
    problem, explanation, found = asked.problem, None, None
    if problem is None:
        problem, explanation, found = await _try(visit, asked.url)
        if not await visit.house.entrance.may_explain(visit.request.scope):
            explanation = None
    asked = replace(asked, problem=problem)
    is_old = bool(problem and asked.form and asked.last)
    absolute = visit.root + (asked.last if is_old else asked.url)
    with_key = "authorization" in visit.request.headers
    return visit.show(
        "query.html",
        section="query",
        asked=asked,
        view=view,
        other=other_text(view.form) if view else "",
        tables=visit.service.schema.entity_sets,
        problem=problem,
        spot=spot_of(problem.place) if problem and problem.place else None,
        steps=lines_of(explanation) if explanation else (),
        payload=request_of(explanation) if explanation else "",
        found=found,
        cell=as_cell,
        state=state_of(visit.service),
        absolute=absolute,
        here=asked.here,
        is_old=is_old,
        notes=_worded(visit, asked.notes),
        copies=_copies(absolute, found, with_key=with_key),
    )


async def tell_query(visit: PageContext) -> Response:
    """The same as JSON: `url`, `form` with its `fields`, and what is wrong with `position`."""
    asked = await _asked(visit)
    problem = asked.problem
    if problem is None:
        problem = await visit.service.apart(len(asked.url), _refusal, visit, asked.url)
    told = {
        "url": visit.root + asked.url,
        "form": None if asked.form is None else asdict(asked.form),
        "fields": None if asked.form is None else to_fields(asked.form),
        "unshown": asked.unshown,
        "notes": _worded(visit, asked.notes),
        "problem": None if problem is None else _told(problem),
    }
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(msgspec.json.encode(told), headers=headers)


async def read_for_query(visit: PageContext) -> Response:
    """What the button does: begin to read all rows, and come back.

    Raises:
        Forbidden: another site has sent the form.
        InvalidValue: the URL leads to another service.
    """
    check_same_site(visit.request.headers, visit.certain_root)
    fields, _ = _fields(visit)
    url, _ = as_ours(fields.get("url", [""])[0], visit.root)
    visit.service.begin()
    return RedirectResponse(f"{visit.base}query?url={quote(url, safe='')}", 303)


async def _asked(visit: PageContext) -> QueryOnPage:
    return await visit.service.apart(len(visit.request.scope["query_string"]), _ask, visit)


def _ask(visit: PageContext) -> QueryOnPage:
    """A failure is part of what is known: the page shows it beside the form."""
    schema = visit.service.schema
    fields, notes = _fields(visit)
    if "url" in fields:
        asked = _ask_by_url(visit, fields["url"][0])
        return replace(asked, notes=(*notes, *asked.notes))
    asked = QueryOnPage(last=fields.get("last", [""])[0], notes=notes)
    try:
        form, lost = read_form(fields, schema)
        dropped = (Note("dropped", ", ".join(lost)),) if lost else ()
        asked = replace(asked, form=form, notes=(*notes, *dropped))
        entity_set = schema.find_set(form.table) or schema.entity_sets[0]
        return replace(asked, url=_checked(to_url(form, entity_set)))
    except GatewayError as error:
        return replace(asked, problem=error)


def _fields(visit: PageContext) -> tuple[dict[str, list[str]], tuple[Note, ...]]:
    """What a browser has sent, without keys in what was pasted."""
    fields = read_fields(visit.request.scope["query_string"])
    return without_keys(fields, visit.house.entrance.option)


def _ask_by_url(visit: PageContext, written: str) -> QueryOnPage:
    try:
        url, notes = as_ours(written, visit.root)
        written = visit.root + url if notes else written
        asked = QueryOnPage(_checked(url), written, notes=notes)
    except GatewayError as error:
        return QueryOnPage(written=written, problem=error)
    try:
        return replace(asked, form=to_form(url, visit.service.schema))
    except GatewayError as error:
        wrong = _refusal(visit, url)
        return replace(asked, problem=wrong, unshown="" if wrong else error.message)


def _worded(visit: PageContext, notes: tuple[Note, ...]) -> list[str]:
    words = vars(visit.house.texts.query.notes)
    return [words[note.kind].format(about=note.about, root=visit.root) for note in notes]


def _checked(url: str) -> str:
    """As long as the feed's own URLs may be."""
    if len(url) > _LONGEST:
        raise UriTooLong(f"the URL is longer than {_LONGEST} bytes; select or filter less at once")
    return url


def _refusal(visit: PageContext, url: str) -> GatewayError | None:
    """Why the feed would not answer, as far as that can be told without rows."""
    try:
        path, _, query = url.partition("?")
        visit.service.read(path.encode(), query.encode(), visit.root)
    except GatewayError as error:
        return error
    return None


async def _view(visit: PageContext, form: Form) -> FormView | None:
    entity_set = visit.service.schema.find_set(form.table)
    if entity_set is None:
        return None
    return await view_form(form, entity_set, visit.service, visit.root)


async def _try(
    visit: PageContext, url: str
) -> tuple[GatewayError | None, Explanation | None, Preview | None]:
    """What is wrong, what would be asked of whom, and the first rows, as far as there are any."""
    explanation = None
    try:
        explanation = visit.service.explain(await understand(visit.service, url, visit.root))
        return None, explanation, await preview(visit.service, url, visit.root)
    except UpstreamUnavailable:
        return None, explanation, None
    except GatewayError as error:
        return error, None, None


def _copies(url: str, found: Preview | None, *, with_key: bool) -> list[tuple[str, str]]:
    """By the name of the tool; only rows come in pages."""
    copies = [("power_query", as_power_query(url)), ("curl", as_curl(url, with_key=with_key))]
    has_rows = found is None or not found.text
    return [*copies, ("python", as_python(url, with_key=with_key))] if has_rows else copies


def _told(problem: GatewayError) -> dict[str, object]:
    place = problem.place
    return {
        "code": problem.code,
        "message": problem.message,
        "target": problem.target,
        "text": None if place is None else place.text,
        "position": None if place is None else place.position,
    }
