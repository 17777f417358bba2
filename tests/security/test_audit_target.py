"""What ``make audit`` and lint promise: secrets are found, nothing unpickles, silence is not clean."""

from __future__ import annotations

import ast
import importlib.util
import json
import secrets as random
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("service", "clients", "instrument_sim", "benchmarks", "chaos", "examples", "docs", ".ci")
FORBIDDEN = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.fixture(scope="module")
def audit():
    pytest.importorskip("detect_secrets", reason="the audit's tools are not installed")
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_secret_in_the_tree_is_found(audit, tmp_path: Path) -> None:
    key = "AKIA" + "".join(random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
    (tmp_path / "leak.py").write_text(f'aws = "{key}"\n')
    (tmp_path / "fine.py").write_text("dwell_us = 5.0\n")
    (leak,) = audit.secrets(["leak.py", "fine.py"], tmp_path)
    assert leak.startswith("leak.py:1 ")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, 0),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, 2),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": ["2"]}]}]}, 1),
        (None, 2),
    ],
)
def test_what_could_not_be_looked_at_is_not_called_clean(
    audit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: dict | None, code: int
) -> None:
    class Said:
        stdout = "" if told is None else json.dumps(told)
        stderr = "no network" if told is None else ""

    monkeypatch.setattr(audit.subprocess, "run", lambda *_, **__: Said())
    monkeypatch.setattr(audit, "tracked", list)
    monkeypatch.setattr(audit, "secrets", lambda _: [])
    assert audit.main() == code
    assert ("NOT AUDITED" in capsys.readouterr().out) == (code == 2)


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_nothing_unpickles() -> None:
    """Beside ruff's S301: numpy and torch unpickle without the word."""
    seen = 0
    for root in ROOTS:
        for file in (ROOT / root).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not {name.split(".")[0] for name in names} & FORBIDDEN, file
            for name, call in calls(tree):
                given = {one.arg: ast.unparse(one.value) for one in call.keywords}
                if name in ("np.load", "numpy.load", "np.lib.format.read_array"):
                    assert given.get("allow_pickle") == "False", f"{file}:{call.lineno}"
                    seen += 1
                if name == "torch.load":
                    assert given.get("weights_only") == "True", f"{file}:{call.lineno}"
                assert not name.endswith(("read_pickle", "to_pickle")), f"{file}:{call.lineno}"
    assert seen >= 2
