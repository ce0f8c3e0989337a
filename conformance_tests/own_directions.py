"""Directions of a user's own for the tests, what they are run on, and where the core takes it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import momo_core
from momo_core import Kind
from momo_spec.bounds import SAMPLES, UNIT_ROUNDOFF, flattened, rounding_bound

ROOT = Path(__file__).parent.parent
BETA = {"beta": (0.9, "[0, 1)")}
START = [np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]]), np.array([0.5, -1.5])]
RUN = [
    {
        "grads": [np.random.default_rng(seed).normal(size=start.shape) for start in START],
        "loss": 1.0 / (1 + seed),
    }
    for seed in range(12)
]


def example(framework: str) -> ModuleType:
    """A file of examples/ as a module."""
    name = f"own_direction_{framework}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def core_params(kind: Kind, hyper: dict[str, Any], start: list[np.ndarray] = START) -> list[np.ndarray]:
    """Parameters after `RUN`, by the core, in the dtype of the start."""
    rule, params = kind.checked_rule(hyper), start
    state = rule.init(params)
    for step in RUN:
        grads = [grad.astype(start[0].dtype) for grad in step["grads"][: len(start)]]
        params, state, _ = rule.step(params, grads, step["loss"], state)
    return params


def assert_is_the_core(
    found: list[np.ndarray], kind: Kind, hyper: dict[str, Any], start: list[np.ndarray] = START
) -> None:
    """
    Parameters after `RUN` in float64 are those of the core but for rounding errors.

    What these may do is measured in float32, from starts in the rounding of the first one, and taken down
    to float64 by the quotient of the units.
    """
    narrow, wide = UNIT_ROUNDOFF["float32"], UNIT_ROUNDOFF["float64"]
    reference = flattened(core_params(kind, hyper, start))[None]
    runs = (
        flattened(core_params(kind, hyper, [array.astype(np.float32) for array in each]))[None]
        for each in (neighbours(start, narrow, seed) for seed in range(SAMPLES))
    )
    bound = rounding_bound(reference, runs, narrow) * (wide / narrow)
    assert np.linalg.norm(flattened(found) - reference) <= 2 * bound[-1]


def neighbours(arrays: list[np.ndarray], unit: float, seed: int) -> list[np.ndarray]:
    """Arrays with random relative errors of up to a unit."""
    random = np.random.default_rng(seed)
    return [array * (1 + unit * random.uniform(-1, 1, array.shape)) for array in arrays]


def full_matrix() -> Kind:
    """A preconditioner whose state has other shapes than the parameters."""
    direction = momo_core.preconditioned(_precondition, ["left", "right"], init_leaf=_start)
    return momo_core.own_kind("shampoo", direction, hyper=BETA)


def rows() -> Kind:
    """A preconditioner with a number for each row of a matrix, where 0 would not do for a start."""

    def start(param: Any, *, xp: Any) -> dict[str, Any]:
        return {"size": 0.5 + xp.sum(abs(param), axis=1, keepdims=True)}

    def precondition(grad: Any, grad_avg: Any, leaf: Any, hyper: Any, *, xp: Any) -> Any:
        size = leaf["size"] + xp.sum(abs(grad), axis=1, keepdims=True)
        return {"size": size}, grad_avg / size

    direction = momo_core.preconditioned(precondition, ["size"], init_leaf=start)
    return momo_core.own_kind("rows", direction, hyper=BETA)


def root(matrix: Any, xp: Any) -> Any:
    """``matrix ** (-1/4)`` of a positive definite matrix."""
    values, vectors = xp.linalg.eigh(matrix)
    return (vectors * values**-0.25) @ vectors.T


def _start(param: Any, *, xp: Any) -> dict[str, Any]:
    rows, columns = param.shape
    return {
        "left": 0.1 * xp.eye(rows, dtype=param.dtype),
        "right": 0.1 * xp.eye(columns, dtype=param.dtype),
    }


def _precondition(grad: Any, grad_avg: Any, leaf: Any, hyper: Any, *, xp: Any) -> Any:
    left, right = leaf["left"] + grad @ grad.T, leaf["right"] + grad.T @ grad
    return {"left": left, "right": right}, root(left, xp) @ grad_avg @ root(right, xp)
