"""What a worker process leaves behind: a line for each step and a file of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from momo_cli.train.datasets import Array
from momo_cli.train.task import Task

TRAJECTORY = "trajectory.npy"


class Recorder:
    """
    Collects one run.

    Parameters
    ----------
    task : Task
        The run's task; the weights before the first step are part of the trajectory.
    folder : Path
        Where the trajectory goes, one row of all weights a step.
    channel : TextIO
        Where the events go, a JSON object a line.
    """

    def __init__(self, task: Task, folder: Path, channel: TextIO) -> None:
        self.folder = folder
        self._channel = channel
        self._step = 0
        start = _flat(task.weights)
        shape = (task.config.steps + 1, start.size)
        self._rows = np.lib.format.open_memmap(folder / TRAJECTORY, "w+", task.config.dtype, shape)
        self._rows[0] = start

    def record(self, weights: list[Any], info: dict[str, Any], *, loss: Any, seconds: float) -> None:
        """Record one step: the weights after it, the loss before it and what the rule reports."""
        self._step += 1
        self._rows[self._step] = _flat(weights)
        numbers = {name: float(value) for name, value in info.items()}
        self.send("step", step=self._step, loss=float(loss), seconds=seconds, **numbers)

    def send(self, event: str, **content: Any) -> None:
        """Send one event to the parent process."""
        print(json.dumps({"event": event, **content}), file=self._channel, flush=True)


def _flat(weights: list[Any]) -> Array:
    return np.concatenate([np.ravel(np.asarray(weight)) for weight in weights])
