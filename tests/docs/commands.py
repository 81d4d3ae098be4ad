"""The commands of the documents: found, run in order, and compared with what is shown.

In a `sh` or `bash` block every line is typed. In a `console` block the lines behind `$ ` are typed,
and the lines below are what is printed; `...` stands for any text, alone on a line for any lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.config import SETTINGS
from tests.docs.render import ROOT

GATEWAY, SANDBOX = "http://127.0.0.1:8000", "http://127.0.0.1:9000"
"""Where the documents say that a gateway and a sandbox are."""
_BLOCK = re.compile(r"^( *)```(sh|bash|console)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"((?:[^\n]*\\\n)*[^\n]*\n)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands; `steps` are what is typed and, in a console, what is printed."""

    page: str
    kind: str
    text: str

    @property
    def first(self) -> str:
        """The first line that is typed: by it a block is named."""
        return self.text.partition("\n")[0].removeprefix("$ ")

    @property
    def steps(self) -> list[tuple[str, str | None]]:
        """Each command with its output; None where nothing is said of it."""
        if self.kind != "console":
            return [(self.text, None)]
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        found = (_STEP.fullmatch(part) for part in parts)
        return [(step[1], step[2]) for step in found if step is not None]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    name = str(page.relative_to(ROOT))
    found = _BLOCK.findall(page.read_text("utf-8"))
    return [Block(name, kind, textwrap.dedent(text)) for _, kind, text in found]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A reader's terminal: a folder, and the gateway and the sandbox that they have started."""

    folder: Path
    gateway: str
    sandbox: str

    def run(self, block: Block) -> Iterator[str]:
        """Run a block; yields what is not as it says."""
        for command, shown in block.steps:
            done = self._type(command)
            output = self.as_shown(done.stdout + (done.stderr if block.kind == "console" else ""))
            if shown is None and done.returncode != 0:
                yield f"{command}ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            elif shown is not None and not pattern(shown).fullmatch(output):
                yield f"{command}printed:\n{output}\nnot:\n{shown}"

    def as_shown(self, output: str) -> str:
        """An output with the addresses of the documents, and a line break at its end."""
        output = output if output.endswith("\n") or not output else f"{output}\n"
        return output.replace(self.gateway, GATEWAY).replace(self.sandbox, SANDBOX)

    def as_typed(self, text: str) -> str:
        """A text of the documents with the addresses that are here."""
        return text.replace(GATEWAY, self.gateway).replace(SANDBOX, self.sandbox)

    @property
    def environment(self) -> dict[str, str]:
        """Commands are found, curl fails where a request does, and no setting leaks in."""
        (self.folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n", "utf-8")
        ours = {setting.variable for setting in SETTINGS} | {"SKILLHABIT_ODATA_CONFIG"}
        plain = {name: value for name, value in os.environ.items() if name not in ours}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return plain | {
            "PATH": path,
            "CURL_HOME": str(self.folder),
            "ROOT": f"{self.gateway}/odata/v4",
            "COLUMNS": "100",
        }

    def _type(self, command: str) -> subprocess.CompletedProcess[str]:
        script = self.as_typed(command).replace(".venv/bin/", "")
        return subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def pattern(shown: str) -> re.Pattern[str]:
    """What an output must be."""
    lines = (
        r"(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", ".*")
        for line in shown.splitlines(keepends=True)
    )
    return re.compile("".join(lines))
