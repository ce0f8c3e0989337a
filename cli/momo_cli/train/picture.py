"""The picture of a run: losses, learning rates and deviations, a line for each backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from momo_cli.train.backends import BACKENDS
from momo_cli.train.compare import Comparison
from momo_cli.train.config import Config
from momo_cli.train.report import Result

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
COLOURS = dict(zip(BACKENDS, PALETTE, strict=True))
LINE = 1.8
DASH = 5.0  # in line widths

Series = Mapping[str, list[float]]


def draw(path: Path, config: Config, results: list[Result]) -> None:
    """Write the picture of the backends that ran."""
    comparisons = {r.outcome.backend.name: r.comparison for r in results if r.comparison}
    series = {r.outcome.backend.name: r.outcome.series for r in results if r.comparison}
    figure = Figure(figsize=(14, 4.6), layout="constrained")
    panels = figure.subplots(1, 3)
    _draw_losses(panels[0], series)
    _draw_learning_rates(panels[1], series, float(config.hyper["learning_rate"]))
    _draw_deviations(panels[2], comparisons)
    for axes in panels:
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    figure.suptitle(f"{config.optimizer} on {config.dataset}, {config.dtype}")
    figure.legend(
        handles=[Line2D([], [], color=COLOURS[name], linewidth=3, label=name) for name in series],
        loc="outside lower center",
        ncols=len(series),
        frameon=False,
    )
    figure.savefig(path, dpi=140)


def _draw_losses(axes: Axes, series: Mapping[str, Series]) -> None:
    axes.set_title("loss of the batch")
    axes.set_yscale("log")
    _interleave(axes, {name: numbers["loss"] for name, numbers in series.items()})


def _draw_learning_rates(axes: Axes, series: Mapping[str, Series], cap: float) -> None:
    """Draw the share of its learning rate that the rule used; without a cap, its step size."""
    capped = math.isfinite(cap) and all("truncation" in numbers for numbers in series.values())
    axes.set_title("learning rate used, under its cap" if capped else "step size")
    curves = {
        name: [cap * share for share in numbers["truncation"]] if capped else numbers["step_size"]
        for name, numbers in series.items()
    }
    _interleave(axes, curves)
    if capped:
        axes.axhline(cap, color="black", linewidth=1)
        axes.text(1, cap, f"cap: lr = {cap:g}", va="bottom")
        axes.set_ylim(0, 1.1 * cap)


def _draw_deviations(axes: Axes, comparisons: Mapping[str, Comparison]) -> None:
    """Draw the distances from the reference and their bounds, as far as they count."""
    axes.set_title("deviation from the spec in float64")
    axes.set_ylabel("share of the way from the start")
    axes.set_yscale("log")
    widths = np.linspace(2 * LINE, 0.6 * LINE, len(comparisons))  # so that none is hidden
    for width, (name, comparison) in zip(widths, comparisons.items(), strict=True):
        axes.plot(comparison.deviation[: comparison.horizon], color=COLOURS[name], linewidth=width)
    for held_to, one in {c.held_to: c for c in comparisons.values()}.items():
        style = "--" if held_to == "float64" else "-"
        label = f"bound, {held_to}"
        axes.plot(one.bound[: one.horizon], color="black", linestyle=style, label=label)
    axes.legend(frameon=False)


def _interleave(axes: Axes, curves: Mapping[str, list[float]]) -> None:
    """
    Draw curves so that those which coincide can be told apart.

    Each curve is dashed and its dashes fall into the gaps of the others: curves that coincide look
    like one line of changing colour.
    """
    for index, (name, values) in enumerate(curves.items()):
        gap = (len(curves) - 1) * DASH
        style = (-index * DASH, (DASH, gap)) if gap else "-"
        steps = range(1, len(values) + 1)
        axes.plot(steps, values, color=COLOURS[name], linestyle=style, linewidth=LINE, dash_capstyle="butt")
