"""Optimizers like those of optax: pairs of ``init`` and ``update``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import jax
import numpy as np
import optax

from momo_spec import OptimizerSpec
from momo_spec.problem import Problem, Step

from .arguments import Arguments
from .base import Taken, UnsupportedError


class OptaxSubject:
    """
    A gradient transformation; the loss is ``value``, as in optax.

    What ``state.info`` tells is compared too, if there is one.
    """

    dtypes = ("float64", "float32", "float16", "bfloat16")

    def __init__(
        self, name: str, factory: Callable[..., Any], arguments: Arguments, spec: OptimizerSpec
    ) -> None:
        self.name = name
        self._factory = factory
        self._arguments = arguments
        self._needs_loss = spec.needs_loss

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take the steps on the default device, operation by operation."""
        if problem.groups:
            raise UnsupportedError("no parameter groups")
        # Without jit every step is traced anew, and each `cond` in it compiled again.
        with jax.enable_x64(dtype == "float64"), jax.disable_jit():
            params = [jax.numpy.asarray(param, dtype=dtype) for param in problem.x0]
            state = self._made(problem, {}).init(params)
            for step in steps:
                params, state = self._step(self._made(problem, step.hyper), params, state, step)
                yield _taken(params, state)

    def _made(self, problem: Problem, hyper: Any) -> Any:
        """A transformation holds no state: one made with a step's values goes on where the last stopped."""
        return optax.with_extra_args_support(self._factory(**self._arguments({**problem.hyper, **hyper})))

    def _step(self, made: Any, params: list[Any], state: Any, step: Step) -> tuple[list[Any], Any]:
        grads = [
            None if grad is None else jax.numpy.asarray(grad, dtype=params[0].dtype) for grad in step.grads
        ]
        loss = {} if step.loss is None or not self._needs_loss else {"value": step.loss}
        partial = None in grads
        try:
            updates, state = made.update(grads, state, params, **loss)
        except Exception as error:
            if partial:
                raise UnsupportedError(f"no missing gradients ({type(error).__name__})") from error
            raise
        if len(updates) != len(params):
            raise ValueError("not one update for each parameter")
        return [_moved(param, update) for param, update in zip(params, updates, strict=True)], state


def _moved(param: Any, update: Any) -> Any:
    return param if update is None else optax.apply_updates(param, update)


def _taken(params: list[Any], state: Any) -> Taken:
    told = state.info._asdict() if hasattr(state, "info") else {}
    info = {name: float(value) for name, value in told.items() if value is not None}
    skipped = info.pop("skipped", None)
    return Taken(
        [np.asarray(param).astype(np.float64) for param in params],
        info,
        None if skipped is None else skipped != 0,
    )


make_subject = OptaxSubject
