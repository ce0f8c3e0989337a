"""The window of good learning rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from momo_cli.sweep.runs import Record

SLACK = 0.1


@dataclass(frozen=True)
class Window:
    """
    The rates of the grid around the best one, without a gap, at which the loss is good.

    `open_below` and `open_above` say that the window reaches the end of the grid: it may be wider.
    """

    first: float
    last: float
    points: int
    open_below: bool
    open_above: bool

    @property
    def decades(self) -> float:
        """Width in factors of ten: 0 for a single rate."""
        return math.log10(self.last / self.first)


@dataclass(frozen=True)
class Curve:
    """
    Final losses of one optimizer on one task.

    `losses` has the losses of all seeds for each of `rates`, in increasing order; a run that met a
    number that is not finite has infinity there.  `diverged` counts these, and those that ended above
    their start.
    """

    rates: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    diverged: int = 0

    @property
    def means(self) -> list[float]:
        """Mean over the seeds at each rate: infinite if one of them is."""
        return [fmean(losses) for losses in self.losses]

    @property
    def best_loss(self) -> float:
        """Smallest mean."""
        return min(self.means)

    @property
    def best_rate(self) -> float:
        """The rate of the smallest mean."""
        return self.rates[self.means.index(self.best_loss)]

    def window(self, best_loss: float | None = None) -> Window | None:
        """
        Return the rates around the best with means of at most ``(1 + SLACK) * best_loss``.

        `best_loss` is the curve's own unless it is given.  None if there is no such rate, or no
        loss is finite.
        """
        return find_window(self.rates, self.means, self.best_loss if best_loss is None else best_loss)


def find_window(rates: Sequence[float], losses: Sequence[float], best_loss: float) -> Window | None:
    """Return the longest stretch around the smallest loss that is within `SLACK` of `best_loss`."""
    good = [math.isfinite(loss) and loss <= (1 + SLACK) * best_loss for loss in losses]
    first = last = losses.index(min(losses))
    if not good[first]:
        return None
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(rates) - 1 and good[last + 1]:
        last += 1
    return Window(rates[first], rates[last], last - first + 1, first == 0, last == len(rates) - 1)


def curves(records: Iterable[Record]) -> dict[str, dict[str, Curve]]:
    """Return a curve for each optimizer of each task, in the order of their first runs."""
    cells: dict[tuple[str, str], dict[float, list[Record]]] = {}
    for record in records:
        rates = cells.setdefault((record.run.task, record.run.optimizer), {})
        rates.setdefault(record.run.learning_rate, []).append(record)
    found: dict[str, dict[str, Curve]] = {}
    for (task, optimizer), cell in cells.items():
        found.setdefault(task, {})[optimizer] = _curve(cell)
    return found


def _curve(cell: dict[float, list[Record]]) -> Curve:
    rates = tuple(sorted(cell))
    losses = tuple(tuple(r.loss if r.finite else math.inf for r in cell[rate]) for rate in rates)
    return Curve(rates, losses, sum(r.diverged for rate in rates for r in cell[rate]))


def as_dict(window: Window | None) -> dict[str, Any] | None:
    """Return plain JSON types."""
    return None if window is None else vars(window) | {"decades": window.decades}
