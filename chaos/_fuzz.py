"""``python -m chaos._fuzz TARGET [libFuzzer's options] FOLDER``: one target, in a process that ends with it.

The fuzzer never returns.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

import atheris

WATCHED = ("paretoscope", "paretoscope_client", "http.cookies", "tifffile", "PIL")
"""Modules through which the fuzzer follows its inputs' ways, looking for new ones."""


def main() -> None:
    name, folder = sys.argv.pop(1), Path(sys.argv[-1])
    with atheris.instrument_imports(include=list(WATCHED)):  # type: ignore[attr-defined]
        from chaos import targets

        target = targets.every() if name == "every" else targets.TARGETS[name]
        fuzz = target.make()
    for number, seed in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
    logging.disable(logging.CRITICAL)  # each refusal is told, and there are millions of them
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
