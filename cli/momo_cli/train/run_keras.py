"""The run in Keras: `compile` and `fit`, nothing else; the backend is chosen by ``KERAS_BACKEND``."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import keras

from momo_cli.train.backends import UnavailableError
from momo_cli.train.optimizers import framework_optimizer, reported_numbers
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import Task


def run(task: Task, recorder: Recorder) -> None:
    """Train on the task's batches, laid out one after the other."""
    if task.config.device == "cuda":
        _check_gpu()
    keras.config.set_floatx(task.config.dtype)
    x, y, weights = task.in_dtype(task.config.dtype)
    factory, arguments = framework_optimizer(task.config.optimizer, task.config.hyper, "keras")
    model = keras.Sequential(
        [
            keras.layers.Input(x.shape[1:]),
            keras.layers.Dense(task.config.hidden, activation="tanh"),
            keras.layers.Dense(task.data.outputs),
        ]
    )
    model.set_weights(weights)
    model.compile(optimizer=factory(**arguments), loss=_loss_function(task))
    order = task.batches.ravel()
    model.fit(
        x[order],
        y[order],
        batch_size=task.config.batch_size,
        shuffle=False,
        verbose=0,
        callbacks=[_Watch(recorder, reported_numbers(task.config))],
    )


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Records each step of `fit`."""

    def __init__(self, recorder: Recorder, names: list[str]) -> None:
        super().__init__()
        self._recorder = recorder
        self._names = names
        self._begin = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Start the clock and the mean of the losses, so that ``logs`` has this batch's loss."""
        self.model.reset_metrics()
        self._begin = perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Record the step."""
        loss = float(logs["loss"])  # waits for the device
        seconds = perf_counter() - self._begin
        optimizer = self.model.optimizer
        report = {name: keras.ops.convert_to_numpy(getattr(optimizer, name)) for name in self._names}
        self._recorder.record(self.model.get_weights(), report, loss=loss, seconds=seconds)


def _loss_function(task: Task) -> Any:
    if task.classifies:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return _half_squared_error


def _half_squared_error(targets: Any, outputs: Any) -> Any:
    return keras.losses.mean_squared_error(targets, outputs) / 2


def _check_gpu() -> None:
    if not keras.distribution.list_devices("gpu"):
        raise UnavailableError(f"Keras finds no GPU with {keras.backend.backend()}")
