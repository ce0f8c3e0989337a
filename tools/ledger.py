"""
Run everything in every cell and write the ledger, ``conformance_tests/ledger.json``, and its page.

It takes hours.  ``--only torch --mode compile --dtype float32`` runs a part, ``--page`` writes
``docs/cells.md`` from the ledger, ``--check`` fails where the page differs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from conformance_tests import ledger
from conformance_tests.cells import all_cells

PAGE = Path(__file__).parent.parent / "docs" / "cells.md"
HEAD = """# What runs where

Every way to run an optimizer of this project, and what became of the golden vectors there.  Written by
`make ledger`, which runs all of it; `make test` runs a part, and fails where a cell and this page differ.

*T0* are trajectories in which nothing rounds: "passed" is equality to the bit.  *T1*, one step, *T2*,
prescribed gradients, and *T3*, closed loops, are trajectories within their computed bounds, which the last
two have for float64 and float32 alone; *of the bound* is the largest error of all.  Modes that compile each
optimizer get a part of the vectors: {parts}.
*Invalid* is input that must be refused.  *Exact steps* are steps of further exact trajectories of all
optimizers, *differing* how many of these trajectories differ in a bit.
"""
TIERS = ("T0", "T1", "T2", "T3")
COLUMNS = (
    "cell",
    "mode",
    "dtype",
    *TIERS,
    "of the bound",
    "invalid",
    "failed",
    "exact steps",
    "differing",
)


def main(
    only: Annotated[list[str] | None, typer.Option(help="Cells to run, all by default.")] = None,
    mode: Annotated[list[str] | None, typer.Option(help="Modes to run, all by default.")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Dtypes to run, all by default.")] = None,
    page: Annotated[bool, typer.Option(help="Write the page alone.")] = False,
    check: Annotated[bool, typer.Option(help="Fail if the page differs from the ledger.")] = False,
) -> None:
    """Run the cells, or look after the page."""
    if check and PAGE.read_text(encoding="utf-8") != page_text(ledger.read()):
        sys.exit(f"not current: {PAGE.name}; run `make ledger`, or --page")
    if check:
        return
    if not page:
        run(only, mode, dtype)
    PAGE.write_text(page_text(ledger.read()), encoding="utf-8")


def run(cells: list[str] | None, modes: list[str] | None, dtypes: list[str] | None) -> None:
    """Run what was asked for, and keep it place by place."""
    console = Console()
    for cell in all_cells():
        for place in ledger.places(cell):
            asked = ((place.cell, cells), (place.mode, modes), (place.dtype, dtypes))
            if any(chosen and name not in chosen for name, chosen in asked):
                continue
            if reason := ledger.obstacle(cell, place):
                console.print(f"not run: {place.name}: {reason}")
                continue
            entry = ledger.enter(cell, place)
            ledger.write({place.name: entry})
            console.print(f"{place.name}: {entry}")


def page_text(document: dict[str, Any]) -> str:
    """The page of a ledger."""
    rows = [row(ledger.Place(*name.split("|")), entry) for name, entry in document["entries"].items()]
    lines = ["| " + " | ".join(cells) + " |" for cells in (COLUMNS, ["---"] * len(COLUMNS), *rows)]
    reasons: dict[str, int] = {}
    for entry in document["entries"].values():
        for reason, count in entry["unsupported"].items():
            reasons[reason] = max(reasons.get(reason, 0), count)
    told = [f"* {reason}: at most {count} vectors of a row" for reason, count in sorted(reasons.items())]
    silent = [f"* {where}: {', '.join(dtypes)}" for where, dtypes in silent_places(document).items()]
    few = ", ".join(f"{mode} one in {stride}" for mode, stride in ledger.COMPILED.items())
    parts = [HEAD.format(parts=few), "\n".join(lines), "## Unsupported\n\n" + "\n".join(told)]
    if silent:
        parts.append(
            "## Not run\n\nOffered, but not run where this page was written:\n\n" + "\n".join(silent)
        )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def silent_places(document: dict[str, Any]) -> dict[str, list[str]]:
    """Dtypes that did not run, by cell, mode and device."""
    found: dict[str, list[str]] = {}
    for name in document["not_run"]:
        place = ledger.Place(*name.split("|"))
        found.setdefault(f"{place.cell}, {place.mode}, {place.device}", []).append(place.dtype)
    return found


def row(place: ledger.Place, entry: dict[str, Any]) -> list[str]:
    """A line of the table."""
    counts = entry["counts"]
    passed = {tier: counts.get(tier, {}).get("pass", 0) for tier in (*TIERS, "invalid")}
    failed = sum(statuses.get("fail", 0) + statuses.get("not run", 0) for statuses in counts.values())
    used = f"{100 * entry['bound_used']:.0f} %"
    return [
        place.cell,
        place.mode,
        place.dtype,
        *(str(passed[tier]) for tier in TIERS),
        used,
        str(passed["invalid"]),
        str(failed),
        str(entry["exact_steps"]),
        str(entry["differing"]),
    ]


if __name__ == "__main__":
    typer.run(main)
