"""Known holes in what the lock files pin, and secrets in the tree.  `make audit`

Exit code 1: something was found. 2: nothing was found, and something could not be looked at (without a
vulnerability service there is no audit, and saying nothing would look like a clean one).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")
NOT_SCANNED = re.compile(r"\.(png|bin|lock|svg)$|static/vendor/|^docs/reference/openapi\.json$")
"""Pictures, packed documents, and texts of hashes and versions."""


def packages(lock: str) -> tuple[list[str], list[str], str]:
    """(holes, packages that could not be looked up, why nothing could be asked or '')."""
    # fmt: off
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", lock, "--no-deps", "--disable-pip",
        "--progress-spinner", "off", "--timeout", "15", "--format", "json",
    ]
    # fmt: on
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    try:
        found = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError):
        return [], [], (told.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {hole['fix_versions'] or 'no version yet'}"
        for one in found
        for hole in one.get("vulns", [])
    ]
    return holes, [one["name"] for one in found if "skip_reason" in one], ""


def secrets(files: list[str], root: Path = ROOT) -> list[str]:
    """'file:line kind' of everything that looks like a secret."""
    command = [sys.executable, "-m", "detect_secrets", "scan", "--all-files", *files]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)["results"]
    return [f"{file}:{one['line_number']} {one['type']}" for file, kinds in found.items() for one in kinds]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [file for file in listed.stdout.splitlines() if not NOT_SCANNED.search(file)]


def main() -> int:
    found, unseen = 0, 0
    for lock in LOCKS:
        holes, skipped, failed = packages(lock)
        found, unseen = found + len(holes), unseen + len(skipped) + bool(failed)
        for hole in holes:
            print(f"hole     {lock}: {hole}")
        if failed:
            print(f"NOT AUDITED  {lock}: {failed}")
        elif skipped:
            some = ", ".join(skipped[:3])
            print(
                f"NOT AUDITED  {lock}: the vulnerability service knows nothing of {len(skipped)} packages, "
                f"or cannot be reached from here ({some}, ...)"
            )
        elif not holes:
            print(f"ok       {lock}: no known holes")
    files = tracked()
    leaks = secrets(files)
    for leak in leaks:
        print(f"secret?  {leak}")
    if not leaks:
        print(f"ok       no secrets in {len(files)} files")
    return 1 if found or leaks else 2 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
