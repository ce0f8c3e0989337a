"""The rig of `momo_keras` on the Keras backend of the process: eager calls of `apply`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from momo_keras import driver
from momo_keras.adapter import ModelBasedOptimizer

from . import NO_LOSS, START, Arrays, Rig, Run, WayToSet, is_double, passed

NOT_STATE = ("skipped_steps", "step_size", "truncation", "beta", "skipped", "loss_sum", "learning_rate")
"""Variables that do not decide how a run goes on, if it is not within a round of micro-steps."""

UNNAMED = re.compile(r"^variable(_\d+)?_")
"""What Keras puts before the names of averages of variables without a name."""


class KerasRun(Run):
    """A built optimizer and its variables."""

    def __init__(self, optimizer: ModelBasedOptimizer, variables: Sequence[Any], precision: str) -> None:
        self.optimizer, self.variables, self.precision = optimizer, variables, precision
        with driver.precision(precision):
            optimizer.build(variables)

    def step(self, grads: Sequence[Any], loss: Any = NO_LOSS) -> None:
        with driver.precision(self.precision):
            given = [
                ops.convert_to_tensor(grad, variable.dtype) if is_double(grad) else grad
                for grad, variable in zip(grads, self.variables, strict=len(grads) == len(self.variables))
            ]
            self.optimizer.apply(given, self.variables, **passed(loss=loss))

    def set_learning_rate(self, rate: float) -> None:
        self.optimizer.learning_rate = rate

    @property
    def params(self) -> list[np.ndarray]:
        return [numpy_of(variable).astype(np.float64) for variable in self.variables]

    @property
    def state(self) -> Arrays:
        return {
            f"{index} {UNNAMED.sub('', variable.name)}": numpy_of(variable)
            for index, variable in enumerate(self.optimizer.variables)
            if variable.name not in NOT_STATE
        }

    @property
    def info(self) -> dict[str, float]:
        info = self.optimizer.last_info._asdict()
        return {name: numpy_of(value).item() for name, value in info.items() if value is not None}

    @property
    def skipped_steps(self) -> int:
        return int(numpy_of(self.optimizer.skipped_steps))

    def save(self) -> dict[str, Any]:
        saved: dict[str, Any] = {}
        self.optimizer.save_own_variables(saved)
        return {name: np.array(value) for name, value in saved.items()}

    def load(self, saved: dict[str, Any]) -> None:
        self.optimizer.load_own_variables(saved)


def numpy_of(variable: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(variable))


class KerasRig(Rig):
    """Classes of Keras."""

    name = f"keras-{driver.BACKEND}"

    def make(
        self,
        rule: str,
        hyper: Mapping[str, Any] | None = None,
        params: Sequence[Any] = START,
        *,
        dtype: str | Sequence[str] = "float32",
        **options: Any,
    ) -> KerasRun:
        dtypes = [dtype] * len(params) if isinstance(dtype, str) else dtype
        precision = "float64" if "float64" in dtypes else "float32"
        with driver.precision(precision):
            variables = [
                keras.Variable(param, dtype=name if is_double(param) else None)
                for param, name in zip(params, dtypes, strict=True)
            ]
            optimizer = driver.construct(rule, dict(hyper or {}), **options)
        return KerasRun(optimizer, variables, precision)

    def array(self, values: Any, dtype: str = "float32") -> Any:
        with driver.precision(dtype):
            return ops.convert_to_tensor(values, dtype)

    def ways_to_set(self, rule: str, hyper: Mapping[str, Any]) -> Iterator[WayToSet]:
        yield WayToSet("constructor", lambda: driver.construct(rule, dict(hyper)), dict)
        cls = type(driver.construct(rule, {}))
        config = driver.construct(rule, {}).get_config()
        names = {canonical: argument for argument, canonical in cls.names.items()}
        own = {names[name]: value for name, value in hyper.items()}
        yield WayToSet("from_config", lambda: cls.from_config({**config, **own}), dict)


RIG = KerasRig()
