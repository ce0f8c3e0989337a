"""The run in JAX: pure functions, one `jax.jit`, an optimizer of `momo_jax`."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import optax

from momo_cli.train.backends import UnavailableError
from momo_cli.train.optimizers import framework_optimizer, reported_numbers
from momo_cli.train.recorder import Recorder
from momo_cli.train.task import Task


def run(task: Task, recorder: Recorder) -> None:
    """Train on the task's batches."""
    _check_device(task.config.device)
    factory, arguments = framework_optimizer(task.config.optimizer, task.config.hyper, "jax")
    optimizer = factory(**arguments)
    names = reported_numbers(task.config)
    x, y, weights = jax.device_put(task.in_dtype(task.config.dtype))
    state = optimizer.init(weights)
    step = jax.jit(_step(optimizer, _cross_entropy if task.classifies else _half_squared_error))
    for batch in task.batches:
        begin = perf_counter()
        weights, state, loss = step(weights, state, x, y, batch)
        value = float(loss)  # waits for the device
        seconds = perf_counter() - begin
        report = {name: getattr(state, name) for name in names}
        recorder.record(weights, report, loss=value, seconds=seconds)


def _check_device(name: str) -> None:
    try:
        jax.devices(name)
    except RuntimeError as error:
        raise UnavailableError(f"JAX finds no {name} device") from error


def _step(optimizer: optax.GradientTransformationExtraArgs, loss_function: Callable[..., Any]) -> Any:
    def objective(weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        w1, b1, w2, b2 = weights
        loss: jax.Array = loss_function(jnp.tanh(x @ w1 + b1) @ w2 + b2, y)
        return loss

    def step(weights: list[jax.Array], state: Any, x: jax.Array, y: jax.Array, batch: jax.Array) -> Any:
        loss, gradients = jax.value_and_grad(objective)(weights, x[batch], y[batch])
        updates, state = optimizer.update(gradients, state, weights, value=loss)
        return optax.apply_updates(weights, updates), state, loss

    return step


def _cross_entropy(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(outputs, y))


def _half_squared_error(outputs: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((outputs - y) ** 2) / 2
