from __future__ import annotations

import pytest

pytest.importorskip("schemathesis", reason="the fuzzer of routes is not installed")

from chaos.outcome import Size
from chaos.rest import Findings, trial


def test_requests_made_from_the_description_find_no_answer_that_is_not_described() -> None:
    outcome = trial(Size(0.0), print)
    assert not outcome.missed


def test_what_is_found_is_counted_by_its_kind() -> None:
    """The count can be other than nought."""
    found = Findings()
    failures = [
        {"type": kind, "count": count, "title": kind, "operations": ["GET /"]}
        for kind, count in (("ServerError", 2), ("UndefinedStatusCode", 3), ("IgnoredAuth", 1))
    ]
    found.add(
        {
            "test_cases": {"generated": 9},
            "operations": {"tested": 1},
            "failures": failures,
            "errors": ["broken"],
        }
    )
    assert (found.of({"ServerError"}), found.of({"UndefinedStatusCode"}), found.other) == (2, 3, 2)
