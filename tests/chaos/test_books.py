from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

from chaos.__main__ import trials
from chaos.outcome import Figure, Outcome, Size, exactly, percentiles, read, under
from chaos.page import BEGIN, END, PAGE, renewed
from chaos.stage import Stage
from chaos.traffic import Traffic, Watch


def test_what_was_recorded_is_read_back_and_stands_on_the_page(tmp_path: Path) -> None:
    outcome = Outcome("kills", "Two kills", [exactly("lost", 0), under("slowest", 3.0, 2.0, "s")])
    outcome.record(1.0, 130.0, tmp_path / "new")
    kept, when = read(tmp_path / "new" / "kills.json")
    assert kept == outcome
    assert when["seconds"] == 130
    page = renewed(f"before\n{BEGIN}\nold\n{END}\nafter\n", tmp_path / "new")
    assert "| slowest | 3 s | under 2 s | **missed** |" in page
    assert "old" not in page
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert renewed(page, tmp_path / "new") == page


def test_every_module_that_counts_as_a_trial_is_one_and_stands_on_the_page() -> None:
    page = PAGE.read_text()
    for name in trials():
        assert callable(importlib.import_module(f"chaos.{name}").trial)
        assert f"| `{name}` |" in page
    assert "kills" in trials()


def test_a_missed_goal_is_a_missed_trial() -> None:
    figures = [Figure("a", 1), exactly("lost", 1)]
    assert not Outcome("t", "", figures).met
    assert Outcome("t", "", figures[:1]).met


def test_the_share_scales_counts_but_leaves_something_to_do() -> None:
    assert Size(1.0).times(1000, 5) == 1000
    assert Size(0.0).times(1000, 5) == 5
    assert [one.name for one in percentiles("back", [0.1, 0.3], 2.0)] == [
        "back, p50",
        "back, p99",
        "back, longest",
    ]


def test_the_pinned_page_is_what_the_records_say() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
    assert renewed(page.read_text()) == page.read_text()


def test_the_books_find_frames_that_were_never_worked() -> None:
    """The count that all trials rest on can fail: with a stopped worker nothing is finished."""
    with Stage() as stage, Watch(stage) as watch, Traffic(stage, every_s=0.05, frames=4) as traffic:
        traffic.stop()
        books = watch.settle(traffic)
        assert (books.acknowledged, books.lost, books.doubled) == (4, [], [])
        for pid in stage.pids("worker"):
            os.kill(pid, signal.SIGSTOP)
        with Traffic(stage, "other", every_s=0.05, frames=3) as idle:
            idle.stop()
            assert len(watch.settle(idle, patience_s=1.0).lost) == 3
        for pid in stage.pids("worker"):
            os.kill(pid, signal.SIGCONT)
