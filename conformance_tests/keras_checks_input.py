"""Settings, losses, gradients and variables of all kinds; run in a process that has one Keras backend."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from conformance_tests.comparisons import assert_within, problem_and_bound
from conformance_tests.keras_models import (
    BACKEND,
    CUTTING_RATE,
    GRADIENTS,
    SIX_STEPS,
    WEIGHTS,
    X,
    Y,
    apply_steps,
    assert_same,
    build,
    everything,
    fit,
    numpy_of,
)
from conformance_tests.reliability import covers
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_keras import Momo, MomoAdam
from momo_spec.bounds import flattened
from momo_spec.problem import Problem, Step


@covers("R01", "R04", "R16")
def check_settings_are_validated() -> None:
    """Settings outside of their domains are errors; any number is a learning rate, an integer too."""
    for options in (
        {"learning_rate": -1},
        {"beta": 1.0},
        {"weight_decay": float("nan")},
        {"lower_bound": float("inf")},
    ):
        with pytest.raises(InvalidValueError, match="nvalid"):
            Momo(**options)
    for options in (
        {"learning_rate": "1"},
        {"adapt_lower_bound": 1},
        {"beta": None},
        {"learning_rate": True},
    ):
        with pytest.raises(InvalidTypeError, match="must be"):
            Momo(**options)
    with pytest.raises(InvalidValueError, match="on_nonfinite"):
        Momo(on_nonfinite="ignore")
    with pytest.raises(ValueError, match="momentum"):
        Momo(momentum=0.9)
    for rate in (1, np.float32(1), np.int64(1), np.array(1.0), ops.ones(())):
        assert float(Momo(rate).learning_rate.numpy()) == 1.0


@covers("R24", "R28", "R29", "R30")
def check_missing_loss_is_an_error() -> None:
    """A step without a loss of one real number is an error that says what to do, and changes nothing."""
    variable = keras.Variable(np.ones(3, np.float32))
    optimizer = Momo()
    with pytest.raises(MissingLossError, match="loss=loss"):
        optimizer.apply([ops.ones(3)], [variable])
    with pytest.raises(InvalidValueError, match="scalar"):
        optimizer.apply([ops.ones(3)], [variable], loss=ops.ones(2))
    with pytest.raises(InvalidTypeError, match="real"):
        optimizer.apply([ops.ones(3)], [variable], loss="1")
    assert not optimizer.built
    np.testing.assert_array_equal(variable.numpy(), np.ones(3))
    for loss in (1, 1.0, np.float32(1), np.ones((1,)), ops.ones(()), keras.Variable(1.0)):
        optimizer.apply([ops.ones(3)], [variable], loss=loss)
    optimizer.scale_loss(ops.ones(()))
    optimizer.apply([ops.ones(3)], [variable])
    with pytest.raises(MissingLossError, match="loss=loss"):
        optimizer.apply([ops.ones(3)], [variable])


@covers("R49")
def check_embedding() -> None:
    """The sparse gradients of an embedding on TensorFlow are made dense."""
    keras.utils.set_random_seed(0)
    tokens = np.arange(8).reshape(4, 2) % 5
    options: list[dict[str, Any]] = [{}]
    if BACKEND == "tensorflow":
        options += [{"loss_scale_factor": 8.0}, {"gradient_accumulation_steps": 2}, {"clipnorm": 1.0}]
    for option in options:
        layers = [keras.layers.Embedding(5, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
        model = keras.Sequential(layers)
        model.compile(optimizer=MomoAdam(0.1, **option), loss="mse")
        history = model.fit(tokens, Y[:4], batch_size=2, epochs=4, verbose=0).history["loss"]
        assert history[-1] < history[0], option


@covers("R52")
def check_half_precision_variables() -> None:
    """Variables of 16 bits have averages of 32."""
    keras.utils.set_random_seed(0)
    for dtype in ("bfloat16", "float16"):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, dtype=dtype)])
        model.compile(optimizer=MomoAdam(0.1), loss="mse")
        losses = fit(model, epochs=2).losses
        assert sum(losses[SIX_STEPS:]) < sum(losses[:SIX_STEPS])
        assert {str(weight.dtype) for weight in model.weights} == {dtype}
        leaves = model.optimizer._slots.leaves
        assert {slot.dtype for leaf in leaves for slot in leaf.values()} == {"float32"}


@covers("R17")
def check_model_without_trainable_weights() -> None:
    """A model with nothing to train has an optimizer with an empty state, which can be saved."""
    model = build(MomoAdam(0.1))
    model.trainable = False
    model.compile(optimizer=MomoAdam(0.1), loss="mse")
    fit(model, x=X[:4])
    assert_same(model.get_weights(), WEIGHTS)
    model.optimizer.build([])
    store: dict[str, Any] = {}
    model.optimizer.save_own_variables(store)
    model.optimizer.load_own_variables(store)


@covers("R46", "R47")
def check_variables_without_gradients() -> None:
    """A variable without a gradient stays, with its state, and starts like the others when one comes."""
    for late in (0, 1):
        optimizer, variables = MomoAdam(CUTTING_RATE), [keras.Variable(weight) for weight in WEIGHTS]
        optimizer.build(variables)
        grads = [ops.convert_to_tensor(grad) for grad in GRADIENTS[0]]
        steps = []
        for missing in (late, None):
            given = [None if index == missing else grad for index, grad in enumerate(grads)]
            optimizer.apply(given, variables, loss=1.0)
            steps.append(Step(tuple(None if grad is None else numpy_of(grad) for grad in given), 1.0))
            if missing is not None:
                assert_same([variables[late].numpy()], [WEIGHTS[late]])
        problem = Problem({"learning_rate": CUTTING_RATE}, tuple(WEIGHTS))
        exact, bound = problem_and_bound("momo_adam", problem, steps, "float32")
        assert_within(flattened([variable.numpy() for variable in variables])[None], exact[-1:], bound[-1:])


@covers("R45", "R61", "R62")
def check_wrong_gradients_change_nothing() -> None:
    """No gradient at all, too few, or one of another shape is a ValueError, and nothing is written."""
    for option in ({}, {"gradient_accumulation_steps": 2}, {"clipnorm": 1.0, "use_ema": True}):
        model = build(MomoAdam(0.1, **option))
        apply_steps(model, 0, 1)
        before = everything(model)
        good, wrong = ops.ones((3, 2)), ops.ones((1,))
        for grads in ([None, None], [good], [good, wrong], [good, ops.ones(())]):
            with pytest.raises(ValueError, match="radient"):
                model.optimizer.apply(grads, model.trainable_variables, loss=1.0)
            with pytest.raises(ValueError, match="radient"):
                model.optimizer.apply(grads, loss=1.0)
            assert_same(everything(model), before)
        model.optimizer.apply([], [], loss=1.0)
        model.optimizer.apply([], loss=1.0)
        assert_same(everything(model), before)
