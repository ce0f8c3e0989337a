"""The ways to train that Keras offers; run in a process that has one Keras backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np
from keras import ops

from conformance_tests.keras_models import (
    BACKEND,
    CUTTING_RATE,
    OTHERS,
    RULES,
    SIX_STEPS,
    WEIGHTS,
    X,
    Y,
    assert_trained_alike,
    build,
    fit,
    fit_bound,
    flat,
    policy,
    ways_to_fit,
)
from conformance_tests.reliability import by_night, covers
from momo_keras import LossScaleOptimizer, Momo, MomoAdam, driver
from momo_spec import load_spec
from momo_spec.bounds import UNIT_ROUNDOFF, flattened, open_loop, open_loop_bound

UNCUT: dict[str, Any] = {"beta": 0.0, "lower_bound": float("-inf")}
"""The step size is the learning rate."""


@contextmanager
def recorded(optimizer: Any) -> Iterator[list[dict[str, Any]]]:
    """The gradients and the loss of each step that the optimizer takes."""
    steps: list[dict[str, Any]] = []
    take_step = optimizer._take_step

    def record(variables: Any, grads: Any, loss: Any, decayed: Any) -> None:
        given = [np.asarray(ops.convert_to_numpy(grad), np.float64) for grad in grads]
        steps.append({"grads": given, "loss": None if loss is None else float(loss)})
        take_step(variables, grads, loss, decayed)

    optimizer._take_step = record
    yield steps


def assert_fit_is_the_specification(rule: str, **options: Any) -> None:
    """The weights after `fit` are, within the bound of rounding, those of the specification."""
    spec, start = load_spec(rule), [weight.astype(np.float64) for weight in WEIGHTS]
    optimizer = driver.construct(rule, {}, **options)
    model = build(optimizer, run_eagerly=True)
    with recorded(optimizer) as steps:
        fit(model)
    micro_steps = options.get("gradient_accumulation_steps", 1)
    if BACKEND == "jax":
        steps = steps[micro_steps - 1 :: micro_steps]  # Keras computes a step in each and takes the last
    reference, _ = open_loop(spec, {}, start, steps)
    bound = open_loop_bound(spec, {}, start, steps, reference, UNIT_ROUNDOFF["float32"])
    assert len(steps) == SIX_STEPS // micro_steps
    error = np.linalg.norm(flattened(model.get_weights()) - reference[-1])
    assert error <= bound[-1], f"{rule}: {error / bound[-1]:.3g} of the bound"


@covers("R85")
def check_fit_of_every_rule_is_the_specification() -> None:
    """Every rule does in `fit` what the specification says, within the computed bound."""
    for rule in RULES:
        assert_fit_is_the_specification(rule)


@by_night
def check_fit_of_other_rules_is_the_specification() -> None:
    for rule in OTHERS:
        assert_fit_is_the_specification(rule)


@covers("R81", "R86", "R88")
def check_options_and_policies_are_the_specification() -> None:
    """With clipping, micro-steps, a loss scale and mixed bfloat16, too, `fit` is the specification."""
    assert_fit_is_the_specification("momo_adam", clipnorm=0.5, loss_scale_factor=64.0)
    assert_fit_is_the_specification("momo_adam", global_clipnorm=0.5, gradient_accumulation_steps=2)
    assert_fit_is_the_specification("momo_adam", clipvalue=0.1)
    with policy("mixed_bfloat16"):
        assert_fit_is_the_specification("momo_adam")


@covers("R33", "R37", "R85")
def check_bad_batches_leave_no_trace() -> None:
    """In every way to train, batches of NaN in the middle change nothing but the count of skipped steps."""
    bad = [2, 3, 7]
    x = np.insert(X.reshape(SIX_STEPS, 4, 3), [2, 2, 5], np.nan, axis=0).reshape(-1, 3)
    y = np.insert(Y.reshape(SIX_STEPS, 4, 2), [2, 2, 5], 0.0, axis=0).reshape(-1, 2)
    assert [index for index in range(9) if np.isnan(x[4 * index : 4 * index + 4]).any()] == bad
    for way in ways_to_fit():
        models = [build(MomoAdam(CUTTING_RATE, weight_decay=0.01), **way) for _ in range(2)]
        for model, (inputs, targets) in zip(models, ((X, Y), (x, y)), strict=True):
            model.fit(inputs, targets, batch_size=4, shuffle=False, verbose=0)
        skipped = [int(model.optimizer.skipped_steps.numpy()) for model in models]
        assert skipped == [0, len(bad)]
        variables = zip(*([*model.weights, *model.optimizer.variables] for model in models), strict=True)
        for good, interrupted in variables:
            if good.name != "skipped_steps":
                np.testing.assert_array_equal(interrupted.numpy(), good.numpy(), f"{good.name} {way}")


@covers("R85")
def check_no_tracer_outlives_a_step() -> None:
    """After a compiled `fit` the optimizer holds no value of the traced function; on JAX, JAX watches."""
    options = {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2}
    for optimizer in (MomoAdam(0.1, **options), LossScaleOptimizer(MomoAdam(0.1))):
        with importlib.import_module("jax").checking_leaks() if BACKEND == "jax" else nullcontext():
            fit(build(optimizer), x=X[:8])
        transit = getattr(optimizer, "inner_optimizer", optimizer)._transit
        assert {value for value in vars(transit).values() if value is not None} == set()


def own_loop_of_tensorflow(model: Any) -> Callable[[Any, Any], None]:
    import tensorflow as tf

    @tf.function
    def step(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            loss = keras.ops.mean((model(x) - y) ** 2)
        grads = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply(grads, model.trainable_variables, loss=loss)

    return step


def own_loop_of_jax(model: Any) -> Callable[[Any, Any], None]:
    import jax

    model.optimizer.build(model.trainable_variables)

    def loss_of(weights: Any, x: Any, y: Any) -> Any:
        outputs, _ = model.stateless_call(weights, [], x)
        return ops.mean((outputs - y) ** 2)

    @jax.jit
    def pure(weights: Any, state: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_of)(weights, x, y)
        return model.optimizer.stateless_apply(state, grads, weights, loss=loss)

    def step(x: Any, y: Any) -> None:
        variables = model.trainable_variables, model.optimizer.variables
        values = pure(*([variable.value for variable in part] for part in variables), x, y)
        for part, new in zip(variables, values, strict=True):
            for variable, value in zip(part, new, strict=True):
                variable.assign(value)

    return step


def own_loop_of_torch(model: Any) -> Callable[[Any, Any], None]:
    import torch

    def step(x: Any, y: Any) -> None:
        model.zero_grad()
        loss = ops.mean((model(x) - ops.convert_to_tensor(y)) ** 2)
        loss.backward()
        grads = [variable.value.grad for variable in model.trainable_variables]
        with torch.no_grad():
            model.optimizer.apply(grads, model.trainable_variables, loss=loss)

    return step


OWN_LOOPS = {"tensorflow": own_loop_of_tensorflow, "jax": own_loop_of_jax, "torch": own_loop_of_torch}


@covers("R85")
def check_own_training_loop_is_fit() -> None:
    """A training loop of one's own that hands the loss to `apply` goes where `fit` goes."""
    models = []
    for _ in range(2):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        model.set_weights(WEIGHTS)
        model.compile(optimizer=MomoAdam(CUTTING_RATE), loss="mse")
        models.append(model)
    fit(models[0])
    step = OWN_LOOPS[BACKEND](models[1])
    for start in range(0, len(X), 4):
        step(X[start : start + 4], Y[start : start + 4])
    assert 0 < float(models[1].optimizer.truncation.numpy()) < 1
    assert_trained_alike(*models, fit_bound({"learning_rate": CUTTING_RATE}, penalty=0.0))


@covers("R88")
def check_callbacks_set_the_rate() -> None:
    """LearningRateScheduler and ReduceLROnPlateau set the rate of the following steps."""
    callbacks = keras.callbacks
    halved = callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 if epoch == 0 else rate / 2)
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.25, patience=1, min_delta=1e9)
    for callback, expected in ((halved, 0.125), (plateau, 0.5 * 0.25**2)):
        model = build(Momo(0.5, **UNCUT))
        model.fit(X[:4], Y[:4], epochs=3 if callback is halved else 4, verbose=0, callbacks=[callback])
        assert float(model.optimizer.step_size.numpy()) == expected


@covers("R88")
def check_moving_average_is_kept_beside_the_weights() -> None:
    """EMA leaves the trajectory as it is; at the end of `fit` the weights are the moving average."""
    moments, weights = [], np.zeros(8)
    plain = build(Momo(0.5, **UNCUT))
    for start in range(0, 12, 4):
        plain.train_on_batch(X[start : start + 4], Y[start : start + 4])
        weights = flat(plain) if not moments else 0.5 * weights + 0.5 * flat(plain)
        moments.append(weights)
    averaged = build(Momo(0.5, use_ema=True, ema_momentum=0.5, **UNCUT))
    fit(averaged, x=X[:12])
    np.testing.assert_array_equal(flat(averaged), moments[-1])
