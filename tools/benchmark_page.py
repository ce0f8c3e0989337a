"""
Write the figures of `momo bench` into docs/benchmarks.md, between its markers.

``python tools/benchmark_page.py bench.json ...``: a later file replaces what an earlier one says of
the same optimizer.  A table is left as it is where the files say nothing of it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
SCHEMA = 1
NONE = "–"
MARKED = re.compile(r"(<!-- figures: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)

Figures = Mapping[str, Any]


def load(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """
    Reports of `momo bench`.

    Raises
    ------
    ValueError
        If one is of another schema.
    """
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    if others := {report.get("schema") for report in reports} - {SCHEMA}:
        raise ValueError(f"schema {others.pop()} is not {SCHEMA}, which this page is made from")
    return reports


def tables(reports: list[dict[str, Any]]) -> dict[str, str]:
    """The tables by their markers; those of which nothing is known are missing."""
    rows: dict[tuple[str, str], dict[str, Figures]] = {}
    for report in reports:
        for row in report["results"]:
            if not report["scaling"]:
                rows.setdefault((row["process"], row["name"]), {})[row["set"]] = row
    sets = list(dict.fromkeys(name for report in reports if not report["scaling"] for name in report["sets"]))
    made = {
        process: step_table(sets, {name: each for (of, name), each in rows.items() if of == process})
        for process in dict.fromkeys(process for process, _ in rows)
    }
    first = {row["rule"]: row for report in reports for row in report["first_steps"]}
    growth = {row["name"]: row for report in reports for row in report["scaling"]}
    if reports:
        made["machine"] = machine(reports)
    if first:
        made["first-steps"] = first_table(first)
    if growth:
        made["scaling"] = growth_table(growth)
    return made


def step_table(sets: list[str], rows: Mapping[str, Mapping[str, Figures]]) -> str:
    """Ratios on each parameter set, and what a step takes besides on the first one."""
    heads = ["optimizer", *sets, "ms", "first, s", "temporaries", "state, bytes", "peer"]
    return markdown(heads, [step_row(name, sets, by_set) for name, by_set in rows.items()])


def step_row(name: str, sets: list[str], by_set: Mapping[str, Figures]) -> list[str]:
    """A row of `step_table`."""
    any_set = next(by_set[label] for label in sets if label in by_set)
    extra = any_set["temporaries"]
    return [
        name,
        *(ratios(by_set.get(label)) for label in sets),
        f"{1e3 * any_set['median']:.3g}",
        f"{any_set['first']:.2g}",
        NONE if extra is None else f"{100 * extra:.0f} %",
        f"{any_set['state_bytes']:.1f}",
        any_set["peer"] or "",
    ]


def ratios(row: Figures | None) -> str:
    """Time over fused AdamW, over the peer and over the limit."""
    if row is None:
        return NONE
    limit = None if row["limit"] is None else row["median"] / row["limit"]
    return " / ".join(number(value) for value in (row["ratio"], row["peer_ratio"], limit))


def number(value: float | None) -> str:
    """A ratio."""
    return NONE if value is None else f"{value:.2f}"


def first_table(rows: Mapping[str, Figures]) -> str:
    """First steps of kernels."""
    figures = [[rule, f"{row['cold']:.1f}", f"{row['cached']:.1f}"] for rule, row in rows.items()]
    return markdown(["rule", "cold, s", "cached, s"], figures)


def growth_table(rows: Mapping[str, Figures]) -> str:
    """Nanoseconds for each parameter, by their number."""
    sizes = sorted({int(size) for row in rows.values() for size in row["nanoseconds"]})
    figures = [
        [
            name,
            *(number(row["nanoseconds"].get(str(size))) for size in sizes),
            NONE if row["spread"] is None else f"{100 * row['spread']:.0f} %",
        ]
        for name, row in rows.items()
    ]
    return markdown(["optimizer", *(f"{size:,}" for size in sizes), "spread"], figures)


def machine(reports: list[dict[str, Any]]) -> str:
    """What the figures were taken with."""
    facts = reports[-1]["machine"]
    found = {name: each for report in reports for name, each in report["frameworks"].items()}
    versions = {package: number for each in found.values() for package, number in each["versions"].items()}
    named = ", ".join(f"{package} {number}" for package, number in versions.items())
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}, "
        f"{named}; threads of torch: {listed(each.get('threads') for each in found.values())}; "
        f"rounds: {listed(report['rounds'] for report in reports)}.\n"
    )


def listed(numbers: Iterable[int | None]) -> str:
    """The numbers that occur."""
    return ", ".join(map(str, sorted({each for each in numbers if each is not None})))


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(page: str, made: Mapping[str, str]) -> str:
    """
    The page with new tables between its markers.

    Raises
    ------
    ValueError
        If the page has no place for a table.
    """
    places = {match[2] for match in MARKED.finditer(page)}
    if homeless := set(made) - places:
        raise ValueError(f"the page has no marker for {', '.join(sorted(homeless))}")
    return MARKED.sub(
        lambda match: match[1] + made[match[2]] + match[3] if match[2] in made else match[0], page
    )


def main(arguments: list[str]) -> None:
    """Fill in the page from the files that are named."""
    made = tables(load(map(Path, arguments)))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
