"""Contract files: what is read, and what is refused with table, key and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.contract.loader import built_in_contract, load_contract
from gateway.contract.model import CustomFieldFilter, RangeFilter, RateLimit, ValuesFilter
from gateway.errors import ConfigurationProblem

TEXT = built_in_contract()
Change = Callable[[str], str]


def put(old: str, new: str) -> Change:
    """Replace the one occurrence of `old`."""

    def change(text: str) -> str:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the file"
        return text.replace(old, new)

    return change


def column(name: str, key: str, value: str) -> Change:
    """Set a key of one `[[columns]]` table; an empty value takes it out."""

    def change(text: str) -> str:
        head, start, rest = text.partition(f'[[columns]]\nname = "{name}"\n')
        assert start
        table, blank, tail = rest.partition("\n\n")
        lines = [line for line in table.splitlines() if not line.startswith(f"{key} =")]
        lines += [f"{key} = {value}"] if value else []
        return head + start + "\n".join(lines) + blank + tail

    return change


def repeated(name: str) -> Change:
    return put('["user", "content"]', f'["user", "{name}"]')


def limits(lines: str) -> Change:
    return put("[limits]\n", f"[limits]\n{lines}\n")


def renamed(name: str, new: str) -> Change:
    return put(f'[[columns]]\nname = "{name}"', f'[[columns]]\nname = "{new}"')


def statistics_body(value: str) -> Change:
    return put("[request]\n", f"[request]\nstatistics_body = {value}\n")


def mapped(*fields: tuple[str, str]) -> Change:
    tables = [f'[[custom_fields.mapped]]\nid = "{i}"\nname = "{n}"\n' for n, i in fields]
    return lambda text: "\n".join((text, *tables))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "\n[", "contract file: "),
        (put("format = 2", "format = 3"), "$.format"),
        (put("format = 2\n", ""), "format"),
        (put("[response]", "[respons]"), "respons"),
        (put('rows = "results"', 'rowz = "results"'), "rowz"),
        (put('rows = "results"', ""), "rows"),
        (put('kind = "offset"\n', 'kind = "offsets"\n'), "$.pages.kind"),
        (put('kind = "offset"\n', 'kind = "cursor"\n'), "'${cursor}' is missing"),
        (put('kind = "offset"\n', 'kind = "page_number"\n'), "'${page}' is missing"),
        (put("first = 0 ", "first = 2 "), "$.pages.first"),
        (put('stop = "total"\n', 'stop = "never"\n'), "$.pages.stop"),
        (put('[filters.users]\nkind = "values"', '[filters.users]\nkind = "value"'), "'value'"),
        (put("largest = 1000", "largest = 0"), "$.pages.largest"),
        (put("overlap_seconds = 120", "overlap_seconds = -1"), "$.extract.overlap_seconds"),
        (put("resolution_milliseconds = 1 #", "resolution_milliseconds = 0 #"), ">= 1"),
        (repeated("nobody"), "[response] repeated = 'nobody' must name an object"),
        (repeated("id"), "[response] repeated = 'id' must name an object"),
        (limits("calls_per_second = 0"), "$.limits.calls_per_second"),
        (limits("calls_per_second = nan"), "$.limits.calls_per_second"),
        (limits("calls_per_second = inf"), "$.limits.calls_per_second"),
        (limits('calls_per_second = "5/s"'), "$.limits.calls_per_second"),
        (limits("calls_per_second = 5\nburst = 0"), "$.limits.burst"),
        (limits("calls_per_second = 5\nburst = 1.5"), "$.limits.burst"),
        (limits("calls_per_minute = 5"), "calls_per_minute"),
        (limits("burst = 5"), "[limits] burst = 5 has no effect without calls_per_second"),
        (column("progress", "type", '"Edm.Decimal"'), "Edm.Decimal"),
        (column("progress", "sauce", '"x"'), "sauce"),
        (put('namespace = "Skillhabit"', 'namespace = "Skill-habit"'), "[service] namespace"),
        (put('entity_set = "Results"', 'entity_set = "All Results"'), "[service] entity_set"),
        (put('entity_type = "Result"', 'entity_type = ""'), "[service] entity_type"),
        (put('container = "Analytics"', 'container = "Result"'), "[service] container"),
        (put("https://customer-api.skillhabit.com", "customer-api"), "[upstream] base_url"),
        (put('path = "/analyse/results"', 'path = "analyse/results"'), "[endpoints.results] path"),
        (put('path = "/analyse/statistics"', 'path = ""'), "[endpoints.statistics] path"),
        (column("userName", "path", '"user..name"'), "has an empty step"),
        (column("userName", "path", '""'), "has an empty step"),
        (column("groupIds", "path", '"user.groups[].tags[]"'), "may contain only one []"),
        (column("userName", "filter", '"nosuch"'), "must name a table [filters.*]"),
        (column("userName", "filter", '"custom_fields"'), 'kind = "values" or "range"'),
        (column("userName", "filter", '"users"'), "already belongs to the column 'userId'"),
        (column("state", "type", '"Edm.Int32"'), "cannot have `values`"),
        (column("userId", "type", '"Edm.Int64"'), "cannot have a values filter"),
        (column("expiryDate", "type", '"Edm.Double"'), "cannot have a range filter"),
        (column("expiryDate", "path", '"dates[]"'), "cannot have a range filter"),
        (column("groupIds", "order", '"groups"'), "cannot sort a collection"),
        (renamed("userName", "user-name"), "'user-name' is not a property name"),
        (renamed("userName", "1st"), "'1st' is not a property name"),
        (renamed("userName", "x" * 129), "is not a property name"),
        (renamed("userName", "state"), "two columns are named"),
        (renamed("userName", "STATE"), "two columns are named 'STATE' and 'state'"),
        (put('key = "id"\nlabel', 'key = "nosuch"\nlabel'), "[service] key = 'nosuch'"),
        (column("id", "nullable", "true"), "[service] key"),
        (column("id", "type", '"Edm.Int64"'), "[service] key"),
        (column("id", "path", '"ids[]"'), "[service] key"),
        (put('order_by = "updatedAt"', 'order_by = "nosuch"'), "[extract] order_by"),
        (put('order_by = "updatedAt"', 'order_by = "startedAt"'), "[extract] order_by"),
        (column("updatedAt", "order", ""), "[extract] order_by"),
        (column("updatedAt", "filter", ""), "[extract] order_by"),
        (put('userIds = "${users}"', 'groupIds = "${users}"'), "Cannot overwrite a value (at line"),
        (put('userIds = "${users}"', ""), "'${users}' is missing, so it would never be sent"),
        (put('userIds = "${users}"', 'userIds = "${user}"'), "'${user}' is unknown; there are"),
        (put('userIds = "${users}"', 'userIds = "${users"'), "unclosed placeholder"),
        (put('userIds = "${users}"', 'userIds = "${users or }"'), "is not a placeholder"),
        (put('userIds = "${users}"', 'userIds = "${users or [}"'), "is not a placeholder"),
        (put('userIds = "${users}"', 'userIds = "${users.first}"'), "set max_values = 1"),
        (put('userIds = "${users}"', 'userIds = "in ${users}"'), "is a list: write ${users.text}"),
        (put('userIds = "${users}"', 'userIds = "${users}"\nx = "${limit.text}"'), "has one value"),
        (put('"${updated_at.from}"', '"${updated_at.first}"'), "is unknown; there are"),
        (put('[{ customFieldId = "${custom_fields.id}",', '[{ customFieldId = "x",'), "fields.id}"),
        (
            lambda text: text.replace("[{ customFieldId", "{ customFieldId").replace(
                'values}" }]', 'values}" }'
            ),
            "must be in an element of a list",
        ),
        (
            put('"${custom_fields.values}"', '"a ${custom_fields.values}"'),
            "is a list and cannot be",
        ),
        (
            put(
                "[filters.users]", '[filters.limit]\nkind = "values"\nexact = true\n[filters.users]'
            ),
            "is not a valid filter name",
        ),
        (
            put(
                "[filters.users]", '[filters."a.b"]\nkind = "values"\nexact = true\n[filters.users]'
            ),
            "is not a valid filter name",
        ),
        (statistics_body("{}"), "[request] statistics_body = '${contents}' is missing"),
        (
            put("resolution_milliseconds = 1 #", 'instant = "epoch_seconds" #'),
            "cannot express all instants",
        ),
        (
            put("resolution_milliseconds = 1 #", 'instant = "%Y-%m-%d" #'),
            "cannot express all instants",
        ),
        (
            put("resolution_milliseconds = 1 #", 'instant = "iso8601" #'),
            "cannot express all instants",
        ),
        (put('to = "${expiry_date.to}"', "to = 1"), "'${expiry_date.to}' is missing"),
        (put('values = "${custom_fields.values}" ', "any = true "), "custom_fields.values"),
        (put('skip = "${skip}"', "skip = 10"), "'${skip}' is missing"),
        (put('skip = "${skip}"', "skip = 0"), "'${skip}' is missing"),
        (
            put("[filters.expiry_date]", '[filters.expiry_date]\nzone = "X/Y"'),
            "[filters.expiry_date]",
        ),
        (column("progress", "decode", '["numbr"]'), "column 'progress': decode = 'numbr'"),
        (column("progress", "decode", "[{ scale = 0 }]"), "is not a step; steps are 'text'"),
        (column("progress", "decode", "[{ scale = 1, by = 2 }]"), "is not a step"),
        (column("startedAt", "decode", '[{ instant = "iso", zone = "Nowhere" }]'), "is not a step"),
        (column("startedAt", "decode", '[{ instant = "iso", zone = "../x" }]'), "is not a step"),
        (column("startedAt", "decode", '[{ instant = "iso", zone = "Europe" }]'), "is not a step"),
        (put('filter = "custom_fields"', 'filter = "users"'), "[custom_fields] filter = 'users'"),
    ],
)
def test_a_faulty_file_is_refused_by_table_and_key(change: Change, words: str) -> None:
    text = mapped(("department", "cf_1"))(change(TEXT))
    with pytest.raises(ConfigurationProblem, match=re.escape(words)) as raised:
        load_contract(text)
    assert str(raised.value).startswith("contract file: ")


@pytest.mark.parametrize("second", ["department", "Department", "state"])
def test_fields_in_the_file_need_names_of_their_own(second: str) -> None:
    with pytest.raises(ConfigurationProblem, match="two columns are named"):
        load_contract(mapped(("department", "cf_1"), (second, "cf_2"))(TEXT))


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("department", "Department"), ("department", "Department_2")),
        (("Cost centre", "cost_centre"), ("Cost_centre", "cost_centre_2")),
        (("state", "Größe", "groupNames"), ("state_2", "Grosse", "groupNames_2")),
        (("部門", "地域"), ("field", "field_2")),
        (("user", "Content"), ("user_2", "Content_2")),
    ],
)
def test_fields_are_named_after_their_labels(
    labels: tuple[str, ...], names: tuple[str, ...]
) -> None:
    contract = load_contract(TEXT, tuple((label, f"cf_{n}") for n, label in enumerate(labels)))
    found = contract.columns[-len(labels) :]
    assert tuple(column.name for column in found) == names
    assert tuple(column.prop.label for column in found) == labels
    assert set(names) <= set(contract.schema.entity_sets[1].entity_type.names)


def test_custom_fields_come_from_the_file_and_from_the_settings() -> None:
    text = mapped(("department", "cf_1"))(TEXT)
    contract = load_contract(text, (("region", "cf_2"),))
    assert [(c.name, c.field_id) for c in contract.columns[-2:]] == [
        ("department", "cf_1"),
        ("region", "cf_2"),
    ]
    found = contract.column("region").filter
    assert isinstance(found, CustomFieldFilter)
    assert found.field_id == "cf_2"
    assert contract.column("region").prop.label == "region"


def test_custom_fields_may_have_no_filter() -> None:
    text = put('filter = "custom_fields"\n', "")(TEXT)
    assert load_contract(text, (("region", "cf"),)).column("region").filter is None


def test_the_built_in_contract_says_what_the_upstream_can_do() -> None:
    contract = load_contract(TEXT)
    users = ValuesFilter("users", exact=True, max_values=500)
    assert contract.column("userId").filter == users
    updated = contract.column("updatedAt").filter
    assert isinstance(updated, RangeFilter)
    assert (updated.name, updated.from_inclusive) == ("updated_at", True)
    groups = contract.column("groupIds")
    assert (groups.path, groups.each) == (("user", "groups", "id"), 1)
    assert groups.prop.collection
    with pytest.raises(KeyError):
        contract.column("nosuch")


def test_any_change_of_file_or_fields_changes_the_fingerprint() -> None:
    prints = {
        load_contract(TEXT).fingerprint,
        load_contract(put("overlap_seconds = 120", "overlap_seconds = 121")(TEXT)).fingerprint,
        load_contract(TEXT, (("region", "cf"),)).fingerprint,
        load_contract(TEXT, (("region", "cf2"),)).fingerprint,
    }
    assert len(prints) == 4
    assert load_contract(TEXT).fingerprint in prints


def test_comments_do_not_change_the_fingerprint() -> None:
    assert load_contract(TEXT + "\n# a remark\n").fingerprint == load_contract(TEXT).fingerprint


_QUOTED = re.compile(r'^(\s*[\w]+ = )"([^"]*)"', re.MULTILINE)
_KEPT = ("kind", "stop", "type", "source", "base_url")


def test_a_contract_with_every_name_changed_loads() -> None:
    """Each quoted word that is a name gets a prefix: members, columns, filters, values, paths."""

    def strange(match: re.Match[str]) -> str:
        key, value = match[1], match[2]
        if key.split()[0] in _KEPT:
            return match[0]
        if key.split()[0] in ("path", "member", "rows", "total"):
            mark = "/z_" if value.startswith("/") else ""
            value = value.removeprefix("/")
            return f'{key}"{mark}' + ".".join(f"z_{step}" for step in value.split(".")) + '"'
        return f'{key}"z_{value}"'

    head, start, rest = TEXT[: TEXT.index("[[sets]]")].partition("[request.body]\n")
    body, end, tail = rest.partition("\n\n")
    body = re.sub(r"\$\{(?!limit|skip|order\.|custom_fields\.)", "${z_", body)
    body = re.sub(r"(\w+) = ", r"z_\1 = ", body)
    text = "".join((_QUOTED.sub(strange, head), start, body, end, _QUOTED.sub(strange, tail)))
    text = re.sub(r"\[filters\.(\w+)\]", r"[filters.z_\1]", text)
    text = put('["user", "content"]', '["z_user", "z_content"]')(text)
    contract = load_contract(text, (("z_field", "z_cf"),))
    plain = load_contract(TEXT, (("field", "cf"),))
    assert [c.name for c in contract.columns] == [f"z_{c.name}" for c in plain.columns]
    assert contract.schema.find_set("z_Results") is not None
    assert contract.schema.find_set("Results") is None
    assert contract.response.rows == ("z_results",)
    page = contract.request.body.render({"limit": 1, "z_groups": ["g"], "z_updated_at.to": "t"})
    assert page == {
        "z_options": {"z_limit": 1},
        "z_groupIds": ["g"],
        "z_updatedAtDateRange": {"z_to": "t"},
    }
    assert [type(c.filter) for c in contract.columns] == [type(c.filter) for c in plain.columns]


@pytest.mark.parametrize(
    ("lines", "limit"),
    [
        ("", None),
        ("calls_per_second = 5", RateLimit(5.0, 1)),
        ("calls_per_second = 1.66\nburst = 100", RateLimit(1.66, 100)),
    ],
)
def test_the_limit_is_what_the_file_states(lines: str, limit: RateLimit | None) -> None:
    assert load_contract(limits(lines)(TEXT)).rate_limit == limit


def test_a_file_without_the_table_of_limits_is_read() -> None:
    head, _, rest = TEXT.partition("[limits]")
    assert load_contract(head + rest.partition("\n\n")[2]).rate_limit is None


@pytest.mark.parametrize("name", ["state", "STATE"])
def test_an_alias_cannot_have_the_name_of_a_column(name: str) -> None:
    alias = f'\n[[aliases]]\nname = "{name}"\nof = "progress"\nuntil = 2030-01-01\n'
    with pytest.raises(ConfigurationProblem, match="a column has this name already"):
        load_contract(built_in_contract() + alias)
