"""Sources of the upstream's token: what they give, when they ask anew, and what they never say."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import jwt
import pytest

from gateway.auth.tokens import (
    TOKEN_VARIABLE,
    CommandToken,
    TokenOptions,
    TokenSource,
    run_command,
    token_source,
)
from gateway.errors import ConfigurationProblem, UpstreamRejectedToken
from gateway.observe import Clock
from gateway.sandbox import Dataset, make_token
from tests.snapshots.tables import Watch
from tests.support.live import SECRET, Ahead, bridge
from tests.support.wire import send

pytestmark = pytest.mark.anyio

START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Desk:
    """A command that prints a new token at each run, and a clock."""

    lifetime: float = 3600
    owner: str = "gateway"
    seconds: float = 0
    runs: int = 0
    failure: str = ""
    watch: Watch = field(default_factory=Watch)

    def run(self) -> str:
        self.runs += 1
        if self.failure:
            raise UpstreamRejectedToken(self.failure)
        return self.token(self.runs) + "\n"

    def token(self, number: int) -> str:
        end = (START + timedelta(seconds=self.seconds + self.lifetime)).timestamp()
        return jwt.encode({"sub": self.owner, "jti": str(number), "exp": end}, SECRET)

    def source(self) -> CommandToken:
        clock = Clock(lambda: START + timedelta(seconds=self.seconds), lambda: self.seconds)
        return CommandToken(self.run, clock, self.watch.observer)


async def said(source: TokenSource) -> str:
    with pytest.raises(UpstreamRejectedToken) as raised:
        await source()
    return raised.value.message


async def test_a_command_runs_once_until_its_token_expires() -> None:
    desk = Desk(lifetime=3600)
    source = desk.source()
    first = await source()
    desk.seconds = 3500
    assert (await source(), desk.runs) == (first, 1)
    desk.seconds = 3580
    assert (await source() != first, desk.runs) == (True, 2)


async def test_a_refused_token_is_asked_for_anew_once_for_all() -> None:
    desk = Desk()
    source = desk.source()
    first, others = await source(), set()
    desk.seconds = 10

    async def ask() -> None:
        others.add(await source(first))

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask)
    assert len(others - {first}) == 1
    assert desk.runs == 2


async def test_a_command_that_fails_is_not_run_for_each_of_many_calls() -> None:
    desk = Desk(failure="it ended with exit code 3")
    source = desk.source()
    assert desk.watch.log == [desk.failure]
    assert {await said(source) for _ in range(50)} == {desk.failure}
    assert desk.runs == 1
    desk.seconds, desk.failure = 2, ""
    assert await source()


async def test_whose_token_it_is_outlives_one_token_and_a_failure() -> None:
    desk = Desk()
    source = desk.source()
    before = source.identity()
    desk.seconds, desk.failure = 4000, "out of order"
    await said(source)
    assert source.identity() == before
    desk.seconds, desk.failure = 4010, ""
    await source()
    assert source.identity() == before
    desk.seconds, desk.owner = 8000, "another"
    await source()
    assert source.identity() != before


async def test_who_has_no_token_yet_shares_with_nobody() -> None:
    desks = [Desk(failure="out of order") for _ in range(2)]
    assert len({desk.source().identity() for desk in desks}) == 2


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import time; print('secret-out', flush=True); time.sleep(60)", "longer than 0.3 seconds"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ("[print('secret-out' * 1_000) for _ in iter(int, 1)]", "more than 64 KiB"),
        ("import os; os.fork() or __import__('time').sleep(2.60)", "longer than 0.3 seconds"),
    ],
)
def test_a_program_that_fails_is_told_without_what_it_wrote(script: str, told: str) -> None:
    script = "import sys; sys.stderr.write('secret-err'); " + script
    with pytest.raises(UpstreamRejectedToken, match=told) as raised:
        run_command((sys.executable, "-c", script, "secret-argument"), 0.3 if "60" in script else 9)
    shown = repr(raised.value) + repr(raised.value.__cause__) + raised.value.message
    assert "secret" not in shown


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(UpstreamRejectedToken, match="No such file"):
        run_command(("/no/such/program",))


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    words = "$HOME `id` ; touch x"
    printed = run_command((sys.executable, "-c", "import sys; print(sys.argv[1])", words))
    assert printed.strip() == words


@pytest.mark.parametrize("text", ["", "two\nlines", "ünicode"])
async def test_a_variable_without_a_token_is_named(text: str) -> None:
    source = named(TokenOptions(variable="MY_TOKEN"), MY_TOKEN=text)
    assert "MY_TOKEN" in await said(source)


async def test_a_variable_is_read_when_no_source_is_named() -> None:
    token = make_token(SECRET)
    assert await named(TokenOptions(), **{TOKEN_VARIABLE: f" {token}\n"})() == token
    assert await named(TokenOptions(variable="MY_TOKEN"), MY_TOKEN=token)() == token


def test_a_choice_between_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="only one of"):
        TokenOptions(file=tmp_path, variable="MY_TOKEN")
    assert "secret" not in repr(TokenOptions(command=("vault", "secret")))


def named(source: TokenOptions, **environment: str) -> TokenSource:
    return token_source(source, environment, Clock(lambda: START, lambda: 0.0), Watch().observer)


def test_a_401_runs_the_command_once_more_and_the_client_sees_rows(
    dataset: Dataset, tmp_path: Path
) -> None:
    """The first token is refused; the program prints another as soon as the file has one."""
    file = tmp_path / "token"
    file.write_text("one-of-yesterday", "utf-8")
    print_it = "import sys; print(open(sys.argv[1]).read())"
    command = [sys.executable, "-c", print_it, str(file)]
    settings = {"token_file": None, "token_command": command, "retry_budget": 0}
    ahead = Ahead()
    with bridge(dataset, settings=settings, gateway_clock=ahead.clock) as gateway:
        refused = send(gateway.root, "/odata/v4/Results?$top=3")
        assert refused.status == 502
        assert "one-of-yesterday" not in refused.text
        file.write_text(make_token(SECRET), "utf-8")
        ahead.seconds += 1.0  # it is not run twice within a second
        assert send(gateway.root, "/odata/v4/Results?$top=4").status == 200
