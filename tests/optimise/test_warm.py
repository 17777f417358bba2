"""Warming up: in a process of its own, because it lasts for a process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def run(code: str, timeout_s: float) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=timeout_s, env=environment)


@pytest.mark.slow
def test_a_warmed_process_says_so_and_compiles_nothing_again():
    code = (
        "from paretoscope.optimise.warm import is_warm, warm_up\n"
        "assert not is_warm()\n"
        "first = warm_up()\n"
        "assert is_warm() and warm_up() is first\n"
        "assert first.kernel or first.note\n"
    )
    run(code, timeout_s=110)


def test_a_cold_process_never_compiles_in_a_search():
    code = (
        "import numpy as np\n"
        "from paretoscope.optimise.warm import is_warm, never_compile\n"
        "never_compile()\n"
        "from paretoscope.optimise.qnehvi import BayesianOptimiser\n"
        "optimiser = BayesianOptimiser(2, (1.0, 1.0))\n"
        "x = np.random.default_rng(0).random((8, 2))\n"
        "optimiser.observe(x, x)\n"
        "optimiser.suggest(1)\n"
        "from botorch.acquisition.multi_objective import logei\n"
        "assert logei._C is None and not is_warm()\n"
    )
    run(code, timeout_s=60)
