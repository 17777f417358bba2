"""Requests made from the OpenAPI description, right and wrong ones, to every route of a served API.

schemathesis makes them and judges each answer against the description: status, media type, body and headers
must be as described, nothing may be answered 5xx (but 503 for a stream that is paused), nothing wrong
may be taken for right, and a missing or wrong key must open nothing. The event stream, which does not end, is
asked separately.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from chaos._served import ROOT, Served
from chaos.outcome import Outcome, Say, Size, at_least, exactly, told
from paretoscope.adapters.tethered import tethered_command

CASES = 10_000
EVENT_CASES = 400
ROUTES = 36
LONGEST_S = 1800.0
CHECKS = (
    "no_failing_server",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""All but `positive_data_acceptance`: a point that the front does not have fits the description and is still
refused."""
SERVER_ERRORS = {"ServerError"}
UNDOCUMENTED = {
    "UndefinedStatusCode",
    "UndefinedContentType",
    "MissingContentType",
    "MalformedMediaType",
    "JsonSchemaError",
    "MalformedJson",
    "MissingHeaders",
}


@dataclass
class Findings:
    cases: int = 0
    operations: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def add(self, report: dict[str, Any]) -> None:
        self.cases += report["test_cases"]["generated"]
        self.operations = max(self.operations, report["operations"]["tested"])
        for failure in report["failures"]:
            self.by_kind[failure["type"]] += failure["count"]
            where = ", ".join(failure["operations"][:5])
            self.told.append(f"{failure['title']} ({failure['count']}): {where}")
        self.by_kind["error"] += len(report["errors"])

    def of(self, kinds: set[str]) -> int:
        return sum(count for kind, count in self.by_kind.items() if kind in kinds)

    @property
    def other(self) -> int:
        return self.by_kind.total() - self.of(SERVER_ERRORS) - self.of(UNDOCUMENTED)


def schemathesis(
    served: Served, per_operation: int, seed: int, phases: str = "examples,coverage,fuzzing"
) -> tuple[dict[str, Any], str]:
    """One run: its report, and what it printed. phases: see `st run --help`."""
    with tempfile.TemporaryDirectory(prefix="ps-chaos-") as folder:
        report = Path(folder) / "report.json"
        # fmt: off
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/openapi.json",
            "--phases", phases, "--max-examples", str(per_operation), "--seed", str(seed), "--no-shrink",
            "--continue-on-failure", "--no-color", "--request-timeout", "30",
            "--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off",
            "--checks", ",".join(CHECKS), "--header", f"Authorization: Bearer {served.tokens['admin']}",
            "--exclude-path", "/v1/events", "--report", "json", "--report-json-path", str(report),
        ]
        # fmt: on
        roots = [str(ROOT), *(str(ROOT / root) for root in ("service", "clients", "instrument_sim"))]
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "chaos._rest_hooks",
            "PYTHONPATH": os.pathsep.join(roots),
        }
        said = subprocess.run(
            tethered_command(command),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
        )
        if not report.exists():
            raise RuntimeError(f"schemathesis gave no report:\n{said.stdout[-2000:]}{said.stderr[-2000:]}")
        return json.loads(report.read_text()), said.stdout


def events(served: Served, cases: int, seed: int) -> list[str]:
    """Ask for the event stream in many ways and leave; what was not as described."""
    chance = random.Random(seed)
    described = httpx.get(f"{served.url}/openapi.json", headers=served.bearer("read")).json()
    known = described["paths"]["/v1/events"]["get"]["responses"]
    ids = ["0", "1-1", f"{2**63 - 1}-0", "9" * 20 + "-0", "-", "1-", "yesterday", "\u0663-1", "0\n", "%00"]
    names = ["stem", "other", "nobody", "../x", "", "a" * 65, "\U0001f600"]
    wrong = []
    with httpx.Client(base_url=served.url, timeout=10.0, trust_env=False) as http:
        for _ in range(cases):
            query = {
                name: chance.choice(values)
                for name, values in (("after", ids), ("stream", names), ("x", names))
                if chance.random() < 0.5
            }
            headers = served.bearer(chance.choice(["read", "choose", "admin"]))
            if chance.random() < 0.3:
                headers["Last-Event-ID"] = chance.choice(ids).encode("ascii", "ignore").decode().strip()
            if chance.random() < 0.1:
                headers.pop("Authorization")
            with http.stream("GET", "/v1/events", params=query, headers=headers) as answer:
                status, media = str(answer.status_code), answer.headers.get("content-type", "").split(";")[0]
                if status == "200":
                    next(answer.iter_lines())
            said = known.get(status)
            if said and "$ref" in said:
                said = described["components"]["responses"][said["$ref"].rpartition("/")[2]]
            if said is None or media not in said["content"]:
                wrong.append(f"GET /v1/events {query}: {status} {media}")
    return wrong


def trial(size: Size, say: Say) -> Outcome:
    wanted = size.times(CASES, 300)
    seed = random.SystemRandom().randrange(2**31) if size.share else 1
    findings = Findings()
    with Served() as served:
        wrong = events(served, size.times(EVENT_CASES, 20), seed)
        while findings.cases < wanted:
            left = wanted - findings.cases
            phases = "examples,coverage,fuzzing" if size.share else "fuzzing"
            report, printed = schemathesis(served, max(1, min(100, left // ROUTES)), seed, phases)
            findings.add(report)
            say(f"{findings.cases} cases, seed {seed}, {findings.by_kind.total()} findings")
            if report["failures"] or report["errors"]:
                say(printed[-6000:])
            seed += 1
        alive = httpx.get(f"{served.url}/healthz").status_code == 200
    for line in (findings.told + wrong)[:20]:
        say(line)
    return Outcome(
        "rest",
        f"{findings.cases:,} requests made from the OpenAPI description by schemathesis against "
        f"{findings.operations + 1} routes of a served API behind keys, the event stream among them",
        [
            at_least("requests", findings.cases, CASES if size.share >= 1 else 0),
            exactly("server errors", findings.of(SERVER_ERRORS)),
            exactly("undocumented answers", findings.of(UNDOCUMENTED) + len(wrong)),
            exactly("wrong requests taken, missing keys ignored, other findings", findings.other),
            told("requests for the event stream", size.times(EVENT_CASES, 20)),
            exactly("API answers afterwards", int(alive), 1),
        ],
    )
