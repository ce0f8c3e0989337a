"""Hold a trajectory to the reference and its bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from momo_cli.train.datasets import Array
from momo_cli.train.recorder import TRAJECTORY
from momo_cli.train.reference import BOUNDS

LARGEST_BOUND = 1e-2  # of the way from the start; beyond it a bound says nothing


@dataclass(frozen=True)
class Comparison:
    """
    A backend's distance from the reference after each step, and the bound on it.

    Both are relative to the way that the reference went from the start so far, and NaN as long as
    it has not moved. Only steps before the `horizon` count: the first step at which the bound
    exceeds `LARGEST_BOUND`, or one more than the last step.

    `held_to` is the floating-point type whose rounding errors the bound allows; `use` is the
    largest share of the bound that is used up, and `worst_step` where.
    """

    held_to: str
    deviation: Array
    bound: Array
    horizon: int
    use: float
    worst_step: int

    @property
    def within(self) -> bool:
        """Whether the trajectory stays within its bound."""
        return self.use <= 1

    @property
    def farthest_step(self) -> int:
        """The step of the largest deviation."""
        return int(np.nan_to_num(self.deviation[: self.horizon], nan=-1, posinf=np.inf).argmax())


def compare(folder: Path, reference_folder: Path, held_to: str) -> Comparison:
    """Compare the trajectory in `folder` with the reference."""
    reference = np.load(reference_folder / TRAJECTORY, mmap_mode="r")
    rows = np.load(folder / TRAJECTORY, mmap_mode="r")
    with np.load(reference_folder / BOUNDS) as file:
        bound = file[held_to]
    distance = _norms(row - other for row, other in zip(rows, reference, strict=True))
    distance[np.isnan(distance)] = np.inf
    way = np.maximum.accumulate(_norms(row - reference[0] for row in reference))
    horizon = _first((way > 0) & (bound > LARGEST_BOUND * way))
    use = (distance / bound)[:horizon]
    return Comparison(
        held_to=held_to,
        deviation=_ratio(distance, way),
        bound=_ratio(bound, way),
        horizon=horizon,
        use=float(use.max()),
        worst_step=int(use.argmax()),
    )


def _norms(rows: Iterable[Array]) -> Array:
    return np.array([np.linalg.norm(row.astype(np.float64)) for row in rows])


def _first(condition: Array) -> int:
    """Return the index of the first true element, or the length if there is none."""
    return int(np.append(condition, True).argmax())


def _ratio(values: Array, way: Array) -> Array:
    return np.divide(values, way, out=np.full_like(way, np.nan), where=way > 0)
