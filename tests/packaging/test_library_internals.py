"""Code of libraries that the gateway uses beyond their public interface, watched for changes.

An upper bound in pyproject.toml keeps the next minor version away. A version within the bounds, or
a new bound, may still change this code: then a test fails and names the module to read again.
"""

from __future__ import annotations

import hashlib
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from lark import Lark
from lark.lexer import Lexer
from lark.parsers.lalr_analysis import IntParseTable, LALR_Analyzer, ParseTableBase
from lark.parsers.lalr_parser import LALR_Parser
from packaging.requirements import Requirement
from packaging.version import Version
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.supervisors.multiprocess import Multiprocess

from tests.packaging.lock import RUNTIME, pins, project

Code = type[Any] | Callable[..., Any]
_PROTOCOL = "gateway/web/slow_clients.py, request_size.py and bad_http.py"
_TABLES = "grammar/parse/tables.py and lalr_runtime.py"
USED: list[tuple[Code, str, str]] = [
    (HttpToolsProtocol.__init__, "264f2f067596", _PROTOCOL),
    (HttpToolsProtocol.connection_made, "ba1915817ccf", _PROTOCOL),
    (HttpToolsProtocol.connection_lost, "21bb5222b359", _PROTOCOL),
    (HttpToolsProtocol._unset_keepalive_if_required, "58f4ffce604d", _PROTOCOL),
    (HttpToolsProtocol.data_received, "02c2572f1df5", _PROTOCOL),
    (HttpToolsProtocol.send_400_response, "0b0d3ace8d26", _PROTOCOL),
    (HttpToolsProtocol.on_message_begin, "0efab6f9456c", _PROTOCOL),
    (HttpToolsProtocol.on_url, "4670fe11c5fd", _PROTOCOL),
    (HttpToolsProtocol.on_header, "374f1e380c06", _PROTOCOL),
    (HttpToolsProtocol.on_headers_complete, "7e259152e5aa", _PROTOCOL),
    (HttpToolsProtocol.on_body, "415b4cef19fb", _PROTOCOL),
    (HttpToolsProtocol.on_message_complete, "377f9122ee6f", _PROTOCOL),
    (HttpToolsProtocol.on_response_complete, "5684fd801d06", _PROTOCOL),
    (HttpToolsProtocol.shutdown, "4822ef10fa98", _PROTOCOL),
    (HttpToolsProtocol.pause_writing, "0d1d5ff82217", _PROTOCOL),
    (HttpToolsProtocol.resume_writing, "89f3ffd1fdaf", _PROTOCOL),
    (RequestResponseCycle, "e67d470d435d", _PROTOCOL),
    (FlowControl, "126debcdaa89", _PROTOCOL),
    (Multiprocess.__init__, "6c2eb06aa793", "gateway/cli/workers.py"),
    (Multiprocess.init_processes, "b4b6558037e3", "gateway/cli/workers.py"),
    (Multiprocess.run, "451a5dcf4789", "gateway/cli/workers.py"),
    (Lark.__init__, "1f23a150e1da", _TABLES),
    (Lexer, "658879c58c34", _TABLES),
    (ParseTableBase, "426d1c00b673", _TABLES),
    (IntParseTable, "4a3d7349081a", _TABLES),
    (LALR_Parser.__init__, "91ad62e9a994", _TABLES),
    (LALR_Analyzer.compute_lalr1_states, "c919737984dc", _TABLES),
]
"""Code of a library, the digest of its source when our code was last compared, and our code."""


def digest_of(code: Code) -> str:
    source = textwrap.dedent(inspect.getsource(code))
    return hashlib.sha256(source.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("code", "digest", "ours"), USED, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_the_inside_of_a_library_is_what_our_code_was_compared_with(
    code: Code, digest: str, ours: str
) -> None:
    assert digest_of(code) == digest, (
        f"{code.__module__}.{code.__qualname__} has changed; compare {ours} with it, then write the"
        " new digest"
    )


@pytest.mark.parametrize("name", sorted({code.__module__.partition(".")[0] for code, _, _ in USED}))
def test_a_library_whose_inside_is_used_has_an_upper_bound(name: str) -> None:
    """The next minor version is not installed before its code was read."""
    found = (Requirement(text) for text in project()["project"]["dependencies"])
    (requirement,) = (each for each in found if each.name == name)
    locked = Version(pins(RUNTIME)[name].version)
    assert requirement.specifier.contains(locked)
    assert not requirement.specifier.contains(f"{locked.major}.{locked.minor + 1}.0")
