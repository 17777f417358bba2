"""The table of docs/reliability.md, made from the records: no figure is typed by hand."""

from __future__ import annotations

from pathlib import Path

from chaos.outcome import RECORDS, read

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: made by `python -m chaos --render` -->", "<!-- end of figures -->"


def table(folder: Path = RECORDS) -> str:
    """All recorded outcomes as Markdown."""
    parts = []
    for path in sorted(folder.glob("*.json")):
        outcome, when = read(path)
        part = "" if when["share"] == 1 else f", {when['share']:.0%} of the whole size"
        parts += [
            f"### {outcome.trial}",
            "",
            f"{outcome.what}. ({when['measured']}, {when['machine']}, {_duration(when['seconds'])}{part})",
            "",
            "| figure | measured | goal | |",
            "|---|---|---|---|",
        ]
        for one in outcome.figures:
            mark = {True: "met", False: "**missed**", None: ""}[one.met]
            parts.append(f"| {one.name} | {one.text} | {one.goal} | {mark} |")
        parts.append("")
    return "\n".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def renewed(text: str, folder: Path = RECORDS) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(folder)}\n{END}{after}"


def renew() -> None:
    PAGE.write_text(renewed(PAGE.read_text()))
