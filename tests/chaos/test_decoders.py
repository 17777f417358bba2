from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("atheris", reason="the fuzzer of decoders is not installed")

from chaos import decoders
from chaos.outcome import Size
from chaos.targets import TARGETS
from paretoscope.errors import ParetoscopeError


def test_no_decoder_breaks_on_what_a_fuzzer_makes() -> None:
    outcome = decoders.trial(Size(0.0), print)
    assert not outcome.missed


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"tiff", "picture"}))
def test_every_target_takes_its_own_seeds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of what is sent in earnest is read: a target that refuses all would find nothing."""
    refusals: list[str] = []
    made = ParetoscopeError.__init__

    def recorded(self: ParetoscopeError, *args: Any, **told: Any) -> None:
        made(self, *args, **told)
        refusals.append(self.code)

    monkeypatch.setattr(ParetoscopeError, "__init__", recorded)
    fuzz, seeds = TARGETS[name].make(), TARGETS[name].seeds()
    read, tries = 0, 2 if name == "request" else 1  # with pixels and without
    for seed in seeds:
        before = len(refusals)
        fuzz(seed)
        read += len(refusals) - before < tries
    assert read >= 1, refusals


def test_a_decoder_that_breaks_is_told_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(command: list[str]) -> list[str]:
        corpus = command[-1]
        code = (
            "import atheris, sys\n"
            "def fuzz(data):\n    if data.startswith(b'no'): raise KeyError('x')\n"
            f"open({corpus!r} + '/seed', 'wb').write(b'no!')\n"
            "atheris.Setup(sys.argv, fuzz)\natheris.Fuzz()\n"
        )
        return [sys.executable, "-c", code, *command[4:]]

    monkeypatch.setattr(decoders, "tethered_command", broken)
    monkeypatch.setattr(decoders, "MOST_CRASHES", 1)
    found = decoders.fuzz("request", 1000, 64, 1)
    (crash,) = found.crashes
    assert "KeyError" in crash
    assert b"no".hex() in crash
