"""A run in Keras: `compile` and `fit`; the backend is chosen by ``KERAS_BACKEND``."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from momo_cli.sweep import networks
from momo_cli.sweep.optimizers import MOMENTUM, WEIGHT_DECAY, Choice
from momo_cli.sweep.problem import Problem
from momo_cli.sweep.tasks import Task
from momo_cli.train.datasets import Array
from momo_cli.train.optimizers import framework_optimizer


class Network(keras.Model):  # type: ignore[misc]
    """The network of a task."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task
        self._parts = [self.add_weight(shape=shape) for shape in task.shapes]

    def call(self, x: Any) -> Any:
        """Return the outputs."""
        if self._task.ridge:
            self.add_loss(self._task.ridge * networks.ridge(self._parts, xp=keras.ops))
        return self._task.network(self._parts, x, xp=keras.ops)


def train(problem: Problem, choice: Choice, learning_rate: float) -> tuple[list[Array], int]:
    """Return the final weights, and how many steps the optimizer skipped."""
    model = Network(problem.task)
    model.set_weights(problem.weights)
    loss = partial(_loss, problem.task, "int32" if problem.y.dtype.kind == "i" else "float32")
    optimizer = _optimizer(choice, learning_rate)
    model.compile(optimizer=optimizer, loss=loss, auto_scale_loss=False)
    x, y = (array.reshape(-1, *array.shape[2:]) for array in (problem.x, problem.y))
    model.fit(x, y, batch_size=problem.x.shape[1], shuffle=False, verbose=0)
    return model.get_weights(), int(optimizer.skipped_steps) if choice.ours else 0


def _loss(task: Task, dtype: str, targets: Any, outputs: Any) -> Any:
    """Return the loss; Keras with TensorFlow hands over classes as real numbers."""
    return task.loss(outputs, keras.ops.cast(targets, dtype), xp=keras.ops)


def _optimizer(choice: Choice, learning_rate: float) -> Any:
    match choice.name:
        case "builtin_sgdm":
            return keras.optimizers.SGD(learning_rate, momentum=MOMENTUM)
        case "builtin_adam":
            return keras.optimizers.Adam(learning_rate)
        case "builtin_adamw":
            return keras.optimizers.AdamW(learning_rate, weight_decay=WEIGHT_DECAY)
        case name:
            hyper = {**choice.hyper, "learning_rate": learning_rate}
            factory, arguments = framework_optimizer(name, hyper, "keras")
            return factory(**arguments)
