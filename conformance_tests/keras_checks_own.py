"""Directions of a user's own in Keras; run in a process that has one Keras backend."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import momo_core
import momo_keras
from conformance_tests.keras_models import (
    WEIGHTS,
    X,
    assert_same,
    assert_trained_alike,
    batches,
    build,
    fit,
    variables_of,
    ways_to_fit,
)
from conformance_tests.least_squares import Rounded
from conformance_tests.own_directions import BETA, RUN, START, assert_is_the_core, example, rows
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_keras import driver
from momo_spec.bounds import SAMPLES, UNIT_ROUNDOFF, Rows, flattened, rounding_bound

Mine = example("keras").Mine


def params_after_run(make: Callable[[], Any], mode: str, start: list[np.ndarray] = START) -> list[np.ndarray]:
    """Parameters after `RUN` in float64, by the optimizer that `make` returns."""
    with driver.precision("float64"):
        optimizer = make()
        variables = [keras.Variable(array, dtype="float64") for array in start]
        optimizer.build(variables)
        take_step = driver._STEPS[mode](optimizer, variables)
        for step in RUN:
            grads = [ops.convert_to_tensor(grad, "float64") for grad in step["grads"][: len(start)]]
            take_step(grads, step["loss"])
        return [variable.numpy() for variable in variables]


def check_own_direction_is_the_core() -> None:
    own = {"weight_decay": 0.1, "lower_bound": 0.01, "adapt_lower_bound": True, "beta": 0.5}
    hyper = {"learning_rate": 0.3, **own}
    for mode in driver.MODES:
        found = params_after_run(lambda: Mine(0.3, **own), mode)
        assert_is_the_core(found, Mine.kind, hyper)


def check_own_direction_in_all_ways_to_fit() -> None:
    eager = build(Mine(1.0, weight_decay=0.01), run_eagerly=True)
    watch = fit(eager)
    assert 0 < min(info["truncation"] for info in watch.infos) < 1
    bound = own_bound({"learning_rate": 1.0, "weight_decay": 0.01})
    for way in ways_to_fit()[1:]:
        other = build(Mine(1.0, weight_decay=0.01), **way)
        fit(other)
        assert_trained_alike(other, eager, bound)


def own_bound(hyper: dict[str, Any]) -> Rows:
    """How far rounding errors may carry `fit` with `Mine`: the core in float32, on gradients with errors."""
    unit = UNIT_ROUNDOFF["float32"]
    runs = (trained(hyper, np.float32, Rounded(unit, seed)) for seed in range(SAMPLES))
    return rounding_bound(trained(hyper, np.float64, Rounded(0.0, 0)), runs, unit)


def trained(hyper: dict[str, Any], dtype: Any, rounded: Rounded) -> Rows:
    """Weights after the batches of `fit`, by the core."""
    rule, params = Mine.kind.checked_rule(hyper), [weight.astype(dtype) for weight in WEIGHTS]
    state = rule.init(params)
    for batch in batches(4):
        loss, gradient = batch.loss_and_gradient(flattened(params), rounded)
        grads = [part.astype(dtype) for part in (gradient[:6].reshape(3, 2), gradient[6:])]
        params, state, _ = rule.step(params, grads, loss, state)
    return flattened(params)[None]


def check_own_direction_is_saved_and_loaded() -> None:
    straight = build(Mine(0.5, beta=0.8, adapt_lower_bound=True, clipnorm=2.0))
    fit(straight, x=X[:8])
    with tempfile.TemporaryDirectory() as folder:
        straight.save(Path(folder, "model.keras"))
        loaded = keras.saving.load_model(Path(folder, "model.keras"))
    assert type(loaded.optimizer) is Mine
    assert loaded.optimizer.get_config() == straight.optimizer.get_config()
    assert loaded.optimizer.beta == 0.8
    for model in (straight, loaded):
        fit(model, x=X[:8])
    assert_same(variables_of(loaded.optimizer), variables_of(straight.optimizer))
    assert_same(loaded.get_weights(), straight.get_weights())


def check_own_direction_with_state_of_another_shape() -> None:
    kind = rows()
    own = type("Rows", (momo_keras.OwnOptimizer,), {"kind": kind})
    for mode in driver.MODES:
        found = params_after_run(lambda: own(0.5), mode, START[:1])
        assert_is_the_core(found, kind, {"learning_rate": 0.5}, START[:1])


def check_own_direction_checks_its_settings() -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"learning_rate": -1.0}, InvalidValueError, "Invalid learning rate"),
        ({"beta": 1.0}, InvalidValueError, "Invalid beta: 1.0"),
        ({"eps": "1"}, InvalidTypeError, "eps must be a real number"),
        ({"nesterov": True}, ValueError, "nesterov"),
    ]
    for options, error, message in cases:
        with pytest.raises(error, match=message):
            Mine(**options)
    optimizer, variables = Mine(), [keras.Variable(START[1])]
    optimizer.build(variables)
    with pytest.raises(MissingLossError):
        optimizer.apply([ops.ones(2)], variables)


def check_own_direction_with_a_fixed_step_needs_no_loss() -> None:
    kind = momo_core.own_kind(
        "plain", Mine.direction, model="fixed", hyper=BETA | {"eps": (1e-8, "(0, inf)")}
    )
    plain = type("Plain", (momo_keras.OwnOptimizer,), {"kind": kind})
    with pytest.raises(InvalidValueError, match="Invalid learning rate: inf"):
        plain(float("inf"))
    optimizer, variables = plain(0.1), [keras.Variable(START[1])]
    optimizer.apply([ops.ones(2)], variables)
    assert not np.array_equal(variables[0].numpy(), START[1])


def check_the_example_of_an_own_direction_runs() -> None:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        example("keras").main()
    first, last = (float(loss) for loss in re.findall(r"loss (\S+)", shown.getvalue()))
    assert last < first
