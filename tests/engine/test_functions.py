"""What each function and operator says of one row, with its edges (URL Conventions 5.1.1)."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from gateway.engine.run import Relation
from tests.engine.things import holds, one_row


@pytest.fixture(scope="module")
def relation() -> Iterator[Relation]:
    with duckdb.connect() as connection:
        yield one_row(connection)


TRUE = """
concat(text,'!') eq 'aÖ😀 b!'
concat(none,'x') eq null
indexof(text,'b') eq 4
indexof(text,'B') eq -1
indexof(text,'') eq 0
indexof('',text) eq -1
length(text) eq 5
length('') eq 0
length(none) eq null
substring(text,1) eq 'Ö😀 b'
substring(text,1,2) eq 'Ö😀'
substring(text,4,99) eq 'b'
substring(text,5) eq ''
substring(text,6,1) eq ''
substring(text,9223372036854775807) eq ''
substring(text,0,9223372036854775807) eq text
substring(text,-1) eq 'b'
substring(text,-2,1) eq ' '
substring(text,-99,2) eq 'aÖ'
substring(text,-99) eq text
substring(text,-9223372036854775808,1) eq 'a'
substring(text,0,0) eq ''
substring(text,five sub 1) eq 'b'
substring(text,five sub 6,five) eq 'b'
substring(none,-1) eq null
substring(text,null) eq null
substring(text,length(none)) eq null and substring(text,1,length(none)) eq null
tolower('ÄßA') eq 'äßa'
toupper('äöa') eq 'ÄÖA'
toupper(none) eq null
trim('\u2003\u00a0\t a b\u3000\u0085') eq 'a b'
trim('\u200b') eq '\u200b'
trim('') eq ''
trim(none) eq null
matchespattern(text,'^a.*b$')
matchespattern(text,'Ö')
not matchespattern(text,'^b')
matchespattern(none,'a') eq null
matchespattern(text,none) eq null
matchespattern('abc','b') and matchespattern('a1','[0-9]+$')
contains(tolower(text),'ö') and startswith(text,'a') and endswith(text,' b')
words/any(w:tolower(w) eq 'a') and words/all(w:length(trim(w)) eq 1)
words/any(w:w eq trim(concat('A',none))) eq false
year(at) eq 2024 and month(at) eq 2 and day(at) eq 29
hour(at) eq 23 and minute(at) eq 59 and second(at) eq 58
fractionalseconds(at) eq 0.0015
fractionalseconds(old) eq 0.999
fractionalseconds(at) add 0.1 eq 0.1015
fractionalseconds(never) eq null
year(never) eq null and date(never) eq null and time(never) eq null
year(old) eq 1969 and second(old) eq 59
date(at) eq 2024-02-29 and date(old) eq 1969-12-31
date(at) lt 2024-03-01 and date(at) gt 2024-02-28
year(2024-02-29) eq 2024 and month(date(at)) eq 2
time(at) eq 23:59:58.0015 and time(at) gt 23:59 and time(old) lt 23:59:59.9995
hour(time(at)) eq 23 and hour(07:59) eq 7 and fractionalseconds(07:59:01.5) eq 0.5
year(2024-01-01T00:30:00Z) eq 2024
second(2024-01-01T00:30:07+01:00) eq 7
totaloffsetminutes(at) eq 0
totaloffsetminutes(never) eq null
totalseconds(duration'PT1.5S') eq 1.5
totalseconds(at sub old) gt 1709251198.002 and totalseconds(never sub at) eq null
mindatetime() lt old and maxdatetime() eq last and maxdatetime() ge at
round(half) eq 3 and round(-half) eq -3 and round(2.5) eq 3 and round(-2.5) eq -3
round(half sub 1) eq 2 and round(2.4999) eq 2 and round(0.5) eq 1
floor(half) eq 2 and floor(-half) eq -3 and floor(-2.5) eq -3 and floor(five) eq 5
ceiling(half) eq 3 and ceiling(-half) eq -2 and ceiling(2.1) eq 3 and ceiling(most) eq most
round(nil) eq null
floor(INF) eq INF
five add 1 eq 6 and five sub 6 eq -1 and five mul five eq 25
five div 2 eq 2 and -five div 2 eq -2 and five div -2 eq -2
five mod 3 eq 2 and -five mod 3 eq -2 and five mod -3 eq 2
five divby 2 eq 2.5 and five divby 4 eq 1.25 and most divby 2 eq 4611686018427387903.5
1 divby 3 eq 0.333333333333 and -five divby 3 eq -1.666666666666
five divby 0 eq INF and -five divby 0 eq -INF and five divby zero eq INF
(zero divby zero) ne (zero divby zero)
five divby half eq 2
five div 2.5 eq 2 and 7.5 div 2 eq 3.75 and five mod 2.4 eq 0.2
five add 0.1 eq 5.1 and five mul 0.1 eq 0.5 and 0.1 add 0.2 eq 0.3
half add 1 eq 3.5 and half mul 2 eq 5 and half div 2 eq 1.25 and half mod 2 eq 0.5
-half mod 2 eq -0.5
half div 0 eq INF and -half div 0 eq -INF and half div nought eq INF
(nought div nought) ne (nought div nought)
not ((nought div nought) eq (nought div nought))
not ((nought div nought) lt 1 or (nought div nought) ge 1)
not ((nought div nought) in (1,NaN)) and (nought div nought) ne NaN and (nought div nought) ne null
(nil div nought) eq null and not ((nil div nought) ne null) and (nil div nought) eq (nil mul 2)
not ((nil mul 2) lt (half mul 2)) and (nil mul 2) ne (half mul 2)
half mod 0 ne 1
half mul 1e308 eq INF
nil add 1 eq null and null add 1 eq null and -null eq null and not ((nil add 1) gt 0)
-(-five) eq 5 and -half eq -2.5 and -(1) eq -1
9223372036854775807 eq most and most sub 1 lt most and -most eq least add 1
5 div 2 eq 2 and -5 div 2 eq -2 and -5 mod 3 eq -2 and 5 divby 2 eq 2.5 and 5e0 div 0 eq INF
9223372036854775807.0 add 1 eq 9223372036854775808
at add duration'PT1.9985S' eq 2024-03-01T00:00:00Z
at add 'PT1.9985S' eq 2024-03-01T00:00:00Z
at sub duration'P60D' lt 2024-01-01T00:00:00Z
old add duration'-P1D' eq 1969-12-30T23:59:59.999Z
2024-03-01T00:00:00Z sub at eq duration'PT1.9985S'
2024-03-01T00:00:00Z sub at eq 'PT1.9985S' and 'PT2S' gt 2024-03-01T00:00:00Z sub at
(at sub at) in ('PT0S',null)
date(at) add duration'P1DT23H' eq 2024-03-01
date(at) sub duration'PT36H' eq 2024-02-28 and date(at) add duration'-PT36H' eq 2024-02-28
date(at) sub 2024-02-01 eq duration'P28D'
2024-02-28 add duration'P2D' eq 2024-03-01 and 2024-03-01 sub duration'PT47H' eq 2024-02-29
(at sub old) add duration'PT1S' gt at sub old
(at sub at) sub duration'PT1S' eq duration'-PT1S'
-(at sub at) eq duration'PT0S' and -duration'PT1S' lt duration'PT0S'
duration'PT1S' mul five eq duration'PT5S' and five mul duration'PT1S' eq 'PT5S'
duration'PT1S' mul 1.5 eq 'PT1.5S' and duration'PT1S' mul half eq 'PT2.5S'
duration'PT1S' div 4 eq 'PT0.25S' and duration'PT5S' div five eq 'PT1S'
duration'PT5S' div half eq 'PT2S' and duration'PT5S' div 2.5 eq 'PT2S'
duration'PT5S' div 2e0 eq 'PT2.5S' and 2 mul duration'PT1S' eq 'PT2S'
at sub never eq null and never add duration'P1D' eq null
duration'P1D' eq 'PT24H' and 'PT1H' lt duration'P1D'
2024-01-01 lt 2024-01-02 and 07:59 lt 08:00:00.5
at lt 2024-02-29T23:59:58.00150001Z and not (at ge 2024-02-29T23:59:58.0015000001Z)
at le 2024-02-29T23:59:58.001500000001Z and not (at gt 2024-02-29T23:59:58.0015001Z)
at gt 2024-02-29T23:59:58.0014999Z and at ge 2024-02-29T23:59:58.001499999999Z
2024-02-29T23:59:58.0015001Z gt at and 2024-02-29T23:59:58.0014999Z le at
at ne 2024-02-29T23:59:58.0015001Z and not (at eq 2024-02-29T23:59:58.0015001Z)
never ne 2024-02-29T23:59:58.0015001Z and not (never lt 2024-02-29T23:59:58.0015001Z)
not (at in (2024-02-29T23:59:58.0015001Z)) and at in (2024-02-29T23:59:58.0015Z)
2024-01-01T00:00:00.0000001Z gt 2024-01-01T00:00:00Z and 2024-01-01T00:00:00.0000001Z ne null
2024-01-01T00:00:00.0000001Z lt 2024-01-01T00:00:00.00000011Z
case(five gt 9:'many',five gt 4:'some',true:'few') eq 'some'
case(five gt 9:'many') eq null and case(nil gt 0:1,none eq null:2) eq 2
case(nil eq 1 and null:1,true:2.5) eq 2.5 and case(true:five,false:half) eq 5
case(yes:null,true:null) eq null
case(zero ne 0:five div zero,true:-1) eq -1
case(yes:at,true:old) eq at and case(yes:duration'PT1S',true:at sub at) eq 'PT1S'
case(false:1,false:2.5) eq null
cast(five,Edm.String) eq '5' and cast(half,Edm.String) eq '2.5' and cast(2e0,Edm.String) eq '2.0'
cast(half div 0,Edm.String) eq 'INF' and cast(-half div 0,Edm.String) eq '-INF'
cast(nought div 0,Edm.String) eq 'NaN' and cast(yes,Edm.String) eq 'true'
cast(at,Edm.String) eq '2024-02-29T23:59:58.001500Z'
cast(old,Edm.String) eq '1969-12-31T23:59:59.999Z'
cast(date(at),Edm.String) eq '2024-02-29' and cast(at,Edm.Date) eq 2024-02-29
cast(at,Edm.TimeOfDay) eq 23:59:58.0015 and cast(at,Edm.DateTimeOffset) eq at
cast('12',Edm.Int32) eq 12 and cast('-12',Edm.Int64) eq -12 and cast('+1',Edm.Int64) eq 1
cast('1.5',Edm.Int64) eq null and cast(' 1',Edm.Int64) eq null and cast('',Edm.Int64) eq null
cast('2147483648',Edm.Int32) eq null and cast('1_000',Edm.Int32) eq null
cast('9223372036854775808',Edm.Int64) eq null and cast(most,Edm.Int32) eq null
cast('2.5',Edm.Double) eq half and cast('1e3',Edm.Double) eq 1000 and cast('INF',Edm.Double) eq INF
cast('inf',Edm.Double) eq null and cast('.5',Edm.Double) eq null and cast('NaN',Edm.Double) ne NaN
cast(half,Edm.Int32) eq 3 and cast(-half,Edm.Int64) eq -3 and cast(2.5,Edm.Int64) eq 3
cast(half mul 1e300,Edm.Int64) eq null and cast(half div 0,Edm.Int32) eq null
cast(five,Edm.Double) div 2 eq 2.5 and cast(five,Edm.Decimal) eq 5 and cast(2.5,Edm.Double) eq half
cast(five,Edm.Int64) eq 5 and cast(five,Edm.Int32) eq 5
cast('true',Edm.Boolean) and cast('FALSE',Edm.Boolean) eq false and cast('1',Edm.Boolean) eq null
cast('2024-02-29',Edm.Date) eq date(at) and cast('2023-02-29',Edm.Date) eq null
cast('2024-02-29T23:59:58.0015Z',Edm.DateTimeOffset) eq at
cast('2024-02-29T23:59:58.0015',Edm.DateTimeOffset) eq at
cast('2024-03-01T00:59:58.0015+01:00',Edm.DateTimeOffset) eq at
cast('2024-02-29T18:29:58.0015-05:30',Edm.DateTimeOffset) eq at
cast('2024-02-30T00:00:00Z',Edm.DateTimeOffset) eq null
cast('2024-02-30T00:00:00+01:00',Edm.DateTimeOffset) eq null
cast('2024-02-28T24:00:00Z',Edm.DateTimeOffset) eq null and cast('x',Edm.DateTimeOffset) eq null
cast(none,Edm.Int32) eq null and cast(null,Edm.Int32) eq null and cast(nil,Edm.String) eq null
name eq 3F2504E0-4F89-11D3-9A0C-0305E82C3301 and name ne 3f2504e0-4f89-11d3-9a0c-0305e82c3302
name eq guid'3f2504e0-4f89-11d3-9a0c-0305e82c3301' and name ne null and not (name eq null)
name in (00000000-0000-0000-0000-000000000000,3f2504e0-4f89-11d3-9a0c-0305e82c3301)
name lt ffffffff-ffff-ffff-ffff-ffffffffffff and name gt 0fffffff-ffff-ffff-ffff-ffffffffffff
not (name lt 3f2504e0-4f89-11d3-9a0c-0305e82c3301) and name le 80000000-0000-0000-0000-000000000000
case(yes:name) eq 3f2504e0-4f89-11d3-9a0c-0305e82c3301
cast(name,Edm.String) eq '3f2504e0-4f89-11d3-9a0c-0305e82c3301' and isof(name,Edm.Guid)
cast('3F2504E0-4f89-11d3-9a0c-0305e82c3301',Edm.Guid) eq name and cast(name,Edm.Guid) eq name
cast('3F2504E04f8911d39a0c0305e82c3301',Edm.Guid) eq null and cast(text,Edm.Guid) eq null
cast('{3f2504e0-4f89-11d3-9a0c-0305e82c3301}',Edm.Guid) eq null and cast(none,Edm.Guid) eq null
isof(half,Edm.Double) and isof(none,Edm.String) and isof(five,Edm.PrimitiveType)
"""


@pytest.mark.parametrize("filter_", TRUE.strip("\n").split("\n"))
def test_what_the_standard_says_of_the_row_is_true(relation: Relation, filter_: str) -> None:
    assert holds(relation, filter_)


def test_a_line_end_is_white_space_and_no_character_of_a_pattern(relation: Relation) -> None:
    assert holds(relation, "trim(' \r\n\x0b\x0c a\n') eq 'a'")
    assert holds(relation, "not matchespattern('a\nb','a.b')")
