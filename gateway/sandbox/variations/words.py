"""The words of an API for states and enrollment types."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from gateway.sandbox.payloads import EnrollmentType, State

WordStyle = Literal["upper", "lower", "spaced", "kebab", "pascal", "other"]

STATES: tuple[str, ...] = get_args(State)
ENROLLMENT_TYPES: tuple[str, ...] = get_args(EnrollmentType)

_OTHER: Mapping[str, str] = MappingProxyType(
    {
        "NOT_STARTED": "Not begun",
        "IN_PROGRESS": "Under way",
        "APPROVED": "Passed",
        "FAILED": "Not passed",
        "EXPIRED": "Run out",
        "MANDATORY": "Required",
        "OPTIONAL": "Voluntary",
        "NOT_ENROLLED": "Without enrolment",
    }
)


def to_word(constant: str, style: WordStyle) -> str:
    """Render a constant in a style, even an undocumented one.

    >>> to_word("IN_PROGRESS", "spaced"), to_word("NEW_STATE", "other")
    ('In progress', 'New state')
    """
    match style:
        case "upper":
            return constant
        case "lower":
            return constant.lower()
        case "kebab":
            return constant.lower().replace("_", "-")
        case "pascal":
            return constant.title().replace("_", "")
        case "spaced":
            return constant.capitalize().replace("_", " ")
        case _:
            return _OTHER.get(constant, constant.capitalize().replace("_", " "))


def words(constants: tuple[str, ...], style: WordStyle) -> dict[str, str]:
    """Return the word of each constant, by constant."""
    return {constant: to_word(constant, style) for constant in constants}
