"""The limits of a principal are read in `gateway/roles` alone: all other code asks the view.

A place elsewhere that reads a role, a list of entity sets or a limit of a view is a second opinion
on what callers may see. The few that have to are listed with the reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[2] / "gateway"
LIMITS = frozenset({"role", "role_limits", "mask_secret", "is_pruned", "hide", "mask", "masked"})
"""Members of a principal, a view, a role's table in the configuration, or a role's limits."""

ELSEWHERE = {
    "app": "checks at the start that the roles of sign-in groups exist",
    "auth/entra": "makes the principal of a sign-in",
    "auth/key_methods": "makes the principal of a key",
    "cli/keys": "shows the owner of the gateway the roles of keys",
    "cli/queries": "makes the principal of a command",
    "config/grants": "parses the roles of sign-in groups",
    "edge/last_queries": "shows which role made a query",
    "observe/costs": "sums the queries of each key and role",
    "tenants": "chooses the service that has the principal's view",
    "web/telemetry": "notes the role for the log",
    "workspace": "makes the views, with the secret of their digests",
}


def reads(source: str) -> Iterator[int]:
    """Yield the lines that read a limit of a principal."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()) if name in LIMITS:
                yield node.lineno
            case ast.Attribute(value=ast.Name("allowance" | "key"), attr="sets", ctx=ast.Load()):
                yield node.lineno
            case ast.Attribute(value=ast.Attribute(attr="allowance"), attr="sets"):
                yield node.lineno
            case ast.Call(ast.Name("getattr"), [_, ast.Constant(name), *_]) if name in LIMITS:
                yield node.lineno
            case ast.MatchClass(kwd_attrs=names) if LIMITS & {*names}:
                yield node.lineno


def test_limits_are_read_where_they_belong_or_with_a_reason() -> None:
    found = {
        path.relative_to(GATEWAY).with_suffix("").as_posix()
        for path in GATEWAY.rglob("*.py")
        if [*reads(path.read_text("utf-8"))]
    }
    own = ("roles/", "discovery/")  # a role of discovery is that of a member
    assert {name for name in found if not name.startswith(own)} == ELSEWHERE.keys()


def test_templates_read_no_limits() -> None:
    for path in GATEWAY.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not [name for name in LIMITS - {"role"} if f".{name}" in text], path


@pytest.mark.parametrize(
    "source",
    [
        "principal.role is None",
        "self._with.view.role_limits",
        "caller.allowance.sets",
        "allowance.sets or ()",
        'getattr(view, "is_pruned", False)',
        "match view:\n    case View(role_limits=None):\n        pass",
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert [*reads(source)]
