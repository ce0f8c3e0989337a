"""All that a run found: as tables for a terminal, and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from .cases import Shapes, count
from .first_step import FirstStep
from .measure import Result
from .scaling import growths
from .worker import Absent, Facts, Found

SCHEMA = 1
NONE = "–"


@dataclass
class Report:
    """
    What a run found.

    Attributes
    ----------
    device : str
    rounds : int
    sets : dict of str to tuple of shapes
    found, absent, facts, first_steps : list
        In the order in which they came.
    scaling : bool
        Whether the sets are sizes of which the growth is of interest.
    """

    device: str
    rounds: int
    sets: dict[str, Shapes]
    scaling: bool = False
    found: list[Found] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    first_steps: list[FirstStep] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything, and where it comes from; seconds and bytes throughout."""
        sizes = {
            label: {"tensors": len(each), "parameters": count(each)} for label, each in self.sets.items()
        }
        return {
            "schema": SCHEMA,
            "device": self.device,
            "machine": machine(),
            "rounds": self.rounds,
            "sets": sizes,
            "frameworks": {each.framework: each.facts for each in self.facts},
            "results": [
                {"process": each.process, "set": each.label, **asdict(each.result)} for each in self.found
            ],
            "first_steps": [asdict(each) for each in self.first_steps],
            "not_run": [asdict(each) for each in self.absent],
            "scaling": [{**asdict(each), "spread": each.spread} for each in growths(self.scaled)],
        }

    @property
    def scaled(self) -> list[Found]:
        """What is known of growing sizes."""
        return self.found if self.scaling else []


def machine() -> dict[str, object]:
    """Facts about the machine that matter for speed."""
    return {
        "system": platform.system(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def processor() -> str:
    """The processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def tables(report: Report) -> Iterator[Table]:
    """All tables of a run."""
    for label in report.sets if not report.scaling else ():
        for process in dict.fromkeys(each.process for each in report.found):
            rows = [each.result for each in report.found if each.label == label and each.process == process]
            if rows:
                yield step_table(f"{process}, {label}", rows)
    if report.scaling:
        yield growth_table(report.scaled)
    if report.first_steps:
        yield first_table(report.first_steps)
    if report.absent:
        yield absent_table(report.absent)


HEADINGS = (
    "ms",
    "quartiles",
    "/ fused\nAdamW",
    "/ peer",
    "/ limit",
    "first, s",
    "tempo-\nraries",
    "state,\nbytes",
)


def step_table(title: str, results: list[Result]) -> Table:
    """Steps of a framework on a parameter set."""
    shown = Table(title=title, caption=peers(results), box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column("optimizer")
    for heading in HEADINGS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        shown.add_row(*step_row(result))
    return shown


def step_row(result: Result) -> tuple[str, ...]:
    """The figures of a case."""
    return (
        result.name,
        f"{1e3 * result.median:.3g}",
        f"{1e3 * result.quartile_low:.3g}-{1e3 * result.quartile_high:.3g}",
        number(result.ratio),
        number(result.peer_ratio),
        number(None if result.limit is None else result.median / result.limit),
        f"{result.first:.2g}",
        NONE if result.temporaries is None else f"{100 * result.temporaries:.0f} %",
        f"{result.state_bytes:.1f}",
    )


def number(value: float | None) -> str:
    """A ratio."""
    return NONE if value is None else f"{value:.2f}"


def peers(results: Iterable[Result]) -> str:
    """Whom the column of the peer means."""
    named: dict[str, list[str]] = {}
    for result in results:
        if result.peer is not None:
            named.setdefault(result.peer, []).append(result.name)
    return "; ".join(f"peer of {', '.join(names)}: {peer}" for peer, names in named.items())


def growth_table(found: list[Found]) -> Table:
    """Nanoseconds for each parameter."""
    sizes = sorted({each.result.parameters for each in found})
    shown = Table(title="ns for each parameter, by their number", box=box.SIMPLE)
    shown.add_column("optimizer", no_wrap=True)
    for column in (*(f"{size:.0e}".replace("e+0", "e") for size in sizes), "spread"):
        shown.add_column(column, justify="right")
    for growth in growths(found):
        figures = [number(growth.nanoseconds.get(size)) for size in sizes]
        shown.add_row(
            growth.name, *figures, NONE if growth.spread is None else f"{100 * growth.spread:.0f} %"
        )
    return shown


def first_table(first_steps: list[FirstStep]) -> Table:
    """First steps of kernels."""
    shown = Table("rule", "cold, s", "cached, s", title="first step of the kernels", box=box.SIMPLE)
    for each in first_steps:
        shown.add_row(each.rule, f"{each.cold:.2f}", f"{each.cached:.2f}")
    return shown


def absent_table(absent: list[Absent]) -> Table:
    """What was not timed, and why."""
    shown = Table("framework", "rule", "set", "", title="not run", box=box.SIMPLE)
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for each in absent:
        grouped.setdefault((each.framework, each.rule, each.reason), []).append(each.label)
    for (framework, rule, reason), labels in grouped.items():
        shown.add_row(framework, rule, ", ".join(filter(None, labels)), f"not run: {reason}")
    return shown
