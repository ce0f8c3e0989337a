"""The results: a row for each backend, as a table and as JSON."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from momo_cli.train.compare import LARGEST_BOUND, Comparison, compare
from momo_cli.train.datasets import Array
from momo_cli.train.jobs import Outcome
from momo_cli.train.network import outputs
from momo_cli.train.recorder import TRAJECTORY
from momo_cli.train.task import Task

WARM_UP = 0.1  # share of the steps that are not timed


@dataclass(frozen=True)
class Result:
    """A backend's outcome and, if it ran, what its trajectory is worth."""

    outcome: Outcome
    comparison: Comparison | None = None
    test_score: float = math.nan

    @property
    def good(self) -> bool:
        """Whether the backend ran and stayed within its bound."""
        return self.comparison is not None and self.comparison.within

    @property
    def final_loss(self) -> float:
        """Loss of the last batch, as the backend computed it."""
        return self.outcome.series["loss"][-1]

    @property
    def milliseconds(self) -> float:
        """Median duration of a step after the warm-up."""
        seconds = self.outcome.series["seconds"]
        return 1e3 * float(np.median(seconds[math.ceil(WARM_UP * len(seconds)) :] or seconds))

    @property
    def verdict(self) -> str:
        """The result in two words."""
        if self.comparison is None:
            return self.outcome.status
        return "same" if self.comparison.within else "differs"

    @property
    def explanation(self) -> str:
        """What is wrong, if anything is."""
        name, comparison = self.outcome.backend.name, self.comparison
        if comparison is None:
            return f"{name} {self.verdict}: {self.outcome.message}"
        if comparison.within:
            return ""
        return (
            f"{name} leaves its bound: {comparison.use:.3g} times the bound at step {comparison.worst_step}"
        )


def judge(task: Task, outcome: Outcome, reference: Outcome) -> Result:
    """Compare a finished backend with the reference and test its final weights."""
    if outcome.status != "ran" or reference.status != "ran":
        return Result(outcome)
    comparison = compare(outcome.folder, reference.folder, outcome.backend.accuracy(task.config.dtype))
    final = np.load(outcome.folder / TRAJECTORY, mmap_mode="r")[-1]
    return Result(outcome, comparison, _test_score(task, final))


def score_name(task: Task) -> str:
    """Return what the test score is."""
    return "test accuracy" if task.classifies else "test error"


def table(task: Task, results: list[Result]) -> Table:
    """Lay out the results."""
    title = f"{task.config.optimizer} on {task.config.dataset}, {task.config.dtype}"
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("backend", no_wrap=True)
    for heading in ("final loss", score_name(task), "ms a step", "deviation", "bound", "bound used"):
        grid.add_column("\n".join(heading.rsplit(" ", 1)), justify="right", no_wrap=True)
    grid.add_column("result", no_wrap=True)
    for result in results:
        colour = {"same": "green", "not run": "yellow"}.get(result.verdict, "red")
        verdict = f"[{colour}]{result.verdict}[/]"
        grid.add_row(result.outcome.backend.name, *_cells(result), verdict)
    return grid


def remarks(task: Task, results: list[Result]) -> list[str]:
    """Return what a reader of the table must know besides."""
    comparisons = [result.comparison for result in results if result.comparison]
    lines = [
        "deviation   largest distance from the spec in float64, over the way gone so far",
        "bound       what float rounding may do to it, at the same step",
        "bound used  largest distance over its bound at any step",
        "ms a step   median after a warm-up, two backends side by side",
    ]
    lines += [
        f"{r.outcome.backend.name} is held to {r.comparison.held_to}: its losses and gradients are no finer"
        for r in results
        if r.comparison and r.comparison.held_to != task.config.dtype
    ]
    for held_to, horizon in sorted({(c.held_to, c.horizon) for c in comparisons}):
        if horizon <= task.config.steps:
            lines.append(
                f"Compared before step {horizon} of {task.config.steps} only: from there on"
                f" {held_to} rounding alone may do more than {LARGEST_BOUND:.0%}."
            )
    return lines


def as_json(task: Task, results: list[Result], reference: Outcome) -> str:
    """Return the whole run as JSON; what is not finite becomes null."""
    bounds = {r.comparison.held_to: r.comparison for r in results if r.comparison}
    document = {
        "config": task.config.as_dict(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "parameters": sum(weight.size for weight in task.weights),
        "reference": reference.series,
        "bounds": {name: {"horizon": c.horizon, "bound": c.bound.tolist()} for name, c in bounds.items()},
        "backends": {r.outcome.backend.name: _entry(task, r) for r in results},
    }
    return json.dumps(_finite(document), indent=1, allow_nan=False)


def _test_score(task: Task, final: Array) -> float:
    """Return the accuracy, or half the mean squared error, of the final weights in float64."""
    cuts = np.cumsum([weight.size for weight in task.weights])[:-1]
    parts = np.split(final.astype(np.float64), cuts)
    weights = [part.reshape(like.shape) for part, like in zip(parts, task.weights, strict=True)]
    predicted = outputs(weights, task.data.x_test)
    if task.classifies:
        return float(np.mean(predicted.argmax(axis=1) == task.data.y_test))
    return float(np.mean((predicted - task.data.y_test) ** 2) / 2)


def _cells(result: Result) -> list[str]:
    comparison = result.comparison
    if comparison is None:
        return [""] * 6
    farthest = comparison.farthest_step
    return [
        f"{result.final_loss:.4f}",
        f"{result.test_score:.3f}",
        f"{result.milliseconds:.2f}",
        _share(comparison.deviation[farthest]),
        _share(comparison.bound[farthest]),
        f"{comparison.use:.0%}",
    ]


def _share(value: float) -> str:
    """Return a share of the way, which is NaN if the reference never moved."""
    return "-" if math.isnan(value) else f"{value:.1e}"


def _entry(task: Task, result: Result) -> dict[str, Any]:
    """Return what the JSON file says of one backend."""
    outcome, comparison = result.outcome, result.comparison
    entry = {
        "status": outcome.status,
        "message": outcome.message,
        "versions": outcome.versions,
        "series": outcome.series,
    }
    if comparison is None:
        return entry
    farthest = comparison.farthest_step
    entry["series"] = {**outcome.series, "deviation": comparison.deviation.tolist()}
    return entry | {
        "final_loss": result.final_loss,
        score_name(task).replace(" ", "_"): result.test_score,
        "milliseconds_per_step": result.milliseconds,
        "held_to": comparison.held_to,
        "largest_deviation": float(comparison.deviation[farthest]),
        "bound_there": float(comparison.bound[farthest]),
        "bound_used": comparison.use,
        "worst_step": comparison.worst_step,
        "within_bound": comparison.within,
    }


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON lacks, by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
