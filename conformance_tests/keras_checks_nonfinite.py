"""Steps that are not finite; run in a process that has one Keras backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from conformance_tests.keras_models import BACKEND, WEIGHTS, X, Y, assert_same, build, fit, flat, variables_of
from conformance_tests.reliability import covers
from momo_keras import MomoAdam


@covers("R33", "R37", "R88")
def check_skipped_step_changes_the_counter_only() -> None:
    """A skipped step changes the counter only, not even by moving averages or constraints."""
    options: list[dict[str, Any]] = [
        {},
        {"use_ema": True, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 2},
    ]
    for option in options:
        optimizer = MomoAdam(0.1, weight_decay=0.1, **option)
        model = build(optimizer, constraint="non_neg")
        for batch in (X[:4], X[4:8]):
            model.train_on_batch(batch, Y[:4])
        weights, before = model.get_weights(), variables_of(optimizer)
        for _ in range(option.get("gradient_accumulation_steps", 1)):
            model.train_on_batch(np.full_like(X[:4], np.nan), Y[:4])
        assert int(optimizer.skipped_steps.numpy()) == 1
        assert bool(optimizer.skipped.numpy())
        assert_same(weights, model.get_weights())
        changed = ("skipped", "skipped_steps", "step_size", "truncation", "beta", "loss_sum")
        for variable, old in zip(optimizer.variables, before, strict=True):
            if variable.name not in changed:
                np.testing.assert_array_equal(variable.numpy(), old, variable.name)
        for batch in (X[:4], X[4:8]):
            model.train_on_batch(batch, Y[:4])
        assert np.all(np.isfinite(flat(model)))
        assert not bool(optimizer.skipped.numpy())


@covers("R33", "R62")
def check_raise_needs_eager() -> None:
    """With on_nonfinite="raise" a bad step is an error and changes nothing; compiled code says it cannot."""
    bad = np.full_like(X, np.nan)
    if BACKEND != "torch":
        with pytest.raises(ValueError, match="run_eagerly"):
            fit(build(MomoAdam(on_nonfinite="raise")))
    with pytest.raises(FloatingPointError, match="not finite"):
        fit(build(MomoAdam(on_nonfinite="raise"), run_eagerly=True), x=bad[:4])
    optimizer, variables = MomoAdam(on_nonfinite="raise"), [keras.Variable(weight) for weight in WEIGHTS]
    optimizer.build(variables)
    before = variables_of(optimizer)
    with pytest.raises(FloatingPointError, match="not finite"):
        optimizer.apply([ops.ones(weight.shape) for weight in WEIGHTS], variables, loss=float("nan"))
    assert_same(variables_of(optimizer), before)
    assert_same([variable.numpy() for variable in variables], WEIGHTS)
