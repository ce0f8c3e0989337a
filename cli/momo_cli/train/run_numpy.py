"""The run in NumPy: the core's own rule, no framework."""

from __future__ import annotations

from time import perf_counter

import numpy as np

import momo_core
from momo_cli.train.backends import UnavailableError
from momo_cli.train.network import loss_and_gradients
from momo_cli.train.optimizers import reported_numbers
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import Task


def run(task: Task, recorder: Recorder) -> None:
    """Train on the task's batches."""
    if task.config.device != "cpu":
        raise UnavailableError("NumPy runs on the CPU only")
    names = reported_numbers(task.config)
    x, y, weights = task.in_dtype(task.config.dtype)
    rule = getattr(momo_core, task.config.optimizer)(**task.config.hyper)
    state = rule.init(weights, xp=np)
    for batch in task.batches:
        begin = perf_counter()
        loss, gradients = loss_and_gradients(weights, x[batch], y[batch])
        weights, state, info = rule.step(weights, gradients, loss, state, xp=np)
        seconds = perf_counter() - begin
        report = {name: getattr(info, name) for name in names}
        recorder.record(weights, report, loss=loss, seconds=seconds)
