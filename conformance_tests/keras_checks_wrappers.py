"""Optimizers around an optimizer; run in a process that has one Keras backend."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from conformance_tests.keras_models import (
    BACKEND,
    CUTTING_RATE,
    WEIGHTS,
    X,
    assert_same,
    build,
    everything,
    fit,
    policy,
    variables_of,
)
from conformance_tests.reliability import covers
from momo_core import MissingLossError
from momo_keras import LossScaleOptimizer, Momo, MomoAdam


@covers("R77")
def check_multi_optimizer_is_refused() -> None:
    """Keras's MultiOptimizer, with an optimizer for each variable, is an error that says so."""
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        return  # before Keras 3.15
    everything = keras.optimizers.OptimizerMap(default_optimizer=Momo())
    with pytest.raises(MissingLossError, match="MultiOptimizer"):
        fit(build(keras.optimizers.MultiOptimizer(everything), jit_compile=False), x=X[:4])


@covers("R86")
def check_loss_scale_of_keras_is_refused() -> None:
    """Keras's own LossScaleOptimizer hides the loss: an error that names ours, before anything is written."""
    with policy("mixed_float16"):
        model = build(MomoAdam(0.1))
        with pytest.raises(MissingLossError, match="momo_keras.LossScaleOptimizer"):
            fit(model, x=X[:4])
    if BACKEND != "jax":  # there Keras has taken the values out of the variables before the first batch
        assert_same(model.get_weights(), WEIGHTS)
    with pytest.raises(TypeError, match="keras.optimizers.LossScaleOptimizer"):
        LossScaleOptimizer(keras.optimizers.Adam())


@covers("R86")
def check_scaled_loss_changes_nothing() -> None:
    """In mixed float16 the scale changes no bit; where it overflows, only the scale changes."""
    with policy("mixed_float16"):
        unscaled = build(MomoAdam(CUTTING_RATE), auto_scale_loss=False)
        scaled = build(LossScaleOptimizer(MomoAdam(CUTTING_RATE), initial_scale=64.0))
        for model in (unscaled, scaled):
            fit(model, x=X[:8])
        inner = scaled.optimizer.inner_optimizer
        assert 0 < float(inner.truncation.numpy()) < 1
        assert_same(everything(unscaled), [*scaled.get_weights(), *variables_of(inner)])
        fit(scaled, x=np.full_like(X[:4], np.inf))
    assert float(scaled.optimizer.dynamic_scale.numpy()) == 32
    assert_same([*scaled.get_weights(), *variables_of(inner)], everything(unscaled))
    with pytest.raises(MissingLossError):  # the loss of the skipped step is not that of the next one
        inner.apply([keras.ops.zeros_like(weight) for weight in WEIGHTS], scaled.trainable_variables)
