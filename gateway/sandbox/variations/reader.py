"""A request body from which readers take the members, one by one.

Every part of a variation takes the members that it knows. What is left at the end is unknown, and
all problems are reported at once, as validation libraries do.
"""

from typing import Final

import msgspec

from gateway.sandbox.failures import ApiFailure
from gateway.sandbox.variations.refusals import Invalid
from gateway.sandbox.variations.wordings import Kind, Problem


class _Missing:
    """The value of an absent member."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


class BodyReader:
    """The members of one body that have not been taken yet, and the problems found so far."""

    def __init__(self, body: bytes) -> None:
        try:
            self._members = msgspec.json.decode(body or b"{}", type=dict[str, object])
        except msgspec.ValidationError as error:
            raise ApiFailure(400, f"The body must be a JSON object: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiFailure(400, f"The body is not valid JSON: {error}") from error
        self._known_objects: set[str] = set()
        self.problems: list[Problem] = []

    def take(self, path: str) -> object:
        """Remove and return the member at a dotted path; `MISSING` if it is absent."""
        *parents, name = path.split(".")
        members: dict[str, object] = self._members
        walked = ""
        for parent in parents:
            walked = f"{walked}.{parent}" if walked else parent
            self._known_objects.add(walked)
            inner = members.get(parent, {})
            if not isinstance(inner, dict):
                members.pop(parent)
                self.refuse("object", walked)
                return MISSING
            members = inner
        return members.pop(name, MISSING)

    def refuse(self, kind: Kind, member: str, argument: object = "") -> None:
        """Record a problem."""
        self.problems.append(Problem(kind, member, str(argument)))

    def finish(self, *, strict: bool) -> None:
        """Raise the problems, and those of unknown members if the API is strict.

        Raises:
            Invalid: there is at least one problem.
        """
        if strict:
            for path in _leaves(self._members, "", self._known_objects):
                self.refuse("unknown", path)
        if self.problems:
            raise Invalid(self.problems)


def _leaves(members: dict[str, object], above: str, known: set[str]) -> list[str]:
    """Return the paths of unknown members; a known object counts only by its members."""
    found: list[str] = []
    for name, value in members.items():
        path = f"{above}.{name}" if above else name
        if path in known and isinstance(value, dict):
            found += _leaves(value, path, known)
        else:
            found.append(path)
    return found
