"""What the Keras optimizers do in `fit`; run in a process that has one Keras backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

import momo_core
import momo_keras
from conformance_tests.comparisons import assert_within
from conformance_tests.keras_models import (
    CUTTING_RATE,
    SIX_STEPS,
    WEIGHTS,
    Recorded,
    X,
    assert_trained_alike,
    build,
    fit,
    fit_bound,
    flat,
    numpy_of,
    replay,
    ways_to_fit,
)
from conformance_tests.reliability import covers
from conformance_tests.roundings import assert_rounded, gamma
from momo_keras import Momo, MomoAdam, driver
from momo_keras.adapter import ModelBasedOptimizer


def check_example_of_the_paper() -> None:
    """The example of the paper, by hand: weight decay divides after the step."""
    x = np.array([1.0, 2.0, 3.0])
    steps = [{"grads": [2 * x], "loss": 14.0}]
    hyper = {"learning_rate": 1.0, "weight_decay": 0.1}
    for mode in driver.MODES:
        for dtype in ("float64", "float32"):
            (step,) = driver.run("momo", hyper, [x], steps, dtype=dtype, mode=mode)
            # The settings, d * x and the model value are rounded, and each operation on them.
            assert_rounded(step["params"][0], [0.5, 1.0, 1.5], 16, dtype)


@covers("R85")
def check_ways_to_fit_agree_with_the_core() -> None:
    """Eager, compiled, and with several steps per call, `fit` goes where the core goes."""
    hyper = {"learning_rate": CUTTING_RATE, "weight_decay": 0.01, "adapt_lower_bound": True}
    optimizer = Recorded(**hyper)
    model = build(optimizer, run_eagerly=True)
    watch = fit(model)
    np.testing.assert_array_equal([loss for _, loss in optimizer.given], watch.losses)
    assert 0 < min(info["truncation"] for info in watch.infos) < 1
    expected, rounding = replay(optimizer, hyper)
    assert_within(flat(model)[None], expected, rounding)
    bound = fit_bound(hyper)
    for way in ways_to_fit()[1:]:
        other = build(MomoAdam(**hyper), **way)
        fit(other)
        assert_trained_alike(other, model, bound)
        assert int(numpy_of(other.optimizer.iterations)) == SIX_STEPS


@covers("R85")
def check_loss_is_that_of_the_history() -> None:
    """The optimizer is given the loss that `fit` reports: with momentum 0 and rate 0 it is the prediction."""
    for way in ways_to_fit()[1:3]:
        watch = fit(build(Momo(0, beta=0.0), **way))
        np.testing.assert_array_equal([info["predicted_loss"] for info in watch.infos], watch.losses)


@covers("R81")
def check_accumulation_is_a_big_batch() -> None:
    """Two micro-steps are one step with a batch of twice the size."""
    bound = fit_bound({"learning_rate": CUTTING_RATE, "weight_decay": 0.01}, batch_size=8)
    big = build(MomoAdam(CUTTING_RATE, weight_decay=0.01))
    fit(big, batch_size=8)
    assert 0 < float(big.optimizer.truncation.numpy()) < 1
    for way in ways_to_fit()[1:3]:
        small = build(MomoAdam(CUTTING_RATE, weight_decay=0.01, gradient_accumulation_steps=2), **way)
        fit(small, batch_size=4)
        assert_trained_alike(small, big, bound)
        assert int(numpy_of(small.optimizer.iterations)) == SIX_STEPS // 2


def check_moves_after_the_step_are_in_the_prediction() -> None:
    """Model value: ``predicted_loss`` is that of the step plus ``<grad_avg, move>``."""
    cases: list[tuple[dict[str, Any], Any]] = [
        ({}, "non_neg"),
        ({"use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": 0.5}, None),
    ]
    for option, constraint in cases:
        moved = build(MomoAdam(0.1, **option), constraint=constraint)
        plain = build(MomoAdam(0.1))
        for model in (moved, plain):
            model.optimizer.build(model.trainable_variables)
        fit(moved, x=X[:4], epochs=1)
        fit(plain, x=X[:4], epochs=1)
        averages = [leaf["grad_avg"].numpy() for leaf in moved.optimizer._slots.leaves]
        moves = zip(moved.get_weights(), plain.get_weights(), averages, strict=True)
        terms = np.concatenate([((here - there) * average).ravel() for here, there, average in moves])
        start = float(plain.optimizer.predicted_loss.numpy())
        found = float(moved.optimizer.predicted_loss.numpy())
        # Each move and product is rounded, then the sums over a tensor, over all, and with the start.
        roundings = terms.size + 4
        assert_rounded(found, start + terms.sum(), roundings, "float32", terms=abs(start) + abs(terms).sum())


@covers("R86")
def check_loss_scale_factor_changes_nothing() -> None:
    """A fixed loss scale is invisible to the step."""
    models = [build(MomoAdam(CUTTING_RATE, loss_scale_factor=factor)) for factor in (None, 128.0)]
    for model in models:
        fit(model)
    np.testing.assert_array_equal(flat(models[1]), flat(models[0]))


CLIP = 2.0**-10


@covers("R88")
def check_schedule_and_clipping() -> None:
    """With the cut switched off and no momentum, the step is the clipped gradient times the rate."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    options: dict[str, Any] = {"beta": 0.0, "lower_bound": float("-inf")}
    for rate in (schedule, lambda: 0.5):
        watch = fit(build(Momo(rate, **options)), x=X[:12])
        expected = [0.5, 0.25, 0.125] if rate is schedule else [0.5] * 3
        assert [info["step_size"] for info in watch.infos] == expected
    sizes: dict[str, Any] = {
        "global_clipnorm": lambda moves: np.sqrt(sum(np.sum(move**2) for move in moves)),
        "clipnorm": lambda moves: np.linalg.norm(moves[0]),
        "clipvalue": lambda moves: np.max(np.abs(moves[0])),
    }
    for option, size in sizes.items():
        model = build(Momo(1.0, **options, **{option: CLIP}))
        fit(model, x=X[:4])
        moves = [now - start for now, start in zip(model.get_weights(), WEIGHTS, strict=True)]
        # The clipped gradient passes its norm, a quotient and a product; the weights are rounded once.
        lost = gamma(1, "float32") * np.linalg.norm(flat(model)) + gamma(16, "float32") * CLIP
        assert abs(size(moves) - CLIP) <= lost


@covers("R88")
def check_excluded_from_weight_decay() -> None:
    """Variables that are excluded from weight decay do not shrink."""
    optimizer = Momo(1.0, lower_bound=float("inf") * -1, weight_decay=0.25, beta=0.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    variables = [keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias")]
    optimizer.apply([ops.zeros(2), ops.zeros(2)], variables, loss=1.0)
    shrunk = variables[0].numpy()
    np.testing.assert_array_equal(shrunk, np.full_like(shrunk, 0.8))
    np.testing.assert_array_equal(variables[1].numpy(), 1.0)


def check_every_optimizer_is_here() -> None:
    classes = [getattr(momo_keras, name) for name in momo_keras.optimizers.__all__]
    assert all(issubclass(cls, ModelBasedOptimizer) for cls in classes)
    assert {cls.rule_name for cls in classes} == set(momo_core.KINDS)
