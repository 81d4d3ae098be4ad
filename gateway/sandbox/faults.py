"""Faults as switches: what the sandbox does wrong on purpose, and how often.

Counters named `..._next` are requests that are still to go wrong; each one counts down as it does.
When several are on, one request meets one fault, the first in the order of `Fault`. Only the
documented endpoints are touched, before the token is looked at: `/health` and the switches
themselves always work.
"""

from enum import Enum
from typing import Annotated, Literal

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]

Mutation = Literal["touch", "insert", "delete"]
Shape = Literal["envelope", "no-total", "array", "types", "html"]


class Fault(Enum):
    """What may happen to one request; the value is the counter's name."""

    RATE_LIMIT = "rate_limit_next"
    ERROR = "error_next"
    HANG = "hang_next"
    TRUNCATE = "truncate_next"
    WRONG_SHAPE = "wrong_shape_next"


class Faults(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Switches that may be turned while the sandbox runs; all are off at first.

    Attributes:
        latency_seconds: delay of every request, also of one that goes wrong.
        rate_limit_next: answer 429 that many times.
        rate_limit_every: answer 429 to every n-th request; 0 is never.
        retry_after_seconds: the `Retry-After` of a 429; null leaves the header out.
        retry_after_as_date: say it as an HTTP date of the sandbox's clock instead.
        error_next: answer `error_status` that many times.
        truncate_next: promise the whole body, send half of it and close, that many times.
        hang_next: send nothing for `hang_seconds`, or less when the client leaves, that many times.
        hang_after_headers: hang after the headers, then close; otherwise before them, then 504.
        wrong_shape_next: answer 200 in another shape that many times.
        wrong_shape: `envelope` renames the members, `no-total` leaves the total out, `array` is the
            bare rows, `types` puts text where numbers belong, `html` is a page and no JSON.
        drift_every: change rows after every n-th page; 0 is never.
        drift_changes: how many changes each time.
        drift_kinds: what a change may be; the kind and the row are chosen by `drift_seed`.
    """

    latency_seconds: _Seconds = 0.0
    rate_limit_next: _Count = 0
    rate_limit_every: _Count = 0
    retry_after_seconds: _Count | None = 1
    retry_after_as_date: bool = False
    error_next: _Count = 0
    error_status: Annotated[int, msgspec.Meta(ge=500, le=511)] = 503
    truncate_next: _Count = 0
    hang_next: _Count = 0
    hang_after_headers: bool = False
    hang_seconds: _Seconds = 5.0
    wrong_shape_next: _Count = 0
    wrong_shape: Shape = "envelope"
    drift_every: _Count = 0
    drift_changes: _Count = 1
    drift_kinds: Annotated[tuple[Mutation, ...], msgspec.Meta(min_length=1)] = ("touch", "insert")
    drift_seed: int = 0

    def take(self, request_number: int) -> Fault | None:
        """Return what happens to a request, counted from 1, and count it down."""
        if self.rate_limit_every and request_number % self.rate_limit_every == 0:
            return Fault.RATE_LIMIT
        for fault in Fault:
            left: int = getattr(self, fault.value)
            if left:
                setattr(self, fault.value, left - 1)
                return fault
        return None

    def turn(self, switches: dict[str, object]) -> None:
        """Turn the named switches (wire names) and leave the others as they are.

        Raises:
            msgspec.ValidationError: an unknown switch or a wrong value; nothing is turned then.
        """
        turned = msgspec.convert(msgspec.to_builtins(self) | switches, Faults)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(turned, name))

    def turn_off(self) -> None:
        """Turn all switches back to where they were in a new object."""
        self.turn(msgspec.to_builtins(Faults()))
