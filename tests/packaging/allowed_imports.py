"""A contract for import-linter: a package imports what its list allows, and nothing else.

`pyproject.toml` lists packages by their first name, the standard library's included. Modules of
the package itself are always allowed; an entry that no module needs breaks the contract too.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """The direct imports of a package, compared with an allow-list."""

    type_name = "allowed"

    package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collect forbidden imports and superfluous entries."""
        package, allowed = str(self.package), set(self.allowed_modules)  # type: ignore[call-overload]
        imports = outside_imports(graph, package)
        forbidden = sorted(f"{who} -> {what}" for who, what in imports if what not in allowed)
        unused = sorted(allowed - {what for _, what in imports})
        return ContractCheck(
            kept=not forbidden and not unused,
            metadata={"forbidden": forbidden, "unused": unused},
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print what breaks the contract."""
        for line in check.metadata["forbidden"]:
            output.print_error(f"{line}: not in the list of allowed modules")
        for name in check.metadata["unused"]:
            output.print_error(f"{name}: allowed, but no module imports it")


def outside_imports(graph: ImportGraph, package: str) -> set[tuple[str, str]]:
    """Return (module, imported module outside) for all direct imports of a package."""
    modules = {package, *graph.find_descendants(package)}
    return {
        (module, imported)
        for module in modules
        for imported in graph.find_modules_directly_imported_by(module)
        if imported not in modules
    }
