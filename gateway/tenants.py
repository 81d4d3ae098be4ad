"""Which service answers whom: each caller's workspace, and in it what their role may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from gateway.auth.principal import Principal
from gateway.errors import AccessDenied, ConfigurationProblem
from gateway.service.service import QueryService
from gateway.workspace import Workspace


class Tenants(Protocol):
    """Finds the service of a caller."""

    def service_of(self, principal: Principal) -> QueryService:
        """The service; nothing that it answers from is shared with another workspace or role.

        Raises:
            AccessDenied: there is none.
        """


class Workspaces:
    """All workspaces of the gateway."""

    def __init__(self, workspaces: Iterable[Workspace]) -> None:
        self._workspaces = {workspace.name: workspace for workspace in workspaces}

    def service_of(self, principal: Principal) -> QueryService:
        """The service of the caller's role.

        Raises:
            AccessDenied: the workspace, the role or an entity set of the key is not there.
        """
        workspace = self._workspaces.get(principal.workspace)
        found = workspace and workspace.service_of(principal.role, principal.token)
        if workspace and found and principal.allowance.sets is not None:
            return _pruned(workspace, principal.role, principal.allowance.sets)
        if not found:
            role = "" if principal.role is None else f" with the role {principal.role!r}"
            raise AccessDenied(
                f"these credentials are for the workspace {principal.workspace!r}{role}, which this"
                " gateway does not have; its owner adds it to the configuration file, or gives"
                " others"
            )
        return found


def _pruned(workspace: Workspace, role: str | None, sets: tuple[str, ...]) -> QueryService:
    try:
        return workspace.pruned(role, sets)
    except ConfigurationProblem as problem:
        raise AccessDenied(
            f"{problem.message}; the gateway's owner corrects the list with skillhabit-odata keys"
            " limit"
        ) from problem
