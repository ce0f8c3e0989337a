"""The picture of a sweep: final loss against learning rate, and the windows below."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from momo_cli.sweep.optimizers import PEERS, title_of
from momo_cli.sweep.report import Curves, best_of_task
from momo_cli.sweep.tasks import TASKS
from momo_cli.sweep.window import Curve

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#8c564b", "#bcbd22")
COLUMNS = 3
CEILING = 3.0  # times the loss of the start; what is higher is drawn there

Style = Mapping[str, Any]


def draw(path: Path, found: Curves, initial_losses: Mapping[str, float]) -> None:
    """Write the picture; `initial_losses` has the mean loss before the first step of each task."""
    optimizers = list(dict.fromkeys(name for curves in found.values() for name in curves))
    styles = {name: _style(name, index) for index, name in enumerate(optimizers)}
    columns = min(COLUMNS, len(found))
    blocks = math.ceil(len(found) / columns)
    figure = Figure(figsize=(4.6 * columns, 4.9 * blocks + 0.6), layout="constrained")
    axes = figure.subplots(2 * blocks, columns, squeeze=False, height_ratios=[3, 1.3] * blocks)
    for index, (task, curves) in enumerate(found.items()):
        row, column = divmod(index, columns)
        upper, lower = axes[2 * row][column], axes[2 * row + 1][column]
        lower.sharex(upper)
        _draw_losses(upper, curves, styles, initial_losses[task])
        upper.set_title(TASKS[task].title)
        _draw_windows(lower, curves, styles)
        if column == 0:
            upper.set_ylabel("final training loss")
            lower.set_ylabel("window")
    for spare in range(len(found), blocks * columns):
        row, column = divmod(spare, columns)
        axes[2 * row][column].set_visible(False)
        axes[2 * row + 1][column].set_visible(False)
    handles = [Line2D([], [], label=title_of(name), **styles[name]) for name in optimizers]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)), frameon=False)
    figure.savefig(path, dpi=110)


def _style(name: str, index: int) -> dict[str, Any]:
    """Return ours as thick lines, the others dashed."""
    ours = name not in PEERS
    return {
        "color": PALETTE[index % len(PALETTE)],
        "linewidth": 2.4 if ours else 1.4,
        "linestyle": "-" if ours else "--",
    }


def _draw_losses(axes: Axes, curves: Mapping[str, Curve], styles: Mapping[str, Style], start: float) -> None:
    """Draw mean and range over the seeds; crosses at the top are runs that diverged or went above."""
    ceiling = CEILING * start
    axes.set(xscale="log", yscale="log", ylim=(0.8 * best_of_task(curves), 1.3 * ceiling))
    axes.axhline(start, color="black", linewidth=0.7, linestyle=":")
    for name, curve in curves.items():
        style = styles[name]
        inside = [min(mean, ceiling) for mean in curve.means]
        axes.plot(curve.rates, inside, **style)
        lows, highs = ([min(pick(row), ceiling) for row in curve.losses] for pick in (min, max))
        axes.fill_between(curve.rates, lows, highs, color=style["color"], alpha=0.12, linewidth=0)
        beyond = [rate for rate, mean in zip(curve.rates, curve.means, strict=True) if mean > ceiling]
        axes.plot(beyond, [ceiling] * len(beyond), "x", color=style["color"], markersize=5, linestyle="")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.tick_params(labelbottom=False)


def _draw_windows(axes: Axes, curves: Mapping[str, Curve], styles: Mapping[str, Style]) -> None:
    """Draw a bar from the first to the last good rate of each optimizer, a dot at the best."""
    for height, (name, curve) in enumerate(curves.items()):
        window, colour = curve.window(), styles[name]["color"]
        if window is None:
            continue
        axes.plot(
            [window.first, window.last], [-height] * 2, color=colour, linewidth=4, solid_capstyle="butt"
        )
        axes.plot([curve.best_rate], [-height], "o", color=colour, markersize=5)
    axes.set(ylim=(0.7 - len(curves), 0.7), yticks=[], xlabel="learning rate")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(alpha=0.25, axis="x")
