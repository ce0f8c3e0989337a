"""
How far rounding errors may carry a correct implementation from the exact trajectory.

The bound is computed and not chosen: the specification is evaluated several times with
random relative errors of the size of the unit roundoff (Monte-Carlo arithmetic), and the
largest distance from the exact trajectory, times a safety factor, is what an
implementation is held to.  It follows the condition of the problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .arithmetic import Arithmetic, Perturbed, Precise
from .evaluate import Evaluator
from .load import OptimizerSpec

UNIT_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
SAMPLES = 16
SAFETY = 4

Rows = npt.NDArray[np.float64]
"""A trajectory: one row of all parameters for each step, the start first."""


def rounding_bound(reference: Rows, runs: Iterable[Rows], unit_roundoff: float) -> Rows:
    """
    Largest admissible distance from the reference after each step.

    Parameters
    ----------
    reference : array, shape (steps + 1, parameters)
    runs : iterable of arrays of that shape
        Trajectories with random rounding errors.
    unit_roundoff : float
        Of the format that the runs imitate.

    Returns
    -------
    array, shape (steps + 1,)
        Euclidean; `SAFETY` times the running maxima of the spread and of one rounding
        of the parameters.
    """
    distances = [np.linalg.norm(run - reference, axis=1) for run in runs]
    spread = np.maximum.accumulate(np.max(distances, axis=0))
    size = np.maximum.accumulate(np.linalg.norm(reference, axis=1))
    bound: Rows = SAFETY * (spread + unit_roundoff * size)
    return bound


def open_loop(
    spec: OptimizerSpec,
    hyper: Mapping[str, Any],
    params: Sequence[Any],
    steps: Sequence[Mapping[str, Any]],
    arithmetic: Arithmetic | None = None,
) -> tuple[Rows, list[dict[str, Any]]]:
    """
    Trajectory for prescribed gradients and losses.

    Parameters
    ----------
    spec, hyper
        The optimizer.
    params : sequence of arrays
        Start.
    steps : sequence of mappings
        Each with ``grads``, ``loss`` and, for this step alone, ``hyper``.
    arithmetic : Arithmetic, optional
        50 decimal digits unless given.

    Returns
    -------
    rows : array, shape (steps + 1, parameters)
    infos : list of dict
        Info of each step.
    """
    evaluator = Evaluator(spec, hyper, arithmetic=arithmetic or Precise())
    current = evaluator.start(params)
    rows, infos = [flattened(current)], []
    for step in steps:
        current, info = evaluator.step(current, step["grads"], step.get("loss"), hyper=step.get("hyper"))
        rows.append(flattened(current))
        infos.append(info)
    return np.array(rows), infos


def open_loop_bound(
    spec: OptimizerSpec,
    hyper: Mapping[str, Any],
    params: Sequence[Any],
    steps: Sequence[Mapping[str, Any]],
    reference: Rows,
    unit_roundoff: float,
) -> Rows:
    """`rounding_bound` for prescribed gradients and losses; deterministic."""
    runs = (
        open_loop(spec, hyper, params, steps, Perturbed(unit_roundoff, seed=seed))[0]
        for seed in range(SAMPLES)
    )
    return rounding_bound(reference, runs, unit_roundoff)


def flattened(arrays: Sequence[Any]) -> Rows:
    """All elements of several arrays as one float64 vector."""
    return np.concatenate([np.asarray(array, dtype=np.float64).ravel() for array in arrays])
