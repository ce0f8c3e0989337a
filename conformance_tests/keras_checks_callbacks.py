"""What the steps did, in the logs of `fit`; run in a process that has one Keras backend."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import keras

from conformance_tests.keras_models import BACKEND, CUTTING_RATE, SIX_STEPS, Watch, X, Y, build, policy
from momo_core.state import LOGGED
from momo_keras import AMAdamW, InfoCallback, LossScaleOptimizer, MomoAdam

ENDS = slice(SIX_STEPS - 1, None, SIX_STEPS)
"""The last step of each epoch."""


class Logs(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the logs of batches."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[dict[str, float]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append({name: logs[name] for name in LOGGED if name in logs})


def trained(optimizer: Any, *callbacks: Any) -> dict[str, list[float]]:
    """History of two epochs."""
    arguments = {"batch_size": len(X) // SIX_STEPS, "shuffle": False, "verbose": 0, "epochs": 2}
    history = build(optimizer).fit(X, Y, callbacks=list(callbacks), **arguments).history
    return {name: values for name, values in history.items() if name in LOGGED}


def check_logs_say_what_the_steps_did() -> None:
    """Logs of batches and of epochs have what the optimizer says of its steps; later callbacks write it."""
    watch, logs = Watch(), Logs()
    trained(MomoAdam(CUTTING_RATE), InfoCallback(each_batch=True), watch, logs)
    steps = [{name: info[name] for name in LOGGED} for info in watch.infos]
    assert logs.batches == steps
    assert any(0 < step["truncation"] < 1 for step in steps)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.csv"
        writers = [keras.callbacks.CSVLogger(str(file)), *tensorboard(folder)]
        history = trained(MomoAdam(CUTTING_RATE), InfoCallback(), *writers)
        assert history == {name: [step[name] for step in steps[ENDS]] for name in LOGGED}
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        assert history == {name: [float(row[name]) for row in rows] for name in LOGGED}
        if len(writers) > 1:
            assert history == curves(folder)


def tensorboard(folder: str) -> list[Any]:
    """Keras's callback writes with TensorFlow, and a process has one backend."""
    return [keras.callbacks.TensorBoard(folder, write_graph=False)] if BACKEND == "tensorflow" else []


def curves(folder: str) -> dict[str, list[float]]:
    """What TensorBoard shows."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorflow import make_ndarray

    events = EventAccumulator(str(Path(folder) / "train")).Reload()
    return {
        name: [float(make_ndarray(event.tensor_proto)) for event in events.Tensors(f"epoch_{name}")]
        for name in LOGGED
    }


def check_logs_of_other_optimizers() -> None:
    """What the rule does not have is not shown, a loss scale is seen through, others are left alone."""
    assert set(trained(AMAdamW(0.1), InfoCallback())) == {"step_size", "truncation", "beta"}
    with policy("mixed_float16"):
        history = trained(LossScaleOptimizer(MomoAdam(CUTTING_RATE), initial_scale=64.0), InfoCallback())
    assert set(history) == set(LOGGED)
    assert trained(keras.optimizers.SGD(0.1), InfoCallback(each_batch=True)) == {}
