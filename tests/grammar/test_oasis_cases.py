"""All grammar test cases of the standard, where the reference folder is present."""

from __future__ import annotations

import pytest

from tests.grammar.oasis import CASES, Case, is_accepted, load_cases

NEEDS_SCHEMA = "only the schema tells, so the binder refuses it"

# Cases that we judge differently than the ABNF does, on purpose.
DIFFERENT = {
    # -------- accepted here although marked invalid
    "core-1163": f"Part 2, 4.5.2: a function import below an entity set; {NEEDS_SCHEMA}",
    "core-1286": f"Part 2, 4.7: $value after a stream property; {NEEDS_SCHEMA}",
    "core-2635": "Part 2, 5.2: after `$search=more&` stands a custom option, `more`",
    "core-3346": f"Part 1, 10: an unqualified type cast in a context URL; {NEEDS_SCHEMA}",
    "aggregation-267": f"Aggregation 3.2.1: arithmetic on collections; {NEEDS_SCHEMA}",
    "aggregation-308": f"Aggregation 3.2.1: custom aggregates need no `with`; {NEEDS_SCHEMA}",
    "aggregation-418": f"Aggregation 3.2.1.5: the same with `from`; {NEEDS_SCHEMA}",
    "aggregation-575": f"Aggregation 3.2.3.1: a path through a primitive property; {NEEDS_SCHEMA}",
    "aggregation-725": f"Aggregation 3.5.3: join with a single-valued property; {NEEDS_SCHEMA}",
    "aggregation-1020": f"Aggregation 3.2.3.1: grouping by a collection; {NEEDS_SCHEMA}",
    # -------- refused here although the ABNF allows it
    "core-2838": "Part 2, 5.1: no system query option may stand twice in a URL",
    "core-2410": "Part 2, 5.1.3: no path may stand in two items of $expand",
}

ALL = load_cases()
ABSENT = pytest.mark.skipif(not ALL, reason=f"no reference cases at {CASES}")


@ABSENT
def test_all_cases_are_there_and_few_are_judged_differently() -> None:
    assert len(ALL) == 623
    assert DIFFERENT.keys() <= {case.id for case in ALL}
    assert len(DIFFERENT) < 15


@ABSENT
@pytest.mark.parametrize("case", ALL or [None], ids=lambda case: case.id if case else "none")
def test_case_of_the_standard(case: Case) -> None:
    expected = case.valid != (case.id in DIFFERENT)
    assert is_accepted(case) is expected, f"{case.rule}: {case.input}"
