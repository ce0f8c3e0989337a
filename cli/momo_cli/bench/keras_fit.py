"""
Training steps of Keras: with the gradient, as `fit` takes them.

The model has the tensors of a parameter set: a dense layer without bias for each matrix, one after the other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import keras
import numpy as np

from .cases import Case, Shapes, count

BATCHES = (8, 128)
"""Samples of a batch: with 8 of them the gradient is cheap, with 128 it takes as long as is usual."""


def follow_each_other(shapes: Shapes) -> bool:
    """Whether the tensors are matrices, each for the outputs of the one before it."""
    return all(len(shape) == 2 for shape in shapes) and all(
        before[1] == after[0] for before, after in pairwise(shapes)
    )


def fit_case(name: str, optimizer: Any, shapes: Shapes, batch: int, framework: str, peer: str) -> Case:
    """The training step of an optimizer, by the function that `fit` calls for each batch."""
    generator = np.random.default_rng(0)
    inputs, outputs = shapes[0][0], shapes[-1][1]
    layers = [keras.layers.Dense(shape[1], activation="relu", use_bias=False) for shape in shapes]
    model = keras.Sequential([keras.Input((inputs,)), *layers])
    model.compile(optimizer=optimizer, loss="mse")
    x, y = (generator.standard_normal((batch, size), np.float32) for size in (inputs, outputs))
    return Case(
        titled(name, batch),
        framework,
        lambda: model.train_on_batch(x, y),
        # The loss is returned as a number.
        lambda: None,
        count(shapes),
        lambda: sum(int(np.prod(each.shape)) * np.dtype(each.dtype).itemsize for each in optimizer.variables),
        lambda: None,
        peer=peer and titled(peer, batch),
    )


def titled(name: str, batch: int) -> str:
    """Name of the training step of an optimizer."""
    return f"{name}, fit {batch}"
