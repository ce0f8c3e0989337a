"""
Keras on several simulated devices; run in a process of one Keras backend that has set up nothing else.

`test_keras.py` calls every function here whose name begins with that of its backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import keras
import numpy as np

from conformance_tests.keras_models import BACKEND, CUTTING_RATE, OTHERS, RULES, numpy_of, policy
from conformance_tests.reliability import by_night, covers
from momo_keras import LossScaleOptimizer, Momo, driver
from momo_spec import load_spec
from momo_spec.bounds import UNIT_ROUNDOFF, flattened, open_loop, open_loop_bound

DEVICES = 8 if BACKEND == "jax" else 2

INPUTS = np.array(
    [
        *((1, 1), (3, -1), (1, 2), (3, -2), (2, 1), (2, -1), (1, 3), (3, -1)),
        *((2, 1), (3, -1), (2, 0), (3, 0), (3, -1), (3, 1), (1, 2), (2, -3)),
    ],
    np.float32,
)
TARGETS = np.repeat(np.array([[1] * 8 + [3, 3, 3, 3, 4, 2, 0, 0]], np.float32).T, 8, axis=1)
"""With these and zero weights every sum in two steps is exact, in whatever order it is taken."""

GENERATOR = np.random.default_rng(0)
START = [GENERATOR.normal(size=(8, 2)).astype(np.float32).astype(float), np.ones(8)]
STEPS = [
    {"grads": [np.float32(GENERATOR.normal(size=param.shape)).astype(float) for param in START], "loss": loss}
    for loss in (4.0, 2.5, 3.0, 1.0)
]

COMBINED: list[Callable[[], Any]] = [
    lambda: Momo(CUTTING_RATE, loss_scale_factor=8.0, global_clipnorm=64.0),
    lambda: Momo(
        0.5, 0.5, float("-inf"), gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=1
    ),
    lambda: LossScaleOptimizer(Momo(CUTTING_RATE), initial_scale=4.0),
]
SINGLE: list[Callable[[], Any]] = [
    lambda: Momo(CUTTING_RATE),
    lambda: Momo(CUTTING_RATE, gradient_accumulation_steps=2),
    lambda: Momo(0.5, 0.5, float("-inf"), use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
]
"""What the others combine."""


def exact_fit(optimizer: Any) -> tuple[list[np.ndarray], list[float]]:
    """Weights and losses of steps that are exact: one that the loss cuts, or two of fixed length."""
    layer = keras.layers.Dense(8, use_bias=False, kernel_initializer="zeros", name="layer")
    model = keras.Sequential([keras.layers.Input((2,)), layer])
    model.compile(optimizer=optimizer, loss="mse")
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    epochs = 1 if np.isfinite(inner.lower_bound) else 2
    batch_size = len(INPUTS) // (inner.gradient_accumulation_steps or 1)
    history = model.fit(INPUTS, TARGETS, batch_size=batch_size, epochs=epochs, shuffle=False, verbose=0)
    assert int(numpy_of(inner.iterations)) == epochs
    truncation = float(numpy_of(inner.truncation))
    assert truncation < 1 if epochs == 1 else truncation == 1
    return [*model.get_weights(), numpy_of(inner.predicted_loss)], history.history["loss"]


def assert_devices_do_not_matter(
    scope: Callable[[], AbstractContextManager[Any]], optimizers: Sequence[Callable[[], Any]] = COMBINED
) -> None:
    """The same bits on one device and within `scope`."""
    for make in optimizers:
        optimizer = make()
        with policy("mixed_float16" if isinstance(optimizer, LossScaleOptimizer) else "float32"):
            alone = exact_fit(optimizer)
            with scope():
                shared = exact_fit(make())
        assert np.any(alone[0][0] != 0)
        for one, other in zip((*alone[0], alone[1]), (*shared[0], shared[1]), strict=True):
            np.testing.assert_array_equal(one, other)


def assert_within_the_bound(rule: str, rows: Sequence[Any]) -> None:
    """Each row of parameters is that of the specification, within the bound of rounding."""
    spec = load_spec(rule)
    reference, _ = open_loop(spec, {}, START, STEPS)
    bound = open_loop_bound(spec, {}, START, STEPS, reference, UNIT_ROUNDOFF["float32"])
    for row, expected, limit in zip(rows, reference[1:], bound[1:], strict=True):
        assert np.linalg.norm(flattened(row) - expected) <= limit, rule


def built(rule: str, dtype: str = "float32") -> tuple[Any, list[Any]]:
    """An optimizer and its variables."""
    variables = [
        keras.Variable(param, dtype=dtype, name=f"variable_{index}") for index, param in enumerate(START)
    ]
    optimizer = driver.construct(rule, {})
    optimizer.build(variables)
    return optimizer, variables


@covers("R75")
def tensorflow_replicas_are_one_device() -> None:
    """Replicas of MirroredStrategy train to the bit as one device: micro-steps, EMA and float16 too."""
    assert_devices_do_not_matter(mirrored().scope)


@by_night
def tensorflow_replicas_are_one_device_for_each_option() -> None:
    assert_devices_do_not_matter(mirrored().scope, SINGLE)


@cache
def mirrored() -> Any:
    """The strategy of this process: TensorFlow's collectives do not survive that of another one."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def replicated(strategy: Any, optimizer: Any, variables: Sequence[Any]) -> Any:
    """A step of all replicas, each with its share of gradients and loss."""
    import tensorflow as tf

    @tf.function
    def step(grads: Any, loss: Any) -> None:
        shares = [grad / DEVICES for grad in grads]
        strategy.run(lambda: optimizer.apply(shares, variables, loss=loss / DEVICES))

    return step


@covers("R75")
def tensorflow_replicas_agree_and_reduce_once() -> None:
    """Replicas hold the same bits, follow the specification, and add gradients and loss in one all-reduce."""
    import tensorflow as tf

    strategy = mirrored()
    for rule in ("momo_adam", "am_adamw", "schedule_free_sps"):
        with strategy.scope():
            optimizer, variables = built(rule)
        step, rows = replicated(strategy, optimizer, variables), []
        for given in STEPS:
            arguments = [tf.constant(grad, tf.float32) for grad in given["grads"]], tf.constant(given["loss"])
            step(*arguments)
            rows.append([variable.numpy() for variable in variables])
        assert_within_the_bound(rule, rows)
        for variable in (*variables, *optimizer.variables):
            first, second = (part.numpy() for part in variable.value.values)
            np.testing.assert_array_equal(first, second)
        nodes = step.get_concrete_function(*arguments).graph.as_graph_def().node
        assert sum(node.op.startswith("CollectiveReduce") for node in nodes) == DEVICES


def torch_rank(rank: int) -> list[np.ndarray]:
    """Weights and state after a step with a half of the samples, in a loop of one's own."""
    import torch

    layer = keras.layers.Dense(8, use_bias=False, kernel_initializer="zeros")
    layer.build((2,))
    optimizer, share = Momo(CUTTING_RATE), slice(rank, None, DEVICES)
    module = torch.nn.parallel.DistributedDataParallel(layer)
    loss = ((module(torch.tensor(INPUTS[share])) - torch.tensor(TARGETS[share])) ** 2).mean()
    loss.backward()
    grads = [variable.value.grad for variable in layer.trainable_variables]
    with torch.no_grad():
        optimizer.apply(grads, layer.trainable_variables, loss=loss)
    return [*(numpy_of(variable) for variable in (*layer.trainable_variables, *optimizer.variables))]


@covers("R75")
def torch_ranks_are_one_device() -> None:
    """Ranks of DistributedDataParallel, each with its loss, take to the bit the step of one process."""
    from conformance_tests.ranks import run_ranks

    first, second = run_ranks(torch_rank)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    alone, _ = exact_fit(Momo(CUTTING_RATE))
    np.testing.assert_array_equal(first[0], alone[0])


def model_parallel() -> Any:
    """The outputs of a kernel, or the first dimension of a variable, spread over all devices."""
    mesh = keras.distribution.DeviceMesh((1, DEVICES), ["batch", "model"], keras.distribution.list_devices())
    layouts = keras.distribution.LayoutMap(mesh)
    layouts["layer.*kernel"] = (None, "model")
    layouts["variable.*"] = ("model",)
    return keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")


@covers("R80")
def jax_data_parallel_is_one_device() -> None:
    """With DataParallel over eight devices `fit` goes to the bit where it goes on one."""
    assert_devices_do_not_matter(keras.distribution.DataParallel().scope)


@covers("R80")
def jax_model_parallel_is_one_device() -> None:
    """With ModelParallel over eight devices `fit` goes to the bit where it goes on one."""
    assert_devices_do_not_matter(model_parallel().scope)


@by_night
def jax_parallel_is_one_device_for_each_option() -> None:
    for scope in (keras.distribution.DataParallel().scope, model_parallel().scope):
        assert_devices_do_not_matter(scope, SINGLE)


@covers("R80")
def jax_sharded_variables_follow_the_specification() -> None:
    """Every rule on sharded variables follows the specification, and its averages are sharded alike."""
    check_sharded_variables(RULES)


@by_night
def jax_sharded_variables_follow_the_specification_for_other_rules() -> None:
    check_sharded_variables(OTHERS)


def check_sharded_variables(rules: Sequence[str]) -> None:
    """Steps of each rule within its bound, with averages that are sharded as their variables are."""
    for rule in rules:
        with model_parallel().scope():
            optimizer, variables = built(rule)
            steps = driver.run(rule, {}, START, STEPS, dtype="float32", mode="jit")
        assert_within_the_bound(rule, [step["params"] for step in steps])
        for variable, leaf in zip(variables, optimizer._slots.leaves, strict=True):
            assert variable.value.sharding.spec[0] == "model"
            for name, slot in leaf.items():
                assert slot.shape == () or slot.value.sharding == variable.value.sharding, (rule, name)


@covers("R52", "R80")
def jax_wider_averages_are_sharded_too() -> None:
    """The float32 averages of sharded bfloat16 variables are sharded like them."""
    with model_parallel().scope():
        optimizer, variables = built("momo_adam", "bfloat16")
    for variable, leaf in zip(variables, optimizer._slots.leaves, strict=True):
        assert {slot.dtype for slot in leaf.values()} == {"float32"}
        assert {slot.value.sharding for slot in leaf.values()} == {variable.value.sharding}
