"""Reference pages that are generated from the code; `python -m tests.docs.render` writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click

from gateway.cli import main
from gateway.cli.exits import Exit
from gateway.config import SETTINGS, Setting
from gateway.config.schema import SCHEMA_FILE, json_schema
from gateway.figures.definitions import (
    AVERAGE_PROGRESS,
    DUE,
    FIGURES,
    TIME_TO_COMPLETE,
    VALIDITY,
    Figure,
)
from gateway.figures.queries import DAYS
from gateway.pages.languages import read_texts
from tests.figures.measures import APART, SAME

_MEASURES = (TIME_TO_COMPLETE, AVERAGE_PROGRESS)
DOCS = Path(__file__).parents[2] / "docs"
_COLUMNS = 100

_SETTINGS_HEAD = f"""# Settings

Set each on the command line as below, in the environment as `SKILLHABIT_ODATA_` and the name in
capitals, or in the file of `--config` (`SKILLHABIT_ODATA_CONFIG`) under the name with underscores.
The first one given wins. `skillhabit-odata config show` prints what is in force and where it was
set.

The file may also have [roles and workspaces](roles.md). [{SCHEMA_FILE}]({SCHEMA_FILE})
describes it to editors, and `skillhabit-odata init` writes one. This page is generated from
`gateway/config/table.py`.

"""

_CLI_HEAD = """# Commands

Below is the `--help` of each command. In double quotes a shell takes `$filter` for one of its own
variables; write OData's options without `$`. On a terminal, tables fit the window and long texts
are cut; in a pipe they are complete. Progress appears on stderr, on a terminal only. This page is
generated from `gateway/cli`.

## Exit codes

| code | meaning |
|---|---|
"""

_COMPLETION = """
## Completion

Your shell can complete commands, options and choices. For bash, add to `~/.bashrc`:

```sh
eval "$(_SKILLHABIT_ODATA_COMPLETE=bash_source skillhabit-odata)"
```

For zsh, add the same with `zsh_source` to `~/.zshrc`; for fish, run
`_SKILLHABIT_ODATA_COMPLETE=fish_source skillhabit-odata | source`.
"""

_FIGURES_HEAD = """# Figures

What the page *Insights* counts. One definition serves its cards, its tables, the rows behind
them, the pages of a person and of a content, and this page, which is generated from
`gateway/figures`. Each figure is the number of the results that meet a condition, of those that
meet another; each card shows its query, which any client can send. A figure that counts people
counts those of whom any, or all, of the results that meet *of* meet *counts*.

- `required` is a mandatory result: `enrollmentType eq 'MANDATORY'`. `enrolled` is a mandatory
  or an optional one; who was never assigned is in no rate.
- `met` is an enrolled result that is approved, and whose validity has not ended; or one with a
  certificate that is still valid, whatever its state, because a course opens again before its
  certificate ends.
- `now` is the instant of the snapshot, so that all figures of a page agree. `in30` is 30 days
  later, `ago30` 30 days earlier.
- A period is a number of whole days in UTC. It limits only figures with a *date*: in them, *counts*
  and *of* hold results with that date in the period. All other figures are of the present, and
  the page says so on each. No period applies to changes (`updatedAt`): a change moves that date,
  so the past would shrink every day.
- The API does not say what `expiryDate` means: until when something must be done, or until when
  it is valid. The contract file says it (`meaning`, which `init` learns from the rows). Where
  nothing shows it, the date counts as the end of validity. Figures that need the other meaning
  do not exist then.
- A percentage is empty if there is nothing to count. A person in three groups counts in each of
  them.
- **Time to complete** and **Average progress** are not numbers of results. OData has no median: the
  query counts the results for each number of whole days, `{days}`, and the
  median and the quartiles are read from these counts.

| figure | meaning | counts | of | date | needs |
|---|---|---|---|---|---|
"""

_MEASURES_HEAD = """
## Measures of the Power BI files

The measures of the [Power BI files](powerbi.md) keep their own definitions, and their present is
the time of the report, not that of the snapshot. These count the same as a figure (in brackets):
{same}. The others of a similar name differ:

| measure | figure | how the measure differs |
|---|---|---|
"""

_DECISIONS_HEAD = """# Decisions

Choices that are not obvious, with their reasons and their cost. This page is generated from the
titles.

"""


def settings_table() -> str:
    """Return the table of all settings."""
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for setting in SETTINGS:
        name = f"`{setting.option} {setting.metavar}`"
        lines.append(f"| {name} | {_default(setting)} | {setting.help} |")
    return "\n".join(lines) + "\n"


def _default(setting: Setting) -> str:
    default = setting.default
    if default in (None, ()):
        return ""
    return f"`{','.join(default) if isinstance(default, tuple) else str(default).lower()}`"


def commands_page() -> str:
    """Return the help of every command."""
    codes = "\n".join(f"| {code.value} | {code.meaning} |" for code in Exit)
    return f"{_CLI_HEAD}{codes}\n{_COMPLETION}{''.join(_commands(main, 'skillhabit-odata'))}"


def _commands(group: click.Group, name: str) -> Iterator[str]:
    nothing = click.Context(group)
    for each in group.list_commands(nothing):
        command = group.get_command(nothing, each)
        assert command is not None
        whole = f"{name} {each}"
        if isinstance(command, click.Group):
            yield from _commands(command, whole)
            continue
        context = click.Context(
            command,
            info_name=whole,
            terminal_width=_COLUMNS,
            max_content_width=_COLUMNS,
            help_option_names=["-h", "--help"],
        )
        title = whole.removeprefix("skillhabit-odata ")
        yield f"\n## {title}\n\n```text\n{command.get_help(context)}\n```\n"


def decisions_page() -> str:
    """Return the list of all decisions, by number."""
    pages = sorted(page for page in (DOCS / "decisions").glob("*.md") if page.name[0].isdigit())
    lines = (f"- [{_title(page)}]({page.name})" for page in pages)
    return _DECISIONS_HEAD + "\n".join(lines) + "\n"


def _title(page: Path) -> str:
    return page.read_text("utf-8").partition("\n")[0].removeprefix("# ")


def figures_page() -> str:
    """Return what each figure counts, with the names and meanings of the pages."""
    words = vars(read_texts().insights.figures)
    lines = [_figure(figure, words[figure.name]) for figure in (*FIGURES, *_MEASURES)]
    same = ", ".join(f"{name} ({words[figure].title})" for name, figure in SAME.items())
    apart = (f"| {n} | {words[f].title} | {how} |" for n, (f, how) in APART.items())
    measures = _MEASURES_HEAD.format(same=same) + "\n".join(apart)
    return _FIGURES_HEAD.format(days=DAYS) + "\n".join(lines) + f"\n{measures}\n"


def _figure(figure: Figure, text: SimpleNamespace) -> str:
    of = f"`{figure.of}`" if figure.of else "all people" if figure.people else "all results"
    needs = {DUE: "due date", VALIDITY: "end of validity"}.get(figure.needs, "")
    counts = f"`{figure.counts}`" + (
        f"; without a period also `{figure.usual}`" * bool(figure.usual)
    )
    people = {"any": "people, any: ", "all": "people, all: "}.get(figure.people, "")
    date = f"`{figure.dated}`" if figure.dated else ""
    return f"| {text.title} | {text.meaning} | {people}{counts} | {of} | {date} | {needs} |"


def schema_text() -> str:
    """Return the JSON schema of the configuration file."""
    return json.dumps(json_schema(), indent=2) + "\n"


def pages() -> dict[Path, str]:
    """Return the expected text of each generated file."""
    return {
        DOCS / "settings.md": _SETTINGS_HEAD + settings_table(),
        DOCS / "cli.md": commands_page(),
        DOCS / "decisions" / "index.md": decisions_page(),
        DOCS / "figures.md": figures_page(),
        DOCS / SCHEMA_FILE: schema_text(),
    }


def write_pages() -> None:
    """Write all generated files."""
    for path, text in pages().items():
        path.write_text(text, "utf-8")
