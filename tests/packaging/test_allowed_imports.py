"""The contract that import-linter runs on packages with an allow-list."""

from __future__ import annotations

import pytest
from grimp import ImportGraph

from tests.packaging.allowed_imports import AllowedImports


@pytest.mark.parametrize(
    ("allowed", "forbidden", "unused"),
    [
        (["json", "time"], [], []),
        (["json"], ["pure.inner -> time"], []),
        (["json", "time", "os"], [], ["os"]),
        (["pure", "json"], ["pure.inner -> time"], ["pure"]),
    ],
)
def test_what_is_imported_equals_what_is_allowed(
    allowed: list[str], forbidden: list[str], unused: list[str]
) -> None:
    graph = ImportGraph()
    for importer, imported in (("pure", "pure.inner"), ("pure", "json"), ("pure.inner", "time")):
        graph.add_import(importer=importer, imported=imported)
    graph.add_import(importer="other", imported="socket")
    contract = AllowedImports("name", {}, {"package": "pure", "allowed_modules": allowed})
    check = contract.check(graph, verbose=False)
    assert check.metadata == {"forbidden": forbidden, "unused": unused}
    assert check.kept is (not forbidden and not unused)
