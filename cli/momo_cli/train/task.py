"""A task: everything that the backends must have in common, as numbers in one folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from momo_cli.train.config import Config
from momo_cli.train.datasets import DATASETS, Array, Dataset


@dataclass(frozen=True)
class Task:
    """
    Data, initial weights and batches of one run.

    Every real number is a float32, so that it is the same number in float32 and in float64.
    `batches` has one row of example numbers a step.
    """

    config: Config
    data: Dataset
    weights: list[Array]
    batches: Array

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes, and the loss the cross-entropy."""
        return self.data.y_train.dtype.kind == "i"

    def in_dtype(self, dtype: str) -> tuple[Array, Array, list[Array]]:
        """Return the training inputs and targets and the initial weights, exactly converted."""
        x, y = self.data.x_train.astype(dtype), self.data.y_train
        weights = [weight.astype(dtype) for weight in self.weights]
        return x, y if self.classifies else y.astype(dtype), weights

    def save(self, folder: Path) -> None:
        """Write the task, for `load` in another process."""
        (folder / "config.json").write_text(json.dumps(self.config.as_dict()))
        arrays: dict[str, Any] = {f"weight_{index}": w for index, w in enumerate(self.weights)}
        arrays |= {"batches": self.batches, **vars(self.data)}
        np.savez(folder / "task.npz", **arrays)


def prepare(config: Config) -> Task:
    """Build the task that `config` describes."""
    data = DATASETS[config.dataset]()
    generator = np.random.default_rng(config.seed)
    sizes = [data.x_train.shape[1], config.hidden, data.outputs]
    shapes = [shape for rows, columns in pairwise(sizes) for shape in ((rows, columns), (columns,))]
    weights = initial_weights(shapes, generator)
    batches = shuffled_batches(len(data.x_train), config.steps, config.batch_size, generator)
    return Task(config, data, weights, batches)


def load(folder: Path) -> Task:
    """Read the task that `Task.save` wrote."""
    config = Config(**json.loads((folder / "config.json").read_text()))
    with np.load(folder / "task.npz") as file:
        arrays = dict(file)
    weights = [arrays.pop(f"weight_{index}") for index in range(4)]
    batches = arrays.pop("batches")
    outputs = int(arrays.pop("outputs"))
    data = Dataset(**arrays, outputs=outputs)
    return Task(config, data, weights, batches)


def initial_weights(shapes: Iterable[tuple[int, ...]], generator: np.random.Generator) -> list[Array]:
    """Return float32 weights: matrices uniform by the rule of Glorot and Bengio, vectors zero."""
    weights: list[Array] = []
    for shape in shapes:
        limit = np.sqrt(6 / sum(shape))
        draw = generator.uniform(-limit, limit, shape) if len(shape) == 2 else np.zeros(shape)
        weights.append(draw.astype(np.float32))
    return weights


def shuffled_batches(examples: int, steps: int, size: int, generator: np.random.Generator) -> Array:
    """Return shuffled epochs, one after the other, cut into batches: example numbers, (steps, size)."""
    epochs = [generator.permutation(examples) for _ in range(-(-steps * size // examples))]
    return np.concatenate(epochs)[: steps * size].reshape(steps, size)
