"""Documentation that is generated from the code; `python -m tests.docs.render` writes it.

The tests beside this module fail if a document is out of date.
"""

from __future__ import annotations

from pathlib import Path

from gateway import errors
from gateway.contract.loader import built_in_contract, load_contract
from gateway.edm.model import EntitySet, NavigationProperty
from gateway.errors import GatewayError
from tests.docs.limits import PAGE as RELIABILITY
from tests.docs.limits import reliability_page
from tests.docs.measures import with_measures
from tests.docs.reference import write_pages

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
ERRORS = ROOT / "docs" / "errors.md"
TABLES = ROOT / "docs" / "tables.md"
POWER_BI = ROOT / "docs" / "powerbi.md"

_ERRORS_HEAD = """# Errors

Every error is OData JSON: `{"error": {"code", "message", "target", "details"}}`. The message names
the option, the position and what to do; Power BI and Excel show it. The `details` of a syntax error
hold the text with a caret under the position. 502 and 503 concern the Analytics API, whose own
words are in `details`; roles get no reasons (see [roles.md](roles.md)). 503 has `Retry-After` in
whole seconds, which Power Query respects. This page is generated from `gateway/errors`.

| status | code | meaning |
|---|---|---|
"""


_TABLES_HEAD = """# Tables

All tables come from one extract of results, so their numbers agree. People, contents and groups
without any result are missing, because the Analytics API reports only results. A name, an address
or a custom field is that of the newest result. Overdue and soon expiring results are counted as of
the start of the extract. Custom fields that you map are columns of `Results` and `Users`; if a
table already has a column of that name, the field's column gets the suffix `_2`. This page is
generated from the contract file, like `$metadata`.
"""


def tables_page() -> str:
    """Return docs/tables.md."""
    schema = load_contract(built_in_contract()).schema
    return _TABLES_HEAD + "".join(_table(entity_set) for entity_set in schema.entity_sets)


def _table(entity_set: EntitySet) -> str:
    entity_type = entity_set.entity_type
    lines = [f"\n## {entity_set.name}\n", f"{entity_set.label}.\n"]
    lines += ["| column | type | |", "|---|---|---|"]
    for prop in entity_type.properties:
        kind = f"list of {prop.type}" if prop.collection else str(prop.type)
        key = "key; " if prop.name in entity_type.key else ""
        never = "" if prop.nullable else "never null"
        about = "; ".join(filter(None, (key.strip("; "), prop.label, never)))
        lines.append(f"| `{prop.name}` | {kind} | {about} |")
    rows = [_navigation_row(prop) for prop in entity_type.navigation]
    head = ["", "| navigation property | leads to | where |", "|---|---|---|"] if rows else []
    return "\n".join((*lines, *head, *rows)) + "\n"


def _navigation_row(prop: NavigationProperty) -> str:
    on = " and ".join(f"`{own}` = its `{other}`" for own, other in prop.on)
    kind = "rows" if prop.collection else "the row"
    return f"| `{prop.name}` | {kind} of `{prop.target}` | {on} |"


def catalogue() -> list[type[GatewayError]]:
    """Return every error with a code of its own, by status and code."""
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GatewayError) and value is not GatewayError
    ]
    return sorted(found, key=lambda error: (error.status, error.code))


def errors_page() -> str:
    """Return docs/errors.md."""
    rows = (
        f"| {error.status} | `{error.code}` | {(error.__doc__ or '').splitlines()[0]} |"
        for error in catalogue()
    )
    return _ERRORS_HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    write_pages()
    ERRORS.write_text(errors_page(), "utf-8")
    TABLES.write_text(tables_page(), "utf-8")
    RELIABILITY.write_text(reliability_page(), "utf-8")
    POWER_BI.write_text(with_measures(POWER_BI.read_text("utf-8")), "utf-8")
