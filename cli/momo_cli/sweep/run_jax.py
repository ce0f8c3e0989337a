"""A run in JAX: one compiled scan over the steps, in which the learning rate is an argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from momo_cli.sweep.optimizers import MOMENTUM, WEIGHT_DECAY, Choice
from momo_cli.sweep.problem import Problem
from momo_cli.sweep.tasks import Task
from momo_cli.train.datasets import Array
from momo_cli.train.optimizers import framework_optimizer


def train(problem: Problem, choice: Choice, learning_rate: float) -> tuple[list[Array], int]:
    """Return the final weights, and how many steps the optimizer skipped."""
    run = _compiled(problem.task, choice)
    weights, skipped = run(problem.weights, np.float32(learning_rate), problem.x, problem.y)
    return [np.asarray(weight) for weight in weights], int(skipped)


@lru_cache(maxsize=4)  # runs come sorted; compiled code takes memory
def _compiled(task: Task, choice: Choice) -> Callable[..., Any]:
    def run(weights: list[jax.Array], learning_rate: jax.Array, x: jax.Array, y: jax.Array) -> Any:
        optimizer = _optimizer(choice, learning_rate)

        def step(carry: Any, batch: Any) -> Any:
            weights, state = carry
            loss, gradients = jax.value_and_grad(task.objective)(weights, *batch, xp=jnp)
            updates, state = optimizer.update(gradients, state, weights, value=loss)
            return (optax.apply_updates(weights, updates), state), None

        (weights, state), _ = jax.lax.scan(step, (weights, optimizer.init(weights)), (x, y))
        if choice.name == "schedule_free":
            weights = optax.contrib.schedule_free_eval_params(state, weights)
        return weights, state.scalars["skipped_steps"] if choice.ours else 0

    return jax.jit(run)


def _optimizer(choice: Choice, learning_rate: jax.Array) -> optax.GradientTransformationExtraArgs:
    match choice.name:
        case "builtin_sgdm":
            optimizer = optax.sgd(learning_rate, momentum=MOMENTUM)
        case "builtin_adam":
            optimizer = optax.adam(learning_rate)
        case "builtin_adamw":
            optimizer = optax.adamw(learning_rate, weight_decay=WEIGHT_DECAY)
        case "schedule_free":
            optimizer = optax.contrib.schedule_free_adamw(learning_rate)
        case "prodigy":
            optimizer = optax.contrib.prodigy(learning_rate)
        case name:
            hyper = {**choice.hyper, "learning_rate": learning_rate}
            factory, arguments = framework_optimizer(name, hyper, "jax")
            optimizer = factory(**arguments)
    return optax.with_extra_args_support(optimizer)
