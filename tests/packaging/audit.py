"""`make audit`: known vulnerabilities of what the lock file names, or why they could not be asked.

pip-audit calls a package that its service does not know "skipped", and ends well. Here what was not
looked up is said: a mirror that serves packages and no advisories would look like a clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.packaging.lock import RUNTIME


def audit() -> int:
    """0 when nothing is known, or nothing could be asked; 1 when something is."""
    program = Path(sys.executable).with_name("pip-audit")
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run(
        [str(program), "-r", str(RUNTIME), *options, "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return report(done.stdout, done.stderr)


def report(output: str, errors: str) -> int:
    """Print what pip-audit found, in JSON, or why it found nothing."""
    try:
        found: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        reason = errors.strip().splitlines()[-1:] or ["no answer"]
        print(f"audit skipped: the advisory service cannot be reached ({reason[0][:200]})")
        return 0
    looked_up = [package for package in found if "vulns" in package]
    if not looked_up:
        print("audit skipped: the advisory service knows none of the packages")
        return 0
    known = [(package, flaw) for package in looked_up for flaw in package["vulns"]]
    for package, flaw in known:
        fixed = ", ".join(flaw["fix_versions"]) or "no version"
        print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    share = f"{len(looked_up)} of {len(found)}"
    print(f"{len(known)} known vulnerabilities; {share} packages looked up")
    return 1 if known else 0


if __name__ == "__main__":
    raise SystemExit(audit())
