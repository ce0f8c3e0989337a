"""The result of a sweep: a table in the terminal and in Markdown, and all figures as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from momo_cli.sweep.optimizers import title_of
from momo_cli.sweep.runs import Record
from momo_cli.sweep.window import SLACK, Curve, Window, as_dict

Curves = Mapping[str, Mapping[str, Curve]]

HEADER = (
    "task",
    "optimizer",
    "best loss",
    "its seeds",
    "at rate",
    "window (points)",
    "decades",
    "of the best",
    "diverged",
)
IN_TERMINAL = tuple(name for name in HEADER if name not in ("task", "its seeds"))


def best_of_task(curves: Mapping[str, Curve]) -> float:
    """Return the smallest loss of any optimizer."""
    return min(curve.best_loss for curve in curves.values())


def rows(found: Curves) -> Iterator[tuple[str, ...]]:
    """Yield the cells under `HEADER`, a row for each optimizer of each task."""
    for task, curves in found.items():
        for optimizer, curve in curves.items():
            yield task, title_of(optimizer), *_cells(curve, best_of_task(curves))


def _cells(curve: Curve, best: float) -> tuple[str, ...]:
    window, shared = curve.window(), curve.window(best)
    runs = sum(map(len, curve.losses))
    diverged = f"{curve.diverged}/{runs}" if curve.diverged else ""
    if window is None:
        return "diverged", "", "", "", "", "", diverged
    seeds = curve.losses[curve.rates.index(curve.best_rate)]
    return (
        f"{curve.best_loss:.3g}",
        f"{min(seeds):.3g} to {max(seeds):.3g}",
        f"{curve.best_rate:g}",
        f"{window.first:g} to {window.last:g} ({window.points})",
        _width(window),
        "" if shared is None else _width(shared),
        diverged,
    )


def _width(window: Window) -> str:
    """Return the width in decades; a window that reaches the end of the grid may be wider."""
    least = "≥ " if window.open_below or window.open_above else ""
    return f"{least}{window.decades:.1f}"


def remark() -> str:
    """Return what the columns mean."""
    return (
        "best loss: smallest mean over the seeds; window: rates around it with a mean at most "
        f"{100 * SLACK:.0f} % above it; decades: the window's width in factors of ten, ≥ where it reaches "
        "the end of the grid; of the best: the same, measured from the best loss of all optimizers; "
        "diverged: runs that ended above the loss of their start, or met a number that is not finite"
    )


def tables(found: Curves) -> Iterator[Table]:
    """Yield a table for each task, for the terminal."""
    for task in found:
        shown = Table(box=SIMPLE_HEAD, title=task, title_justify="left")
        for name in IN_TERMINAL:
            shown.add_column(name, overflow="fold")
        for cells in rows({task: found[task]}):
            named = dict(zip(HEADER, cells, strict=True))
            shown.add_row(*(named[name] for name in IN_TERMINAL))
        yield shown


def as_markdown(found: Curves) -> str:
    """Return the widths of all tasks side by side, then everything."""
    everything = "\n".join([_line(HEADER), _line(["---"] * len(HEADER)), *map(_line, rows(found))])
    return f"{_overview(found)}\n\n{everything}\n\n{remark().capitalize()}.\n"


def _overview(found: Curves) -> str:
    """Return the widths in decades, a column for each task."""
    optimizers = dict.fromkeys(name for curves in found.values() for name in curves)
    lines = [_line(["optimizer", *found]), _line(["---"] * (1 + len(found)))]
    for name in optimizers:
        windows = [curves[name].window() if name in curves else None for curves in found.values()]
        lines.append(
            _line([title_of(name), *("" if window is None else _width(window) for window in windows)])
        )
    return "\n".join(lines)


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(found: Curves, records: list[Record], skipped: Mapping[str, str]) -> str:
    """Return all figures; `skipped` has the optimizers that did not run, and why."""
    document = {
        "slack": SLACK,
        "versions": sorted({f"{name} {number}" for r in records for name, number in r.versions.items()}),
        "seconds": sum(record.seconds for record in records),
        "not_run": dict(skipped),
        "tasks": {
            task: {name: _figures(curve, best_of_task(curves)) for name, curve in curves.items()}
            for task, curves in found.items()
        },
    }
    return json.dumps(document, indent=1, allow_nan=False)


def _figures(curve: Curve, best: float) -> dict[str, Any]:
    return {
        "rates": curve.rates,
        "losses": [[loss if math.isfinite(loss) else None for loss in row] for row in curve.losses],
        "best_loss": curve.best_loss if math.isfinite(curve.best_loss) else None,
        "best_rate": curve.best_rate,
        "window": as_dict(curve.window()),
        "window_of_the_best": as_dict(curve.window(best)),
        "diverged": curve.diverged,
    }
