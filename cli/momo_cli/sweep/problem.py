"""A task as numbers: initial weights, batches and the examples of the final loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256

import numpy as np

from momo_cli.sweep.tasks import TASKS, Examples, Task
from momo_cli.train.datasets import Array
from momo_cli.train.task import initial_weights, shuffled_batches


@dataclass(frozen=True)
class Problem:
    """
    What the optimizers have in common in the runs of one seed.

    `weights` are float32.  `x` and `y` have one batch of examples a step: (steps, batch size, ...).
    """

    task: Task
    weights: list[Array]
    x: Array
    y: Array

    @cached_property
    def initial_loss(self) -> float:
        """Mean loss of the training set before the first step."""
        return self.loss(self.weights)

    def loss(self, weights: list[Array]) -> float:
        """Return the mean loss of the training set, computed in float64."""
        wide = [weight.astype(np.float64) for weight in weights]
        x, y = _examples_of_loss(self.task)
        with np.errstate(all="ignore"):  # weights of a run that diverged
            return float(self.task.objective(wide, x, y, xp=np))

    def fingerprint(self) -> str:
        """Return a code that changes with any number of the problem."""
        arrays = [*self.weights, self.x, self.y, *_examples_of_loss(self.task)]
        digest = sha256()
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        return digest.hexdigest()[:12]


@lru_cache(maxsize=8)
def prepare(name: str, seed: int, steps: int, batch_size: int) -> Problem:
    """Build the problem of a task and a seed."""
    task = TASKS[name]
    generator = np.random.default_rng(seed)
    weights = initial_weights(task.shapes, generator)
    examples = task.load()
    rows = shuffled_batches(len(examples[0]), steps, batch_size, generator).ravel()
    x, y = (array[rows] for array in examples)
    if task.draw is not None:
        x, y = task.draw((x, y), generator)
    x, y = (array.reshape(steps, batch_size, *array.shape[1:]) for array in (x, y))
    return Problem(task, weights, x, y)


@lru_cache(maxsize=8)
def _examples_of_loss(task: Task) -> Examples:
    x, y = task.examples_of_loss()
    return (x.astype(np.float64) if x.dtype.kind == "f" else x), y
