"""Claims of a description and of a recording add up, and the description wins."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.discovery.claims.claims import Claims, EndpointClaim, Source
from gateway.discovery.claims.files import claims_from_file
from gateway.discovery.claims.merge import merged
from gateway.discovery.claims.openapi import claims_from_openapi
from tests.discovery.claims.descriptions import STATES, description
from tests.discovery.claims.recorded import har, request

DOCUMENTED = claims_from_openapi(json.dumps(description("3.1.0")))
RECORDED = claims_from_file(json.dumps(har(request())).encode())


def at(claims: Claims, path: str) -> Claims:
    """Return claims whose results are at another path."""
    assert claims.results is not None
    return replace(claims, results=replace(claims.results, path=path))


def results_of(claims: Claims) -> EndpointClaim:
    assert claims.results is not None
    return claims.results


def test_a_recording_fills_what_a_description_leaves_open() -> None:
    whole = merged([DOCUMENTED, at(RECORDED, "/analyse/results")])
    results = results_of(whole)
    members = {".".join(member.path): member for member in results.request}
    assert results.path == "/v1/analyse/results"
    assert members["filters.states.[]"].enum == tuple(STATES)
    assert members["page.number"].constant == 1
    assert members["page.number"].source is Source.DOCUMENTED
    assert members["sort.[].field"].source is Source.EXAMPLE
    assert [candidate.value for candidate in results.constants] == [False, "ws_1", 2]
    assert whole.sources == (*DOCUMENTED.sources, *RECORDED.sources)
    assert whole.login == DOCUMENTED.login


def test_endpoints_at_other_paths_are_not_mixed() -> None:
    whole = merged([DOCUMENTED, at(RECORDED, "/other/results")])
    assert whole.results == DOCUMENTED.results
    assert "/other/results" in whole.notes[-1]


def test_one_source_alone_is_unchanged() -> None:
    for claims in (DOCUMENTED, RECORDED, Claims()):
        assert merged([claims]) == claims
        assert merged([claims, Claims()]) == merged([Claims(), claims]) == claims
        assert merged([claims, claims]) == claims
