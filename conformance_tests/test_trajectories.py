"""Every backend follows the specification, step by step."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, target

from conformance_tests.cells import Cell
from conformance_tests.profiles import checkered
from conformance_tests.strategies import hypers, trajectories
from momo_spec import load_spec, spec_names
from momo_spec.bounds import UNIT_ROUNDOFF, Rows, flattened, open_loop, open_loop_bound

MOST_STEPS = {"float64": 30, "float32": 20}
EXAMPLES = max(3, settings().max_examples // 8)


def flat_rows(params: list[np.ndarray], trajectory: list[dict[str, Any]]) -> Rows:
    return np.array([flattened(params), *(flattened(step["params"]) for step in trajectory)])


def distances(rows: Rows, reference: Rows) -> Rows:
    return np.linalg.norm(rows - reference, axis=1)


@cache
def reference_of(problem: bytes) -> Rows:
    """The exact trajectory; the same problems come back for each cell of a process."""
    optimizer, hyper, params, steps = pickle.loads(problem)
    return open_loop(load_spec(optimizer), hyper, params, steps)[0]


@cache
def bound_of(problem: bytes, dtype: str) -> Rows:
    optimizer, hyper, params, steps = pickle.loads(problem)
    unit = UNIT_ROUNDOFF[dtype]
    return open_loop_bound(load_spec(optimizer), hyper, params, steps, reference_of(problem), unit)


@pytest.mark.parametrize(("optimizer", "dtype"), checkered(spec_names(), list(MOST_STEPS)))
def test_a_cell_follows_the_specification_within_the_computed_bound(
    cell: Cell, device: str, optimizer: str, dtype: str, record_property: Any
) -> None:
    worst = {"error/bound": 0.0, "relative error": 0.0}

    @given(hyper=hypers(optimizer), run=trajectories(max_steps=MOST_STEPS[dtype]))
    @settings(max_examples=EXAMPLES)
    def check(hyper: dict[str, Any], run: Any) -> None:
        params, steps = run
        problem = pickle.dumps((optimizer, hyper, params, steps))
        rows = flat_rows(params, cell.run(optimizer, hyper, params, steps, dtype=dtype, device=device))
        reference, bound = reference_of(problem), bound_of(problem, dtype)
        error, scale = distances(rows, reference), np.max(np.linalg.norm(reference, axis=1))
        found = {"error/bound": float(np.max(error / bound)), "relative error": float(np.max(error) / scale)}
        worst.update({name: max(value, worst[name]) for name, value in found.items()})
        target(found["error/bound"])
        assert found["error/bound"] <= 1

    check()
    for name, value in worst.items():
        record_property(f"{name}, {dtype}, {cell.name}", value)
