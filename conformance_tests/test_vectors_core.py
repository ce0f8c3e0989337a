"""Every golden vector against the core on NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_compat.numpy as xp
import ml_dtypes
import numpy as np
import pytest

import momo_core
from momo_core import InvalidTypeError, InvalidValueError
from momo_spec import spec_names
from momo_spec.sampled import FORMATS
from momo_spec.vector_file import InvalidVector, Vector, load_vectors

# NumPy does not know bfloat16 as a floating dtype: the values are stored in float32.
STORAGE = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": np.float32}
VECTORS = [vector for name in spec_names() for vector in load_vectors(name).tests]
INVALID = [vector for name in spec_names() for vector in load_vectors(name).invalid]


def round_to_bfloat16(param: np.ndarray, new: np.ndarray) -> np.ndarray:
    return new.astype(ml_dtypes.bfloat16).astype(param.dtype)


def run_core(vector: Vector, dtype: str) -> Iterator[tuple[list[np.ndarray], dict[str, float], int]]:
    """Parameters, info and number of skipped steps after each step."""
    kind = STORAGE[dtype]
    params: list[Any] = [x.astype(kind) for x in vector.problem.x0]
    rule = momo_core.KINDS[vector.algorithm].checked_rule(vector.problem.hyper)
    state = rule.init(params, xp=xp)
    seen = [False] * len(params)
    for step in vector.steps:
        with np.errstate(invalid="ignore"):  # inf - inf in a step that is skipped
            params, state, info = rule.step(
                params,
                [None if grad is None else grad.astype(kind) for grad in step.grads],
                step.loss,
                state,
                xp=xp,
                hyper=step.hyper,
                groups=vector.problem.groups or None,
                group_of=vector.problem.group_of or None,
                fresh=[np.asarray(not past) for past in seen],
                store=round_to_bfloat16 if dtype == "bfloat16" else None,
            )
        if not info.skipped:
            seen = [past or grad is not None for past, grad in zip(seen, step.grads, strict=True)]
        shown = {name: float(value) for name, value in info._asdict().items() if value is not None}
        yield [np.asarray(p, np.float64) for p in params], shown, int(state.scalars["skipped_steps"])


def label(vector: Any) -> str:
    return f"{vector.algorithm}-{vector.tc_id}"


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.tier == "T0"], ids=label)
def test_exact_vectors_to_the_bit(vector: Vector) -> None:
    for dtype in vector.dtypes:
        skipped = 0
        for index, (params, info, counter) in enumerate(run_core(vector, dtype)):
            expected, place = vector.expect[index], f"{dtype}, step {index}"
            for ours, theirs in zip(params, expected.params, strict=True):
                np.testing.assert_array_equal(ours, theirs, err_msg=place)
            for name, value in expected.info.items():
                assert info[name] == value, f"{place}: {name}"
            skipped += expected.skipped
            assert counter == skipped, place
            assert bool(info["skipped"]) == expected.skipped, place


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.tier == "T2"], ids=label)
def test_sampled_vectors_within_their_bounds(vector: Vector, record_property: Any) -> None:
    for name, tol in vector.tol.items():
        dtype = FORMATS[name]
        worst = 0.0
        for index, (params, info, _) in enumerate(run_core(vector, dtype)):
            expected = vector.expect[index]
            distance = [ours - theirs for ours, theirs in zip(params, expected.params, strict=True)]
            errors = {"params": np.linalg.norm(np.concatenate([part.ravel() for part in distance]))}
            errors |= {key: abs(info[key] - expected.info[key]) for key in tol if key != "params"}
            for key, error in errors.items():
                bound = tol[key][index]
                assert error <= bound, (
                    f"{dtype}, step {index}: {key} is {error / (bound or 1):.3g} bounds away"
                )
                worst = max(worst, error / bound if bound else 0.0)
            for key in set(expected.info) - set(tol):
                assert info[key] == expected.info[key], f"{dtype}, step {index}: {key}"
            assert bool(info["skipped"]) == expected.skipped, f"{dtype}, step {index}"
        record_property(f"error over bound, vectors, core, {dtype}", float(worst))


@pytest.mark.parametrize("vector", INVALID, ids=label)
def test_invalid_input_is_refused(vector: InvalidVector) -> None:
    error = {"type": InvalidTypeError, "value": InvalidValueError}[vector.error]
    with pytest.raises(error) as caught:
        take_step(vector) if vector.step else momo_core.KINDS[vector.algorithm].checked_rule(vector.hyper)
    assert caught.value.code == vector.error_code


def take_step(vector: InvalidVector) -> None:
    rule = momo_core.KINDS[vector.algorithm].checked_rule(vector.hyper)
    assert vector.step is not None
    rule.step(vector.x0, vector.step.grads, vector.step.loss, rule.init(vector.x0, xp=xp), xp=xp)
