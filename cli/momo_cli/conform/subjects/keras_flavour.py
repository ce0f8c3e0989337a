"""Optimizers like those of ``keras.optimizers``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from momo_keras.driver import precision
from momo_spec import OptimizerSpec
from momo_spec.problem import Problem, Step

from .arguments import Arguments, takes_argument
from .base import PartialWriteError, Taken, UnsupportedError


class KerasSubject:
    """
    A Keras optimizer on the backend of the process, called by ``apply``.

    The loss goes to ``apply(..., loss=...)``.  What ``last_info`` tells is compared too, if there is one.
    """

    dtypes = ("float64", "float32", "float16", "bfloat16")

    def __init__(
        self, name: str, factory: Callable[..., Any], arguments: Arguments, spec: OptimizerSpec
    ) -> None:
        self.name = f"{name}, Keras on {keras.backend.backend()}"
        self._factory = factory
        self._arguments = arguments
        self._needs_loss = spec.needs_loss

    def run(self, problem: Problem, steps: Sequence[Step], dtype: str) -> Generator[Taken, None, None]:
        """Take the steps eagerly."""
        if problem.groups:
            raise UnsupportedError("no parameter groups")
        with precision(dtype):
            variables = [keras.Variable(param, dtype=dtype) for param in problem.x0]
            built = self._factory(**self._arguments(problem.hyper))
            built.build(variables)
            for step in steps:
                if "learning_rate" in step.hyper:
                    built.learning_rate = step.hyper["learning_rate"]
                self._step(built, variables, step)
                yield _taken(built, variables)

    def _step(self, built: Any, variables: list[Any], step: Step) -> None:
        if self._needs_loss and not takes_argument(built.apply, "loss"):
            raise UnsupportedError("apply() takes no loss")
        if all(grad is None for grad in step.grads):
            raise UnsupportedError("Keras refuses a step without any gradient")
        dtype = variables[0].dtype
        grads = [None if grad is None else ops.convert_to_tensor(grad, dtype) for grad in step.grads]
        loss = {} if step.loss is None or not self._needs_loss else {"loss": step.loss}
        before = _values(variables)
        try:
            built.apply(grads, variables, **loss)
        except Exception as error:
            if not all(map(np.array_equal, before, _values(variables))):
                raise PartialWriteError(f"changed parameters and then raised {error!r}") from error
            raise


def _values(variables: list[Any]) -> list[Any]:
    return [np.array(ops.convert_to_numpy(variable)).astype(np.float64) for variable in variables]


def _taken(built: Any, variables: list[Any]) -> Taken:
    told = built.last_info._asdict() if hasattr(built, "last_info") else {}
    info = {name: float(slot.numpy()) for name, slot in told.items() if slot is not None}
    skipped = info.pop("skipped", None)
    return Taken(_values(variables), info, None if skipped is None else skipped != 0)


make_subject = KerasSubject
