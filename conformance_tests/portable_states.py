"""Portable states to try things with, and their comparison."""

from __future__ import annotations

from typing import Any

import numpy as np

import momo_core
from momo_core import PortableState


def assert_same_state(left: PortableState, right: PortableState) -> None:
    """To the bit, counters and hyper-parameters included."""
    assert (left.rule, left.steps) == (right.rule, right.steps)
    assert [steps > 0 for steps in left.tensor_steps] == [steps > 0 for steps in right.tensor_steps]
    assert all(right.hyper[name] == value for name, value in left.hyper.items())
    for ours, theirs in zip((*left.tensors, left.scalars), (*right.tensors, right.scalars), strict=True):
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype, name
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def stepped(optimizer: str = "momo_adam", dtype: str = "float32", **hyper: Any) -> PortableState:
    """State after a step in which one of two tensors had a gradient."""
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    params = [np.arange(6, dtype=dtype).reshape(2, 3), np.ones((), dtype)]
    _, state, _ = rule.step(params, [params[0], None], 1.0, rule.init(params))
    return PortableState.of(rule, state, steps=1, tensor_steps=[1, 0], names=["w", "b"])


def rule_and_params(optimizer: str = "momo_adam", dtype: str = "float32", **hyper: Any) -> tuple[Any, Any]:
    return momo_core.KINDS[optimizer].checked_rule(hyper), [np.zeros((2, 3), dtype), np.zeros((), dtype)]
