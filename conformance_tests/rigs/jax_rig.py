"""The rig of `momo_jax`: eager calls of `update` and `apply_updates`."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

from momo_jax import driver

from . import NO_LOSS, START, Arrays, Rig, Run, WayToSet, is_double, passed


class JaxRun(Run):
    """A gradient transformation, and what it is a function of."""

    def __init__(self, make: Callable[..., Any], params: Sequence[Any], *, wide: bool) -> None:
        self.make, self.wide = make, wide
        self.optimizer, self.arrays = make(), list(params)
        with jax.enable_x64(wide):
            self.optax_state = self.optimizer.init(self.arrays)

    def step(self, grads: Sequence[Any], loss: Any = NO_LOSS) -> None:
        with jax.enable_x64(self.wide):
            given = [
                jax.numpy.asarray(grad, array.dtype) if is_double(grad) else grad
                for grad, array in zip(grads, self.arrays, strict=len(grads) == len(self.arrays))
            ]
            updates, self.optax_state = self.optimizer.update(
                given, self.optax_state, self.arrays, **passed(value=loss)
            )
            self.arrays = [
                array if update is None else optax.apply_updates(array, update)
                for array, update in zip(self.arrays, updates, strict=True)
            ]

    def set_learning_rate(self, rate: float) -> None:
        self.optimizer = self.make(learning_rate=lambda count: rate)

    @property
    def params(self) -> list[np.ndarray]:
        return [np.array(array).astype(np.float64) for array in self.arrays]

    @property
    def state(self) -> Arrays:
        state = self.optax_state
        trees = (state.count, state.averages, state.tensors, state.scalars, state.seen)
        paths = jax.tree_util.tree_flatten_with_path(trees)[0]
        named = {jax.tree_util.keystr(path): np.array(leaf) for path, leaf in paths}
        return {name: leaf for name, leaf in named.items() if "skipped_steps" not in name}

    @property
    def info(self) -> dict[str, float]:
        info = self.optax_state.info._asdict()
        return {name: value.item() for name, value in info.items() if value is not None}

    @property
    def skipped_steps(self) -> int:
        return int(self.optax_state.skipped_steps)

    def save(self) -> bytes:
        return pickle.dumps(self.optax_state)

    def load(self, saved: bytes) -> None:
        self.optax_state = pickle.loads(saved)


class JaxRig(Rig):
    """Gradient transformations of optax."""

    name = "jax"

    def make(
        self,
        rule: str,
        hyper: Mapping[str, Any] | None = None,
        params: Sequence[Any] = START,
        *,
        dtype: str | Sequence[str] = "float32",
        **options: Any,
    ) -> JaxRun:
        dtypes = [dtype] * len(params) if isinstance(dtype, str) else dtype
        wide = "float64" in dtypes
        with jax.enable_x64(wide):
            arrays = [
                jax.numpy.asarray(param, name) if is_double(param) else param
                for param, name in zip(params, dtypes, strict=True)
            ]

        def constructor(**changed: Any) -> Any:
            return driver.make(rule, {**(hyper or {}), **changed}, **options)

        return JaxRun(constructor, arrays, wide=wide)

    def array(self, values: Any, dtype: str = "float32") -> jax.Array:
        with jax.enable_x64(dtype == "float64"):
            return jax.numpy.asarray(values, dtype)

    def ways_to_set(self, rule: str, hyper: Mapping[str, Any]) -> Iterator[WayToSet]:
        yield WayToSet("constructor", lambda: driver.make(rule, dict(hyper)), dict)


RIG = JaxRig()
