"""``python -m paretoscope.bridge.keys FOLDER NAME...``: keys for frames from other machines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from paretoscope.bridge.security import BRIDGE, make_keys
from paretoscope.errors import ParetoscopeError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="paretoscope.bridge.keys", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the bridge will look (PARETOSCOPE_FRAMES_KEYS)")
    parser.add_argument("client", nargs="+", help="name of a client that may send")
    given = parser.parse_args(arguments)
    try:
        made = make_keys(given.folder, *given.client)
    except ParetoscopeError as error:
        print(error.hint, file=sys.stderr)
        return 2
    for secret in made:
        print(f"Take {secret} and {given.folder / BRIDGE}.key to the client; delete the secret here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
