"""The settings of a login: how the gateway obtains its own token of the Analytics API by itself."""

from __future__ import annotations

from gateway.config.converters import as_choice, as_pairs, as_path, as_text
from gateway.config.login_converters import (
    as_endpoint,
    as_lifetime,
    as_login_body,
    as_member,
)
from gateway.config.setting import Setting, Share

SIGN_IN_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "login_url",
        as_endpoint,
        None,
        "path below --upstream, or URL, that exchanges the credentials of --login-body for a token",
        "URL",
        share=Share.OWN,
    ),
    Setting(
        "login_body",
        as_login_body,
        None,
        "JSON object to POST there; ${env.NAME} is a variable's value, ${file.PATH} a file's",
        "JSON",
        secret=True,
        share=Share.OWN,
    ),
    Setting(
        "login_format",
        as_choice("json", "form"),
        "json",
        "how the object is sent: json, or form for application/x-www-form-urlencoded",
        "FORMAT",
        share=Share.OWN,
    ),
    Setting(
        "login_token",
        as_member,
        None,
        "place of the token in the response, e.g. data.token; access_token, accessToken, token and"
        " jwt are found without it",
        "PATH",
        share=Share.OWN,
    ),
    Setting(
        "login_lifetime",
        as_lifetime,
        None,
        "lifetime of a token: seconds, or their place in the response; by default expires_in,"
        " expiresIn or the token's exp",
        "SECONDS|PATH",
        share=Share.OWN,
    ),
    Setting(
        "oauth_token_url",
        as_endpoint,
        None,
        "path below --upstream, or URL, of the token endpoint for OAuth 2.0 client credentials",
        "URL",
        share=Share.OWN,
    ),
    Setting("oauth_client_id", as_text, None, "the client's ID there", "ID", share=Share.OWN),
    Setting(
        "oauth_client_secret_env",
        as_text,
        None,
        "environment variable that holds the client's secret",
        "NAME",
        share=Share.OWN,
    ),
    Setting(
        "oauth_client_secret_file",
        as_path,
        None,
        "file with the client's secret, read at each login",
        "FILE",
        share=Share.OWN,
    ),
    Setting(
        "oauth_scope",
        as_text,
        None,
        "scopes to request, separated by spaces",
        "SCOPES",
        share=Share.OWN,
    ),
    Setting(
        "oauth_client_auth",
        as_choice("basic", "body"),
        "basic",
        "where the client's ID and secret are sent: basic for a header, or body",
        "PLACE",
        share=Share.OWN,
    ),
    Setting(
        "oauth_parameter",
        as_pairs,
        (),
        "a further parameter that the token endpoint needs, e.g. audience=https://api; repeatable",
        "NAME=VALUE",
        repeatable=True,
        share=Share.OWN,
    ),
)

LOGIN_NAMES: tuple[str, ...] = tuple(setting.name for setting in SIGN_IN_SETTINGS)
