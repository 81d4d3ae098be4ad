"""docs/observability.md names what there is: every metric and label, every field of a line."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from gateway.observe.logs import facts_of
from gateway.observe.metrics import Levels, Metrics
from gateway.observe.oddities import OddRows
from gateway.observe.record import RequestRecord
from tests.docs.render import ROOT

PAGE = (ROOT / "docs" / "observability.md").read_text("utf-8")
STAGES = ("parse", "plan", "snapshot", "upstream", "query", "write", "send")


def _record() -> RequestRecord:
    """One of which everything is known."""
    record = RequestRecord("0" * 16, "GET", resource="Results", route="snapshot", cache="fresh")
    record.page, record.rows, record.error, record.part = "hit", 3, "NotFound", 1
    record.workspace, record.role, record.key, record.tag = "default", "team", "key", "report"
    record.stage_seconds = dict.fromkeys(STAGES, 0.001)
    return record


def test_every_field_of_a_line_is_told() -> None:
    table = PAGE.partition("| field |")[2].partition("\n\n")[0]
    first = "".join(row.split("|")[1] for row in table.splitlines()[2:])
    assert set(re.findall(r"`(\w+)`", first)) == facts_of(_record()).keys()


def test_every_metric_is_told_with_its_labels() -> None:
    metrics = Metrics()
    metrics.count_requests([_record()])
    metrics.observe_call("200", 0.1)
    metrics.count_odd_rows([OddRows("userId", "no value", 1)])
    metrics.set_levels(Levels((("default", 1, 2, 3.0),), token_ends=(("default", 4.0),)))
    with metrics.track_extract(_record()):
        pass
    metrics.count_report_failure("log")
    told = re.findall(
        r"^\| `(\w+)` \| ([a-z, ]*) \| ",
        PAGE.partition("## Metrics")[2].partition("\n## ")[0],
        re.MULTILINE,
    )
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        name = family.name.removeprefix("skillhabit_odata_")
        if name != family.name and not name.endswith("_created"):
            total = "_total" if family.type == "counter" else ""
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name + total] = labels
    assert {name: set(filter(None, labels.split(", "))) for name, labels in told} == found
