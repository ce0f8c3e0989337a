"""The reference trajectory, and how far rounding errors may carry a correct backend from it."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np

from momo_cli.train.config import UNIT_ROUNDOFF
from momo_cli.train.datasets import Array
from momo_cli.train.network import Arithmetic, NoisyArithmetic, loss_and_gradients
from momo_cli.train.optimizers import reported_numbers
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import Task
from momo_spec import Evaluator, load_spec
from momo_spec import arithmetic as spec_arithmetic

NOISY_RUNS = 16
SAFETY = 4
BOUNDS = "bounds.npz"


def run(task: Task, recorder: Recorder) -> None:
    """
    Record the reference and write the bound of each floating-point type in use to `BOUNDS`.

    The reference is the NumPy network in float64 with the spec's own evaluator. A bound is
    `SAFETY` times the largest distance of `NOISY_RUNS` runs in Monte-Carlo arithmetic from it, and
    as many roundings of the weights themselves: a bound that follows the condition of the run.
    """
    names = reported_numbers(task.config)
    reference = [_flat(task.weights)]
    begin = perf_counter()
    for weights, loss, info in _train(task, Arithmetic(), spec_arithmetic.Float64()):
        report = {name: info[name] for name in names}
        recorder.record(weights, report, loss=loss, seconds=perf_counter() - begin)
        reference.append(_flat(weights))
        begin = perf_counter()
    types = sorted({"float32", task.config.dtype})
    bounds: dict[str, Any] = {
        name: _bound(task, recorder, np.array(reference), UNIT_ROUNDOFF[name]) for name in types
    }
    np.savez(recorder.folder / BOUNDS, **bounds)


def noisy_runs(dtype: str) -> int:
    """Return how many noisy runs the bounds of a run in `dtype` take."""
    return NOISY_RUNS * len({"float32", dtype})


def _bound(task: Task, recorder: Recorder, reference: Array, unit: float) -> Array:
    """Return the largest distance from the reference allowed after each step."""
    spread = np.zeros(len(reference))
    for seed in range(NOISY_RUNS):
        noise = spec_arithmetic.Perturbed(unit, seed=seed)
        run = _train(task, NoisyArithmetic(unit, seed=seed + NOISY_RUNS), noise)
        for step, (weights, _, _) in enumerate(run, start=1):
            distance = np.linalg.norm(_flat(weights) - reference[step])
            spread[step] = np.fmax(spread[step], distance)
        recorder.send("advance", steps=task.config.steps)
    size = np.linalg.norm(reference, axis=1)
    return SAFETY * (np.maximum.accumulate(spread) + unit * np.maximum.accumulate(size))


def _train(
    task: Task, network: Arithmetic, optimizer: spec_arithmetic.Arithmetic
) -> Iterator[tuple[list[Array], float, dict[str, Any]]]:
    """Yield the weights after each step, the loss before it and the rule's report."""
    x, y, start = task.in_dtype("float64")
    evaluator = Evaluator(load_spec(task.config.optimizer), task.config.hyper, arithmetic=optimizer)
    weights = evaluator.start(start)
    for batch in task.batches:
        loss, gradients = loss_and_gradients(weights, x[batch], y[batch], network)
        weights, info = evaluator.step(weights, gradients, loss)
        yield weights, loss, info


def _flat(weights: list[Array]) -> Array:
    return np.concatenate([weight.ravel() for weight in weights]).astype(np.float64)
