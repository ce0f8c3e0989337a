"""What a run found, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .measure import Result
from .report import Report
from .scaling import growths


def draw(report: Report, path: Path) -> None:
    """Draw the ratios to fused AdamW, or the growth of the times."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = growth(plt, report) if report.scaling else bars(plt, report)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def bars(plt: Any, report: Report) -> Any:
    """Ratios to fused AdamW on a logarithmic axis, a panel for each parameter set."""
    by_set = {label: ordered(report, label) for label in report.sets}
    height = 0.2 * max(map(len, by_set.values()), default=1) + 1
    figure, axes = plt.subplots(1, len(by_set), figsize=(5.5 * len(by_set), height), squeeze=False)
    frameworks = list(dict.fromkeys(each.result.framework for each in report.found))
    for axis, (label, results) in zip(axes[0], by_set.items(), strict=True):
        names = [name_of(result) for result in results]
        colors = [f"C{frameworks.index(result.framework)}" for result in results]
        axis.barh(names, [result.ratio for result in results], color=colors)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_title(label)
        axis.set_xlabel("time over torch's fused AdamW")
        axis.tick_params(axis="y", labelsize=7)
    return figure


def ordered(report: Report, label: str) -> list[Result]:
    """The results of a parameter set that have a ratio, the slowest first."""
    results = {name_of(each.result): each.result for each in report.found if each.label == label}
    known = [result for result in results.values() if result.ratio is not None]
    return sorted(known, key=lambda result: -(result.ratio or 0))


def name_of(result: Result) -> str:
    """A name that says which backend of Keras it is."""
    return f"{result.name} ({result.framework[6:]})" if result.framework.startswith("keras-") else result.name


def growth(plt: Any, report: Report) -> Any:
    """Time for each parameter against their number."""
    figure, axis = plt.subplots(figsize=(6, 3.6))
    for each in growths(report.scaled):
        axis.plot(list(each.nanoseconds), list(each.nanoseconds.values()), marker="o", label=each.name)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("parameters")
    axis.set_ylabel("ns for each parameter")
    axis.legend(fontsize=8)
    return figure
