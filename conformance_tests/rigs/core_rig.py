"""The rig of `momo_core` itself, on NumPy."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import momo_core

from . import NO_LOSS, START, Arrays, Rig, Run, WayToSet, is_double


class CoreRun(Run):
    """A rule, and what it is a function of."""

    def __init__(self, rule: momo_core.Rule, params: Sequence[Any], dtypes: Sequence[str]) -> None:
        self.rule = rule
        self.arrays = [
            np.asarray(param, dtype) if is_double(param) else param
            for param, dtype in zip(params, dtypes, strict=True)
        ]
        self.rule_state = rule.init(self.arrays)
        _, _, self.last = rule.step([], [], 0.0, self.rule_state, xp=np)
        self.seen = [np.asarray(False) for _ in params]
        self.step_hyper: dict[str, float] = {}

    def step(self, grads: Sequence[Any], loss: Any = NO_LOSS) -> None:
        given = [
            np.asarray(grad, array.dtype) if is_double(grad) else grad
            for grad, array in zip(grads, self.arrays, strict=len(grads) == len(self.arrays))
        ]
        fresh = [~seen for seen in self.seen]
        told = None if loss is NO_LOSS else loss
        self.arrays, self.rule_state, self.last = self.rule.step(
            self.arrays, given, told, self.rule_state, fresh=fresh, hyper=self.step_hyper
        )
        taken = ~self.last.skipped
        self.seen = [seen | taken & (grad is not None) for seen, grad in zip(self.seen, given, strict=True)]

    def set_learning_rate(self, rate: float) -> None:
        self.step_hyper = {"learning_rate": rate}

    @property
    def params(self) -> list[np.ndarray]:
        return [np.array(array, np.float64) for array in self.arrays]

    @property
    def state(self) -> Arrays:
        leaves = {
            f"{name} {index}": np.array(value)
            for index, leaf in enumerate(self.rule_state.leaves)
            for name, value in leaf.items()
        }
        scalars = {name: np.array(value) for name, value in self.rule_state.scalars.items()}
        del scalars["skipped_steps"]
        return {**leaves, **scalars, "seen": np.array(self.seen)}

    @property
    def info(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.last._asdict().items() if value is not None}

    @property
    def skipped_steps(self) -> int:
        return int(self.rule_state.scalars["skipped_steps"])

    def save(self) -> bytes:
        return pickle.dumps((self.rule_state, self.seen))

    def load(self, saved: bytes) -> None:
        self.rule_state, self.seen = pickle.loads(saved)


class CoreRig(Rig):
    """Rules as pure functions of NumPy arrays."""

    name = "core"
    dtypes = ("float64", "float32", "float16")

    def make(
        self,
        rule: str,
        hyper: Mapping[str, Any] | None = None,
        params: Sequence[Any] = START,
        *,
        dtype: str | Sequence[str] = "float32",
        **options: Any,
    ) -> CoreRun:
        made = getattr(momo_core, rule)(**(hyper or {}), **options)
        dtypes = [dtype] * len(params) if isinstance(dtype, str) else dtype
        return CoreRun(made, params, dtypes)

    def array(self, values: Any, dtype: str = "float32") -> np.ndarray:
        return np.asarray(values, dtype)

    def ways_to_set(self, rule: str, hyper: Mapping[str, Any]) -> Iterator[WayToSet]:
        yield WayToSet("constructor", lambda: self.make(rule, hyper), dict)


RIG = CoreRig()
