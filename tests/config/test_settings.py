"""Each setting stands in three places: command line, environment and file, in this precedence."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.config import SETTINGS, Setting, Settings, load_settings, origins
from gateway.config.grants import Grant


class Sample(NamedTuple):
    """A value as text, the same in TOML, what it becomes, and texts that are refused."""

    text: str
    toml: str
    value: object
    bad: tuple[str, ...]


NUMBERS = ("", "many", "-1", "1.5", "1e99")
SECONDS = ("", "soon", "-1", "nan", "inf")
URLS = ("", "ftp://host", "host:80", "https://", "http://host:port", "http://[::1", "http://h/?a=b")
REDIS_URLS = (
    *("", "https://host", "host:6379", "redis://", "redis://host:port", "redis://host:0"),
    *("redis://[::1", "redis://host/zero", "redis://host/0/1", "redis://host#0", "redis://ho st"),
    *("redis://host?db=1", "redis://host?ssl_ca_certs=x", "rediss://host?ssl_cert_reqs=none"),
    *("rediss://host?ssl_ca_certs=", "rediss://host?ssl_ca_certs"),
)
SAMPLES: dict[str, Sample] = {
    "host": Sample("10.1.2.3", '"10.1.2.3"', "10.1.2.3", ("",)),
    "port": Sample("8123", "8123", 8123, (*NUMBERS, "65536")),
    "upstream": Sample(
        "https://a.example/x/", '"https://a.example/x"', "https://a.example/x", URLS
    ),
    "token_file": Sample("t/token", '"t/token"', Path("t/token"), ("",)),
    "token_env": Sample("MY_TOKEN", '"MY_TOKEN"', "MY_TOKEN", ("",)),
    "token_command": Sample(
        "vault read 'a b'", '["vault", "read", "a b"]', ("vault", "read", "a b"), ("", "'", "''")
    ),
    "login_url": Sample(
        "https://a.example/login",
        '"https://a.example/login"',
        "https://a.example/login",
        ("", "login", "//a.example/login", "/login?x=1", "ftp://a.example"),
    ),
    "login_body": Sample(
        '{"user": "${env.U}", "n": [1, "${file.p}"]}',
        '{user = "${env.U}", n = [1, "${file.p}"]}',
        '{"user":"${env.U}","n":[1,"${file.p}"]}',
        ("", "x", "[]", "{}", '{"a": "${U}"}', '{"a": "${env.}"}', '{"a": ["${env.U"]}', '"x"'),
    ),
    "login_format": Sample("form", '"form"', "form", ("", "xml")),
    "login_token": Sample("data.token", '"data.token"', "data.token", ("", ".", "a..b", "a b")),
    "login_lifetime": Sample("20", "20", "20", ("", "0", "-1", "nan", "inf", "1e99", "a b")),
    "oauth_token_url": Sample("/oauth/token", '"/oauth/token"', "/oauth/token", ("", "oauth")),
    "oauth_client_id": Sample("gateway", '"gateway"', "gateway", ("",)),
    "oauth_client_secret_env": Sample("MY_SECRET", '"MY_SECRET"', "MY_SECRET", ("",)),
    "oauth_client_secret_file": Sample("s", '"s"', Path("s"), ("",)),
    "oauth_scope": Sample("a b", '"a b"', "a b", ("",)),
    "oauth_client_auth": Sample("body", '"body"', "body", ("", "header")),
    "oauth_parameter": Sample(
        "audience=x", '{audience = "x"}', (("audience", "x"),), ("audience", "=x", "audience=")
    ),
    "contract": Sample("c.toml", '"c.toml"', Path("c.toml"), ("",)),
    "custom_field": Sample(
        "department=cf_1",
        '{department = "cf_1"}',
        (("department", "cf_1"),),
        ("department", "=cf_1", "department="),
    ),
    "column_alias": Sample(
        "dept=department@2027-12-31",
        '{dept = "department@2027-12-31"}',
        (("dept", "department", date(2027, 12, 31)),),
        ("dept", "dept=department", "dept=@2027-12-31", "=a@2027-12-31", "a=b@2027-13-01"),
    ),
    "label": Sample(
        "state.FAILED=Not passed",
        '{"state.FAILED" = "Not passed"}',
        (("state.FAILED", "Not passed"),),
        ("progress", "=x", "progress="),
    ),
    "data_dir": Sample("/var/x", '"/var/x"', Path("/var/x"), ("",)),
    "redis": Sample(
        "rediss://user:pass@r.example:6380/1?ssl_ca_certs=/etc/ca.pem",
        '"rediss://user:pass@r.example:6380/1?ssl_ca_certs=/etc/ca.pem"',
        "rediss://user:pass@r.example:6380/1?ssl_ca_certs=/etc/ca.pem",
        REDIS_URLS,
    ),
    "workers": Sample("4", "4", 4, (*NUMBERS, "0", "65")),
    "public_url": Sample("https://b.example", '"https://b.example/"', "https://b.example", URLS),
    "trusted_proxies": Sample(
        "10.0.0.1, 0::1, 10.0.0.0/8,2001:db8::/32",
        '["10.0.0.1", "::1", "10.0.0.0/8", "2001:db8::/32"]',
        ("10.0.0.1", "::1", "10.0.0.0/8", "2001:db8::/32"),
        ("not-an-ip", "10.0.0.1/8", "::1,localhost", "10.0.0.1:80", "10.0.0.0/33", "*/8"),
    ),
    "allowed_hosts": Sample(
        "BI.example.com, *.example.org,[2001:db8::1]",
        '["bi.example.com", "*.example.org", "[2001:db8::1]"]',
        ("bi.example.com", "*.example.org", "[2001:db8::1]"),
        ("https://bi.example.com", "bi.example.com:443", "*", "*example.com", "a..b", "a b"),
    ),
    "cors_origins": Sample(
        "https://Portal.example.com,http://[::1]:5173",
        '["https://portal.example.com", "http://[::1]:5173"]',
        ("https://portal.example.com", "http://[::1]:5173"),
        ("*", "null", "https://portal.example.com/", "portal.example.com", "https://*.example.com"),
    ),
    "hsts": Sample("31536000", "31536000", 31_536_000, (*NUMBERS, "63072001")),
    "tls_certificate": Sample("cert.pem", '"cert.pem"', Path("cert.pem"), ("",)),
    "tls_key": Sample("key.pem", '"key.pem"', Path("key.pem"), ("",)),
    "access_key_file": Sample("key", '"key"', Path("key"), ("",)),
    "mask_key_file": Sample("secret", '"secret"', Path("secret"), ("",)),
    "keys_file": Sample("k/keys.json", '"k/keys.json"', Path("k/keys.json"), ("",)),
    "explain_keys": Sample(
        "75f3057cc391, 0123456789ab",
        '["75f3057cc391", "0123456789ab"]',
        ("75f3057cc391", "0123456789ab"),
        ("", "anna", "75F3057CC391", "75f3057cc39", "key:75f3057cc391"),
    ),
    "api_key_name": Sample(
        "code", '"code"', "code", ("", "$filter", "a b", "a&b", "1st", "\u00e4")
    ),
    "pass_through": Sample("yes", "true", True, ("", "maybe")),
    "entra_tenant": Sample(
        "3DF2EAF6-33d0-4a10-8ce8-7e596000ebe7",
        '"3df2eaf6-33d0-4a10-8ce8-7e596000ebe7"',
        "3df2eaf6-33d0-4a10-8ce8-7e596000ebe7",
        ("", "common", "contoso.onmicrosoft.com", "{3df2eaf6-33d0-4a10-8ce8-7e596000ebe7}"),
    ),
    "entra_audience": Sample(
        "https://b.example,ebe7",
        '["https://b.example/", "ebe7"]',
        ("https://b.example", "https://b.example/", "ebe7"),
        ("", ","),
    ),
    "entra_group": Sample(
        "3DF2EAF6-33d0-4a10-8ce8-7e596000ebe7=default",
        '{"3df2eaf6-33d0-4a10-8ce8-7e596000ebe7" = "default"}',
        (Grant("3df2eaf6-33d0-4a10-8ce8-7e596000ebe7", "default"),),
        ("", "default", "=default", "group=", "group=default/", "group=/role"),
    ),
    "entra_authority": Sample(
        "https://login.microsoftonline.us/",
        '"https://login.microsoftonline.us"',
        "https://login.microsoftonline.us",
        URLS,
    ),
    "allow_anonymous": Sample("yes", "true", True, ("", "perhaps", "2")),
    "page_size": Sample("100", "100", 100, (*NUMBERS, "0")),
    "max_page_size": Sample("200", "200", 200, (*NUMBERS, "0")),
    "fresh_for": Sample("1.5", "1.5", 1.5, SECONDS),
    "stale_for": Sample("20", "20", 20.0, SECONDS),
    "stale_if_error": Sample("0", "0", 0.0, SECONDS),
    "early_pages": Sample("false", "false", False, ("", "maybe")),
    "token_lifetime": Sample("60", "60", 60.0, SECONDS),
    "delta_lifetime": Sample("60", "60", 60.0, SECONDS),
    "full_refresh_every": Sample("7200", "7200", 7200.0, SECONDS),
    "snapshot_budget": Sample("64", "64", 64, (*NUMBERS, "0")),
    "page_budget": Sample("0", "0", 0, NUMBERS),
    "memory_limit": Sample("512", "512", 512, (*NUMBERS, "63")),
    "query_timeout": Sample("2.5", "2.5", 2.5, (*SECONDS, "0")),
    "extract_concurrency": Sample("2", "2", 2, (*NUMBERS, "0", "65")),
    "trust": Sample("STATED", '"stated"', "stated", ("", "hope")),
    "upstream_concurrency": Sample("2", "2", 2, (*NUMBERS, "0")),
    "upstream_timeout": Sample("5", "5", 5.0, (*SECONDS, "0", "0.0")),
    "retry_budget": Sample("0", "0", 0.0, SECONDS),
    "log_format": Sample("JSON", '"json"', "json", ("", "xml")),
    "log_level": Sample("debug", '"debug"', "debug", ("", "loud")),
    "request_log": Sample("0", "0", 0, NUMBERS),
    "metrics_token_file": Sample("m", '"m"', Path("m"), ("",)),
}

every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=[s.name for s in SETTINGS])


def value_of(settings: Settings, setting: Setting) -> object:
    found: object = getattr(settings, setting.name)
    return found


def as_option(setting: Setting, text: str) -> Any:
    """As click hands it over: a repeatable option is a tuple."""
    return (text,) if setting.repeatable else text


def test_the_table_and_the_settings_name_the_same() -> None:
    tables = {"workspace", "roles", "others"}
    names = [field.name for field in fields(Settings) if field.name not in tables]
    assert [setting.name for setting in SETTINGS] == names
    assert set(SAMPLES) == {setting.name for setting in SETTINGS}


@every_setting
def test_a_setting_stands_in_each_of_its_places(setting: Setting) -> None:
    sample = SAMPLES[setting.name]
    by_option = load_settings({setting.name: as_option(setting, sample.text)}, {})
    by_environment = load_settings({}, {setting.variable: sample.text})
    by_file = load_settings({}, {}, f"{setting.name} = {sample.toml}")
    for settings in (by_option, by_environment, by_file):
        assert value_of(settings, setting) == sample.value
    assert value_of(load_settings({}, {}), setting) != sample.value


@every_setting
def test_the_command_line_beats_the_environment_and_that_the_file(setting: Setting) -> None:
    sample = SAMPLES[setting.name]
    other = _text_of_default(setting)
    option = {setting.name: as_option(setting, sample.text)}
    variable = {setting.variable: sample.text}
    file_text = f"{setting.name} = {sample.toml}"
    if other is not None:
        assert value_of(load_settings(option, {setting.variable: other}), setting) == sample.value
    broken = f"{setting.name} = [[]]"
    assert value_of(load_settings(option, {}, broken), setting) == sample.value
    assert value_of(load_settings({}, variable, broken), setting) == sample.value
    assert value_of(load_settings({setting.name: None}, {}, file_text), setting) == sample.value


def _text_of_default(setting: Setting) -> str | None:
    match setting.default:
        case None | ():
            return None
        case tuple() as names:
            return ",".join(names)
        case value:
            return str(value)


CASES = [(setting, bad) for setting in SETTINGS for bad in SAMPLES[setting.name].bad]


@pytest.mark.parametrize(("setting", "bad"), CASES, ids=[f"{s.name}={b!r}" for s, b in CASES])
def test_a_bad_value_names_its_place_and_the_remedy(setting: Setting, bad: str) -> None:
    with pytest.raises(ValueError, match="must be ") as by_option:
        load_settings({setting.name: as_option(setting, bad)}, {})
    assert str(by_option.value).startswith(setting.option)
    with pytest.raises(ValueError, match="must be ") as by_environment:
        load_settings({}, {setting.variable: bad})
    assert str(by_environment.value).startswith(setting.variable)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("port = true", "the configuration file, line 1: port = True: must be"),
        ("port = [1]", "line 1: port = [1]: must be"),
        ("\nfresh_for = false", "line 2: fresh_for = False: must be"),
        ("host = 5", "line 1: host = 5: must be"),
        ("# x\n\ncustom_field = 5", "line 3: custom_field = 5: must be"),
        ("prot = 5", "line 1: there is no setting 'prot'; did you mean port?"),
        ("host = 'x'\nport = ", "line 2: not TOML: Invalid value"),
        ("[port]", "line 1: port = {}: must be"),
    ],
)
def test_a_bad_file_is_refused_by_name(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=re.escape(place)):
        load_settings({}, {}, text)


def test_all_proxies_or_none_may_be_trusted() -> None:
    assert load_settings({"trusted_proxies": "*"}, {}).trusted_proxies == ("*",)
    assert load_settings({"trusted_proxies": ""}, {}).trusted_proxies == ()


def test_custom_fields_may_be_many() -> None:
    wanted = (("a", "1"), ("b", "x=y"))
    assert load_settings({"custom_field": ("a=1", "b=x=y")}, {}).custom_field == wanted
    variable = {"SKILLHABIT_ODATA_CUSTOM_FIELD": "a=1, b=x=y"}
    assert load_settings({}, variable).custom_field == wanted
    assert load_settings({}, {}, '[custom_field]\na = "1"\nb = "x=y"').custom_field == wanted


def test_groups_keep_the_order_in_which_they_are_given() -> None:
    wanted = (Grant("hr", "acme", "people"), Grant("all", "acme"))
    assert load_settings({"entra_group": ("hr=acme/people", "all=acme")}, {}).entra_group == wanted
    table = '[entra_group]\nhr = "acme/people"\nall = "acme"'
    assert load_settings({}, {}, table).entra_group == wanted


@every_setting
def test_the_help_of_serve_tells_each_setting(setting: Setting) -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    assert re.search(rf"^  {setting.option} {setting.metavar}\b", text, re.MULTILINE)
    assert "SKILLHABIT_ODATA_" in text
    words = " ".join(text.split())
    assert setting.help.split()[1] in words


def test_a_secret_is_not_repeated() -> None:
    url = "redis://user:open-sesame@host:6379/0"
    settings = load_settings({"redis": url}, {})
    assert settings.redis == url
    assert "sesame" not in repr(settings)
    for wrong in ("http://:open-sesame@host", f"{url}?open-sesame=1", f"{url}/"):
        with pytest.raises(ValueError, match="--redis: must be") as refused:
            load_settings({"redis": wrong}, {})
        assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("body", ['{"password": "open-sesame"', '{"password": "open-sesame ${x}"}'])
def test_a_password_in_a_login_is_not_repeated(body: str) -> None:
    with pytest.raises(ValueError, match="--login-body: must be a JSON object") as refused:
        load_settings({"login_body": body}, {})
    assert "sesame" not in str(refused.value)
    settings = load_settings({"login_body": '{"password": "open-sesame"}'}, {})
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "port = 1\n\n[roles.hr]\nhide = [\n  'a',\n]\nsets = []",
            "gateway.toml, line 7: [roles.hr]",
        ),
        ("roles.hr.rows = ''", "gateway.toml, line 1: [roles.hr] rows: must be"),
        ("host = '''\na\nb'''\n[roles.hr]", "gateway.toml, line 4: [roles.hr] limits nothing"),
        ("[workspaces.a]\n\n'fresh_for' = -1", "gateway.toml, line 3: [workspaces.a] fresh_for"),
        (
            "[workspaces.a]\nfrsh_for = 1",
            "line 2: [workspaces.a] has no setting 'frsh_for'; did you",
        ),
        ("port = 1\nhost = x\n", "gateway.toml, line 2, column 8: not TOML: Invalid value"),
        ("workspaces = 1", "gateway.toml, line 1: [workspaces] must be a table"),
        ("port = 1\nport = 2", "gateway.toml, line 2: not TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=re.escape(place)):
        load_settings({}, {}, text, "gateway.toml")


def test_it_is_known_where_a_value_was_given() -> None:
    environment = {"SKILLHABIT_ODATA_PORT": "2", "SKILLHABIT_ODATA_HOST": "b"}
    found = origins({"host": "a"}, environment, "port = 1\nworkers = 2", "gateway.toml")
    assert found["host"] == "--host"
    assert found["port"] == "SKILLHABIT_ODATA_PORT"
    assert found["workers"] == "gateway.toml, line 2"
    assert found["page_size"] == "default"
    assert [*found] == [setting.name for setting in SETTINGS]
