"""A real ECMAScript engine for tests: node, which is asked through a pipe."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Sequence

NODE = shutil.which("node")
_PROGRAM = """
const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = asked.map(([pattern, texts]) => {
  try {
    const compiled = new RegExp(pattern, "u");
    return texts.map((text) => compiled.test(text));
  } catch (error) {
    return null;
  }
});
process.stdout.write(JSON.stringify(found));
"""


def found_by_node(asked: Iterable[tuple[str, Sequence[str]]]) -> list[list[bool] | None]:
    """Whether each pattern, with flag u, is found in each of its texts; None for no pattern."""
    assert NODE is not None
    answer = subprocess.run(
        [NODE, "-e", _PROGRAM],
        input=json.dumps(list(asked)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[list[bool] | None] = json.loads(answer.stdout)
    return found
