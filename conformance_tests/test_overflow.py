"""The proof that a step cannot overflow: true where it says so, and it says so of usual steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from momo_core import phases
from momo_core.overflow import growth_of, stays_finite
from momo_core.phases import GroupCoefficients

LARGEST = {dtype: float(np.finfo(dtype).max) for dtype in (np.float16, np.float32)}
SIZES = st.floats(-40, 38.5).map(lambda exponent: 10.0**exponent)
ARRAYS = st.tuples(SIZES, st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=3, max_size=3))
SQUARES_ARE_ZERO = (1e-24, [1.0, 0.0, 0.0])
ZEROS = (0.0, [0.0, 0.0, 0.0])


def group(rate: float, decay: float) -> GroupCoefficients:
    hyper = {"proximal_decay": False, "authors_numerator": False}
    return phases.group_coefficients(np.float32(rate), np.float32(rate), np.float32(decay), hyper, xp=np)


@np.errstate(all="ignore")
@given(st.tuples(ARRAYS, ARRAYS, ARRAYS), SIZES, st.floats(0, 1e3), st.sampled_from([*LARGEST]))
@example((ZEROS, ZEROS, SQUARES_ARE_ZERO), 1e30, 0.0, np.float16)
@example((ZEROS, ZEROS, (1e5, [1.0, 0.0, 0.0])), 1.0, 0.0, np.float16)
@example((ZEROS, (1e20, [1.0, 0.0, 0.0]), (1.0, [1.0, 0.0, 0.0])), 1e20, 0.0, np.float32)
@example(((6e4, [1.0, 0.0, 0.0]), ZEROS, ZEROS), 1.0, 10.0, np.float16)
def test_what_is_said_to_stay_finite_does(arrays: Any, step: float, decay: float, stored: Any) -> None:
    """Of numbers up to the largest, and of those whose squares are 0."""
    param, grad_avg, direction = (np.float32(size) * np.array(signs, np.float32) for size, signs in arrays)
    of_group, scalars = group(1.0, decay), {"step_size": np.float32(step), "model_value": np.float32(1)}
    norms = [float(np.sqrt(np.dot(array, array))) for array in (param, grad_avg, direction)]
    limits = {"largest_stored": LARGEST[stored], "largest": LARGEST[np.float32]}
    if stays_finite(growth_of([of_group]), scalars, *norms, **limits):
        moved = (1 - of_group.shrink) * param - of_group.step_scale * scalars["step_size"] * direction
        new = moved.astype(stored).astype(np.float32)
        assert np.isfinite(new).all()
        assert np.isfinite(scalars["model_value"] + np.dot(grad_avg, new - param))


@pytest.mark.parametrize("place", ["param", "grad_avg", "direction", "step_size", "model_value"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_usual_sizes_stay_finite_and_bad_ones_may_not(place: str, bad: float) -> None:
    norms = {"param": 100.0, "grad_avg": 10.0, "direction": 10.0}
    scalars = {"step_size": np.float32(1.0), "model_value": np.float32(2.0)}
    limits = {"largest_stored": LARGEST[np.float16], "largest": LARGEST[np.float32]}
    growth = growth_of([group(0.1, 0.0), group(1.0, 0.1)])
    assert stays_finite(growth, scalars, **norms, **limits)
    norms = {name: bad if name == place else norm for name, norm in norms.items()}
    scalars = {name: np.float32(bad) if name == place else scalar for name, scalar in scalars.items()}
    assert not stays_finite(growth, scalars, **norms, **limits)
