"""
What the Keras optimizers do in `fit`; run in a process that has one Keras backend.

`test_keras.py` calls every function here whose name begins with ``check_``, once for each backend.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import momo_core
import momo_keras
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_keras import Momo, MomoAdam, driver
from momo_keras.adapter import ModelBasedOptimizer

BACKEND = keras.config.backend()
SIX_STEPS = 6
CUTTING_RATE = 10.0
"""So large that the loss, and not the rate, decides the length of a step."""

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(4 * SIX_STEPS, 3)).astype(np.float32)
Y = GENERATOR.normal(size=(4 * SIX_STEPS, 2)).astype(np.float32)
WEIGHTS = [GENERATOR.normal(size=shape).astype(np.float32) for shape in ((3, 2), (2,))]


class Recorded(MomoAdam):  # type: ignore[misc, valid-type]
    """Keeps what each update was given."""

    def _take_step(self, variables: Any, grads: Any, loss: Any, decayed: Any) -> None:
        self.given = getattr(self, "given", ())
        self.given += (([numpy_of(grad) for grad in grads], float(loss)),)
        super()._take_step(variables, grads, loss, decayed)


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the loss that `fit` reports for each batch, and the optimizer's scalars after it."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.infos: list[dict[str, float]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(float(logs["loss"]))
        optimizer = self.model.optimizer
        info = getattr(optimizer, "inner_optimizer", optimizer).last_info._asdict()
        self.infos.append({name: float(slot.numpy()) for name, slot in info.items()})


def numpy_of(array: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(array))


def build(optimizer: Any, **options: Any) -> Any:
    """A compiled model with one layer."""
    penalty = keras.regularizers.L2(0.1)
    layer = keras.layers.Dense(
        2, kernel_regularizer=penalty, kernel_constraint=options.pop("constraint", None)
    )
    model = keras.Sequential([keras.layers.Input((3,)), layer])
    model.set_weights(WEIGHTS)
    model.compile(optimizer=optimizer, loss="mse", **options)
    return model


def fit(model: Any, batch_size: int = 4, x: np.ndarray = X, **options: Any) -> Watch:
    watch = Watch()
    model.fit(x, Y[: len(x)], batch_size=batch_size, shuffle=False, verbose=0, callbacks=[watch], **options)
    return watch


def flat(model: Any) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def assert_close(values: Any, expected: Any, relative: float = 2e-6) -> None:
    np.testing.assert_allclose(values, expected, rtol=relative, atol=relative * np.max(np.abs(expected)))


def variables_of(optimizer: Any) -> list[np.ndarray]:
    return [variable.numpy() for variable in optimizer.variables]


def assert_same(left: list[np.ndarray], right: list[np.ndarray]) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(one, other)


def ways_to_fit() -> list[dict[str, Any]]:
    ways: list[dict[str, Any]] = [{"run_eagerly": True}, {}]
    if BACKEND != "torch":
        ways += [{"jit_compile": True}, {"steps_per_execution": 3}]
    return ways


def replay(optimizer: Recorded, hyper: dict[str, Any]) -> list[np.ndarray]:
    """Where the core takes the weights on NumPy, given what the optimizer was given."""
    rule = momo_core.momo_adam(**hyper)
    params: list[Any] = [weight.copy() for weight in WEIGHTS]
    state = rule.init(params)
    for grads, loss in optimizer.given:
        params, state, _ = rule.step(params, grads, loss, state)
    return params


def check_example_of_the_paper() -> None:
    x = np.array([1.0, 2.0, 3.0])
    steps = [{"grads": [2 * x], "loss": 14.0}]
    hyper = {"learning_rate": 1.0, "weight_decay": 0.1}
    for mode in driver.MODES:
        for dtype in ("float64", "float32"):
            (step,) = driver.run("momo", hyper, [x], steps, dtype=dtype, mode=mode)
            assert_close(step["params"][0], [0.5, 1.0, 1.5], 1e-15 if dtype == "float64" else 1e-7)


def check_ways_to_fit_agree_with_the_core() -> None:
    hyper = {"learning_rate": CUTTING_RATE, "weight_decay": 0.01, "adapt_lower_bound": True}
    optimizer = Recorded(**hyper)
    model = build(optimizer, run_eagerly=True)
    watch = fit(model)
    np.testing.assert_allclose([loss for _, loss in optimizer.given], watch.losses, rtol=1e-6)
    assert 0 < min(info["truncation"] for info in watch.infos) < 1
    for weight, expected in zip(model.get_weights(), replay(optimizer, hyper), strict=True):
        assert_close(weight, expected)
    for way in ways_to_fit()[1:]:
        other = build(MomoAdam(**hyper), **way)
        fit(other)
        assert_close(flat(other), flat(model))
        assert int(numpy_of(other.optimizer.iterations)) == SIX_STEPS


def check_loss_is_that_of_the_history() -> None:
    """With momentum 0 and learning rate 0 the predicted loss is the loss itself."""
    for way in ways_to_fit()[1:3]:
        watch = fit(build(Momo(0, beta=0.0), **way))
        np.testing.assert_allclose([info["predicted_loss"] for info in watch.infos], watch.losses, rtol=1e-6)


def check_accumulation_is_a_big_batch() -> None:
    big = build(MomoAdam(CUTTING_RATE, weight_decay=0.01))
    fit(big, batch_size=8)
    assert 0 < float(big.optimizer.truncation.numpy()) < 1
    for way in ways_to_fit()[1:3]:
        small = build(MomoAdam(CUTTING_RATE, weight_decay=0.01, gradient_accumulation_steps=2), **way)
        fit(small, batch_size=4)
        assert_close(flat(small), flat(big), 1e-5)
        assert int(numpy_of(small.optimizer.iterations)) == SIX_STEPS // 2


def check_skipped_step_changes_the_counter_only() -> None:
    """Not even where Keras would overwrite the variables with their averages in that step."""
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


def check_raise_needs_eager() -> None:
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
        change = sum(float(np.sum((here - there) * average)) for here, there, average in moves)
        expected = float(plain.optimizer.predicted_loss.numpy()) + change
        assert_close(float(moved.optimizer.predicted_loss.numpy()), expected)


def check_save_and_load_resume() -> None:
    straight = build(MomoAdam(0.1, weight_decay=0.1, adapt_lower_bound=True))
    fit(straight, x=X[:8])
    with tempfile.TemporaryDirectory() as folder:
        straight.save(Path(folder, "model.keras"))
        straight.save_weights(Path(folder, "model.weights.h5"))
        whole = keras.saving.load_model(Path(folder, "model.keras"))
        only = build(MomoAdam(0.1, weight_decay=0.1, adapt_lower_bound=True))
        only.load_weights(Path(folder, "model.weights.h5"))
    assert type(whole.optimizer) is MomoAdam
    assert whole.optimizer.get_config() == straight.optimizer.get_config()
    for model in (straight, whole, only):
        fit(model, x=X[:8])
    for model in (whole, only):
        assert_same(variables_of(model.optimizer), variables_of(straight.optimizer))
        assert_same(model.get_weights(), straight.get_weights())


def check_config_is_complete() -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    optimizers = [
        Momo(beta=0.5, lower_bound=float("-inf"), bias_correction=True, on_nonfinite="propagate"),
        Momo(np.float32(0.5), weight_decay=np.float64(0.25), adapt_lower_bound=True, reset_margin=0.125),
        MomoAdam(
            schedule, 0.5, 0.75, 1e-3, 0.25, proximal_decay=False, clipnorm=1.0, use_ema=True, name="mine"
        ),
    ]
    for optimizer in optimizers:
        config = optimizer.get_config()
        assert type(optimizer).from_config(json.loads(json.dumps(config))).get_config() == config
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
        assert type(again) is type(optimizer)
        assert again.get_config() == config
        assert set(optimizer.names) | {"on_nonfinite", "clipnorm", "name"} <= set(config)


def check_settings_are_validated() -> None:
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


def check_variables_do_not_depend_on_settings() -> None:
    shapes = set()
    for options in ({}, {"adapt_lower_bound": True}, {"bias_correction": True}, {"weight_decay": 0.1}):
        optimizer = Momo(**options)
        optimizer.build([keras.Variable(np.ones(3), name="x")])
        shapes.add(tuple((variable.name, tuple(variable.shape)) for variable in optimizer.variables))
    assert len(shapes) == 1


def check_missing_loss_is_an_error() -> None:
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


def check_wrappers_that_hide_the_loss() -> None:
    everything = keras.optimizers.OptimizerMap(default_optimizer=Momo())
    with pytest.raises(MissingLossError, match="MultiOptimizer"):
        fit(build(keras.optimizers.MultiOptimizer(everything), jit_compile=False), x=X[:4])
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(MissingLossError, match="momo_keras.LossScaleOptimizer"):
            fit(build(MomoAdam(0.1)), x=X[:4])
        _check_mixed_float16()
    finally:
        keras.config.set_dtype_policy("float32")


def _check_mixed_float16() -> None:
    unscaled = build(MomoAdam(0.1), auto_scale_loss=False)
    scaled = build(momo_keras.LossScaleOptimizer(MomoAdam(0.1)))
    for model in (unscaled, scaled):
        fit(model, x=X[:8])
    assert_close(flat(scaled), flat(unscaled), 1e-2)
    inner = scaled.optimizer.inner_optimizer
    before, weights = variables_of(inner), scaled.get_weights()
    scale = float(scaled.optimizer.dynamic_scale.numpy())
    fit(scaled, x=np.full_like(X[:4], np.inf))
    assert float(scaled.optimizer.dynamic_scale.numpy()) == scale / 2
    assert_same(variables_of(inner), before)
    assert_same(scaled.get_weights(), weights)
    with tempfile.TemporaryDirectory() as folder:
        scaled.save(Path(folder, "model.keras"))
        again = keras.saving.load_model(Path(folder, "model.keras"))
    for model in (scaled, again):
        fit(model, x=X[:8])
    assert_same(again.get_weights(), scaled.get_weights())


def check_loss_scale_factor_changes_nothing() -> None:
    models = [build(MomoAdam(CUTTING_RATE, loss_scale_factor=factor)) for factor in (None, 128.0)]
    for model in models:
        fit(model)
    assert_close(flat(models[1]), flat(models[0]))


def check_schedule_and_clipping() -> None:
    """With the cut switched off and no momentum, the step is the clipped gradient times the rate."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    options: dict[str, Any] = {"beta": 0.0, "lower_bound": float("-inf")}
    for rate in (schedule, lambda: 0.5):
        watch = fit(build(Momo(rate, **options)), x=X[:12])
        expected = [0.5, 0.25, 0.125] if rate is schedule else [0.5] * 3
        np.testing.assert_allclose([info["step_size"] for info in watch.infos], expected, rtol=1e-6)
    sizes: dict[str, Any] = {
        "global_clipnorm": lambda moves: np.sqrt(sum(np.sum(move**2) for move in moves)),
        "clipnorm": lambda moves: np.linalg.norm(moves[0]),
        "clipvalue": lambda moves: np.max(np.abs(moves[0])),
    }
    for option, size in sizes.items():
        model = build(Momo(1.0, **options, **{option: 1e-3}))
        fit(model, x=X[:4])
        moves = [now - start for now, start in zip(model.get_weights(), WEIGHTS, strict=True)]
        np.testing.assert_allclose(size(moves), 1e-3, rtol=1e-3)


def check_excluded_from_weight_decay() -> None:
    optimizer = Momo(1.0, lower_bound=float("inf") * -1, weight_decay=0.25, beta=0.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    variables = [keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias")]
    optimizer.apply([ops.zeros(2), ops.zeros(2)], variables, loss=1.0)
    np.testing.assert_allclose(variables[0].numpy(), 0.8, rtol=1e-6)
    np.testing.assert_array_equal(variables[1].numpy(), 1.0)


def check_embedding() -> None:
    """TensorFlow gives sparse gradients here."""
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


def check_half_precision_variables() -> None:
    """Variables of 16 bits have averages of 32; loading keeps both."""
    keras.utils.set_random_seed(0)
    for dtype in ("bfloat16", "float16"):
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, dtype=dtype)])
        model.compile(optimizer=MomoAdam(0.1), loss="mse")
        losses = fit(model, epochs=2).losses
        assert sum(losses[SIX_STEPS:]) < sum(losses[:SIX_STEPS])
        assert {str(weight.dtype) for weight in model.weights} == {dtype}
        leaves = model.optimizer._slots.leaves
        assert {slot.dtype for leaf in leaves for slot in leaf.values()} == {"float32"}


def check_every_optimizer_is_here() -> None:
    classes = [getattr(momo_keras, name) for name in momo_keras.optimizers.__all__]
    assert all(issubclass(cls, ModelBasedOptimizer) for cls in classes)
    assert {cls.rule_name for cls in classes} == set(momo_core.KINDS)


def mirrored_strategy_is_one_big_batch() -> None:
    """Each of two replicas has half of every batch; needs a process that has not used TensorFlow yet."""
    import tensorflow as tf

    cpus = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    alone = build(MomoAdam(CUTTING_RATE))
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        shared = build(MomoAdam(CUTTING_RATE))
    losses = [fit(model).losses for model in (alone, shared)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
    assert_close(flat(shared), flat(alone))
