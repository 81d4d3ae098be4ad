"""What cannot be computed is a bad request, or is left to the client; nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from gateway.engine.compile import compile_filter
from gateway.engine.run import Relation, count_rows
from gateway.errors import GatewayError, LimitExceeded, NotSupported
from tests.engine.things import condition, one_row


@pytest.fixture(scope="module")
def relation() -> Iterator[Relation]:
    with duckdb.connect() as connection:
        yield one_row(connection)


REFUSED = """
5 div 0 eq 1 -> divides by zero
5 mod 0 eq 1 -> divides by zero
five div 0 eq 1 -> divides by zero
five div 0.0 eq 1 -> divides by zero
duration'PT1S' div 0 eq null -> divides by zero
five div zero eq 1 -> Division by zero
five mod zero eq 1 -> Division by zero
1.5 mod zero eq 1 -> Division by zero
duration'PT1S' div zero eq null -> Division by zero
most add five gt zero -> for some row
least sub five gt zero -> for some row
most mul five gt zero -> for some row
-least gt five -> for some row
least div -1 gt 0 -> for some row
9223372036854775807 add 1 gt 0 -> out of range
-9223372036854775808 div -1 gt 0 -> out of range
99999999999999999999999999999999999999.0 add 0 gt 0 -> at most 38 digits
99999999999999999999999999999999999999 add 1 gt 0 -> out of range
99999999999999999999999999999999999999 add five gt 0 -> for some row
five mul 0.5 gt 0.123456789012345678901234567890123456789 -> more than 38 digits
2024-01-01T00:00:00Z add duration'P9999999D' gt at -> out of range
2024-01-01 add duration'P9999999D' gt date(at) -> out of range
duration'P100000000D' mul 2 gt null -> out of range
duration'PT1S' mul INF gt null -> out of range
duration'PT1S' mul (half div 0) gt duration'PT1S' -> out of range
duration'PT1S' mul most gt at sub old -> for some row
at add duration'P106751990D' gt at -> out of range
duration'P106751992D' gt null -> durations range up to
duration'PT0.0000001S' gt null -> durations range up to
07:59:00.0000001 gt null -> times range
23:59:60 gt null -> times range
at add duration'PT1S' gt at add 2024-01-01T00:00:00Z -> not defined for Edm.DateTimeOffset
2024-01-01T00:00:00.0000001Z sub at gt null -> at most six fractional digits
case(true:2024-01-01T00:00:00.0000001Z) gt at -> six fractional digits
fractionalseconds(2024-01-01T00:00:00.0000001Z) gt 0 -> six fractional digits
duration'P1D' add at gt at -> first, then the duration
text add 1 eq 2 -> calculate with numbers
'1' add five eq 2 -> write the number without quotes
at add '1 day' gt at -> write a duration as
at mul 2 gt at -> not defined for
null add text eq text -> not defined for
yes add yes eq 2 -> not defined for
-text eq 'x' -> a value of type Edm.String cannot be negated
-at eq at -> a value of type Edm.DateTimeOffset cannot be negated
date(at) add at eq null -> not defined for
substring(text,0,-1) eq 'x' -> a length cannot be negative
substring(text,0,five sub 6) eq 'x' -> for some row
substring(text,1.5) eq 'x' -> substring takes Edm.Int32 or Edm.Int64
length(five) eq 1 -> length takes text
year(text) eq 1 -> year takes Edm.Date or Edm.DateTimeOffset
year(07:59) eq 1 -> year takes
date(2024-01-01) eq 2024-01-01 -> date takes Edm.DateTimeOffset
round(text) eq 1 -> round takes
totalseconds(at) eq 1 -> totalseconds takes Edm.Duration
year(2024-01-01T00:30:00+01:00) eq 2023 -> with Z
hour(@a) eq 23 -> with Z
date(2024-01-01T00:30:00-01:00) eq date(at) -> with Z
matchespattern(text,'(') -> an unclosed parenthesis at character 2
matchespattern(text,'(?=a)') -> a lookahead, which is not supported, at character 1
matchespattern(text,concat('[^',']')) -> for some row
matchespattern(text,concat(none,'(')) or matchespattern(text,concat('(','')) -> for some row
case(five gt 4:'a',true:1) eq 'a' -> use one type for all
case(five:'a') eq 'a' -> a condition is needed
date(at) eq 2024-02-29T00:00:00Z -> write 2024-02-29
at eq 2024-02-29 -> or date(...) on the other side
(at sub at) gt 'x' -> without quotes
(at sub at) gt 'PT' -> without quotes
(at sub at) gt 'PT0.0000001S' -> without quotes
(at sub at) gt 'P999999999999D' -> without quotes
"""


@pytest.mark.parametrize("line", REFUSED.strip("\n").split("\n"))
def test_what_does_not_exist_is_a_bad_request(relation: Relation, line: str) -> None:
    filter_, _, words = line.partition(" -> ")
    with pytest.raises(GatewayError) as raised:
        count_rows(relation, condition(filter_))
    assert raised.value.status == 400
    assert raised.value.message.startswith("$filter")
    assert words.lower() in raised.value.message.lower()


@pytest.mark.parametrize(
    "filter_",
    [
        "cast(at,Edm.Int64) eq 1",
        "cast('1',Edm.Byte) eq 1",
        "cast(half,Edm.Decimal) eq 1",
        "cast(duration'PT1S',Edm.String) eq 'PT1S'",
        "cast(2024-01-01T00:00:00.0000001Z,Edm.String) eq ''",
        "cast(Edm.String) eq 'x'",
        "isof(five,Edm.Int64)",
        "isof(null,Edm.Int64)",
        "isof(Edm.String)",
        "now() gt at",
    ],
)
def test_what_would_be_a_guess_is_left_to_the_client(filter_: str) -> None:
    with pytest.raises(NotSupported, match="apply it in the client"):
        condition(filter_)


def test_operands_that_stand_twice_spell_no_endless_text() -> None:
    nested = "text"
    for _ in range(60):
        nested = f"substring({nested},1)"
    bound_filter = condition(f"{nested} eq ''")
    with pytest.raises(LimitExceeded, match="simplify it"):
        compile_filter(bound_filter)


def test_an_error_that_is_not_the_clients_passes_through(relation: Relation) -> None:
    with pytest.raises(duckdb.CatalogException):
        count_rows(Relation(relation.cursor, "no_such_table"), None)


def test_a_duration_parameter_is_exact() -> None:
    sql = compile_filter(condition("(at sub old) gt duration'P1DT0.000001S'"))
    assert sql.parameters == (86_400_000_001,)
