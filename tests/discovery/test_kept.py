"""Contract files that exist: blocks, digests, what the owner changed, and edits in place."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.loader import built_in_contract, load_contract, read_file
from gateway.discovery.findings import Edit, differs
from gateway.discovery.kept.blocks import read_blocks, text_of_blocks, with_entry, without_entry
from gateway.discovery.kept.entries import (
    Hand,
    changes_by_hand,
    entries_of,
    stamped,
    without_digests,
)
from gateway.discovery.kept.fix import fix
from gateway.discovery.kept.keep import keep_changes
from gateway.discovery.kept.own_hints import hints_of_contract
from gateway.errors import ConfigurationProblem

SHIPPED = built_in_contract()
ENTRIES = sorted(entries_of(SHIPPED))
WRITTEN = stamped(SHIPPED)


def test_blocks_are_the_whole_file() -> None:
    assert text_of_blocks(read_blocks(SHIPPED)) == SHIPPED
    named = {block.entry for block in read_blocks(SHIPPED)} - {""}
    assert named == set(ENTRIES)


def test_digests_change_no_entry_and_can_be_taken_away() -> None:
    assert entries_of(WRITTEN) == entries_of(SHIPPED)
    assert without_digests(WRITTEN) == SHIPPED.rstrip() + "\n"
    assert stamped(WRITTEN) == WRITTEN
    assert changes_by_hand(WRITTEN, SHIPPED) == {}
    assert load_contract(WRITTEN).columns == load_contract(SHIPPED).columns


@given(st.sampled_from([entry for entry in ENTRIES if entry != "request"]))
def test_an_entry_that_is_taken_away_leaves_all_others_and_their_comments(entry: str) -> None:
    made = text_of_blocks(without_entry(read_blocks(WRITTEN), entry))
    assert entries_of(made) == {n: e for n, e in entries_of(WRITTEN).items() if n != entry}
    outside = [b for b in read_blocks(WRITTEN) if b.entry != entry]
    comments = [line for b in outside for line in b.lines if line.startswith("#")]
    assert [line for line in comments if line not in made] == []
    assert changes_by_hand(made, SHIPPED) == {entry: Hand.DELETED}


@given(st.sampled_from([e for e in ENTRIES if e.startswith(("columns.", "filters.", "stat"))]))
def test_what_the_owner_changed_is_kept_in_a_new_file(entry: str) -> None:
    blocks = read_blocks(WRITTEN)
    (block,) = [block for block in blocks if block.entry == entry]
    changed = text_of_blocks(blocks).replace(
        "\n".join(block.lines), "\n".join([*block.lines, 'evidence = "mine"  # a note'])
    )
    assert changes_by_hand(changed, SHIPPED) == {entry: Hand.CHANGED}
    kept = keep_changes(SHIPPED, changed, SHIPPED)
    assert kept.entries == {entry: Hand.CHANGED}
    assert "# a note" in kept.text
    assert changes_by_hand(kept.text, SHIPPED) == {entry: Hand.CHANGED}
    again = keep_changes(SHIPPED, kept.text, SHIPPED)
    assert again.text == kept.text


def _edits(entry: str) -> st.SearchStrategy[Edit]:
    content = entries_of(SHIPPED)[entry]
    if not isinstance(content, dict) or entry in ("request.body", "service"):
        return st.just(Edit(entry, value=None))
    values: st.SearchStrategy[Any] = st.text(max_size=9) | st.integers(0, 9) | st.booleans()
    keys = st.sampled_from([*content, "evidence"])
    changes = st.builds(Edit, st.just(entry), keys, values | st.none())
    whole = st.dictionaries(st.just("name"), st.just(content.get("name", "x")), min_size=1)
    return changes | (st.builds(Edit, st.just(entry), st.just(""), whole))


@given(st.sampled_from([e for e in ENTRIES if "columns." in e or "filters." in e]).flatmap(_edits))
def test_an_edit_changes_its_entry_alone(edit: Edit) -> None:
    """`fix` itself compares the parsed file with what was to be written."""
    if edit.key == "name":
        return
    made = fix(WRITTEN, [differs("x", "", (edit,))], (), SHIPPED)
    assert made.written == (edit.entry,)
    others = {n: e for n, e in entries_of(WRITTEN).items() if n != edit.entry}
    assert {n: e for n, e in entries_of(made.text).items() if n != edit.entry} == others
    assert changes_by_hand(made.text, SHIPPED) == {}


def test_the_owners_entries_are_edited_only_by_name() -> None:
    text = WRITTEN.replace("largest = 1000", "largest = 4000")
    finding = differs("[pages]", "", (Edit("pages", "largest", 500),))
    assert fix(text, [finding], (), SHIPPED).left == ("pages",)
    made = fix(text, [finding], ("pages",), SHIPPED)
    assert "largest = 500  " in made.text
    assert "# rows per page" in made.text


def test_a_layout_that_cannot_be_edited_is_refused() -> None:
    start, end = SHIPPED.index("[pages]"), SHIPPED.index("[order]")
    text = 'pages = { largest = 1000, source = "assumed" }\n' + SHIPPED[:start] + SHIPPED[end:]
    assert tomllib.loads(text)["pages"]["largest"] == 1000
    with pytest.raises(ConfigurationProblem, match="cannot be edited"):
        fix(text, [differs("[pages]", "", (Edit("pages", "largest", 5),))], (), SHIPPED)


def test_an_entry_of_several_tables_is_one_entry() -> None:
    text = SHIPPED.replace("[request.body]", "[request.body]\n[request.body.more]\na = 1")
    blocks = read_blocks(text)
    assert len([block for block in blocks if block.entry == "request.body"]) == 2
    new = [block for block in read_blocks(SHIPPED) if block.entry == "request.body"]
    assert entries_of(text_of_blocks(with_entry(blocks, "request.body", new))) == entries_of(
        SHIPPED
    )


def test_the_forms_of_a_file_are_hints() -> None:
    hints = hints_of_contract(read_file(SHIPPED))
    assert hints.paths == ("/analyse/results",)
    assert hints.numbers["limit"] == ["options.limit"]
    assert hints.numbers["skip"] == ["options.skip"]
    (order,) = hints.orders
    assert (order.ascending, order.descending) == ("ASC", "DESC")
    assert hints.filters["states"] == [({"states": "${states}"}, "states")]
    assert [*hints.ranges] == ["updated_at", "expiry_date"]
    assert hints.constants == {}
