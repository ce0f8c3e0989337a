"""
Run an optimizer of this package on given gradients and losses, or batches, for the conformance suite.

The Keras backend is the one of the process, set by the environment variable ``KERAS_BACKEND``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import keras
import numpy as np
from keras import ops

from momo_spec import load_spec

from . import optimizers
from .adapter import ModelBasedOptimizer
from .namespaces import BACKEND

DTYPES = ("float64", "float32", "bfloat16", "float16")
MODES = dict.fromkeys(
    {
        "tensorflow": ("eager", "tf_function", "xla"),
        "jax": ("eager", "jit"),
        "torch": ("eager",),
    }[BACKEND],
    DTYPES,
)
GROUPS = False

StepFunction = Callable[[list[Any], Any], None]
"""``(gradients, loss)``: takes one step."""


def devices() -> tuple[str, ...]:
    """Devices of this machine."""
    return ("cpu", "cuda") if _has_gpu() else ("cpu",)


def missing(optimizer: str, mode: str) -> str:  # noqa: ARG001
    """Why a mode does not take an optimizer; empty: each takes all."""
    return ""


def _has_gpu() -> bool:
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    if BACKEND == "jax":
        import jax

        return jax.default_backend() == "gpu"
    import torch

    return torch.cuda.is_available()


def construct(optimizer: str, hyper: dict[str, Any], **options: Any) -> ModelBasedOptimizer:
    """An optimizer by its name in the specification, called by Keras's names."""
    framework = load_spec(optimizer).frameworks["keras"]
    cls: type[ModelBasedOptimizer] = getattr(optimizers, framework.entry)
    return cls(**{framework.names[name]: value for name, value in hyper.items()}, **options)


def run(
    optimizer: str,
    hyper: dict[str, Any],
    params: list[np.ndarray],
    steps: list[dict[str, Any]],
    *,
    dtype: str,
    device: str = "cpu",
    mode: str = "eager",
) -> list[dict[str, Any]]:
    """Trajectory of an optimizer; `backends/README.md` describes arguments and result."""
    with keras.device("gpu:0" if device == "cuda" else "cpu:0"), precision(dtype):
        shapes = tuple(param.shape for param in params)
        start = _session(optimizer, tuple(hyper.items()), shapes, dtype, mode, device)
        built, variables, take_step = start(params)
        return [_stepped(built, variables, take_step, step, dtype) for step in steps]


Session = Callable[[list[np.ndarray]], tuple[ModelBasedOptimizer, list[Any], "StepFunction"]]


@lru_cache(maxsize=4)
def _session(
    optimizer: str,
    hyper: tuple[tuple[str, Any], ...],
    shapes: tuple[tuple[int, ...], ...],
    dtype: str,
    mode: str,
    _device: str,
) -> Session:
    """What starts an optimizer, and starts it again: what is compiled is compiled once."""
    variables = [keras.Variable(np.zeros(shape), dtype=dtype) for shape in shapes]
    built = construct(optimizer, dict(hyper))
    built.build(variables)
    first = [np.array(ops.convert_to_numpy(variable)) for variable in built.variables]
    take_step = _STEPS[mode](built, variables)

    def start(params: list[np.ndarray]) -> tuple[ModelBasedOptimizer, list[Any], StepFunction]:
        for variable, value in zip([*variables, *built.variables], [*params, *first], strict=True):
            variable.assign(ops.convert_to_tensor(value, variable.dtype))
        return built, variables, take_step

    return start


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Let Keras keep the learning rate, and JAX all numbers, in float64 where that is asked for."""
    before = keras.config.floatx()
    wide = dtype == "float64"
    keras.config.set_floatx("float64" if wide else "float32")
    try:
        if wide and BACKEND == "jax":
            import jax

            with jax.enable_x64(True):
                yield
        else:
            yield
    finally:
        keras.config.set_floatx(before)


def _stepped(
    built: ModelBasedOptimizer,
    variables: list[Any],
    take_step: StepFunction,
    step: dict[str, Any],
    dtype: str,
) -> dict[str, Any]:
    """Take a step and tell what became of everything."""
    if "hyper" in step:
        built.learning_rate = step["hyper"]["learning_rate"]
    loss, grads = _differentiated(variables, step, dtype)
    moving = any(grad is not None for grad in grads)
    if moving:
        take_step(grads, loss)
    info = {name: slot for name, slot in built.last_info._asdict().items() if slot is not None}
    report = {name: slot.numpy().item() for name, slot in info.items()}
    # Keras refuses a step without any gradient, which leaves everything as it is.
    idle = {} if moving else {"step_size": 0.0, "truncation": 0.0, "beta": 0.0, "skipped": False}
    return {
        "params": [np.asarray(ops.convert_to_numpy(variable)).astype(np.float64) for variable in variables],
        "info": {**report, **idle},
        "skipped_steps": int(built.skipped_steps.numpy()),
    }


def _differentiated(variables: list[Any], step: dict[str, Any], dtype: str) -> tuple[Any, list[Any]]:
    """Loss and gradients, given or those of a batch."""
    if "batch" not in step:
        grads = [None if grad is None else ops.convert_to_tensor(grad, dtype) for grad in step["grads"]]
        return step.get("loss"), grads
    batch = {name: ops.convert_to_tensor(part, dtype) for name, part in step["batch"].items()}
    loss, grads = _value_and_gradients(lambda layers: _loss(layers, **batch), variables)
    return ops.convert_to_numpy(loss).item(), grads


def _loss(layers: list[Any], inputs: Any, targets: Any) -> Any:
    """Mean squared error of a linear network; without matrix products, whose precision is a setting."""
    outputs = inputs
    for layer in layers:
        outputs = ops.sum(outputs[:, :, None] * layer, axis=1)
    # Keras computes the mean of float64 in float32, on JAX and PyTorch.
    return ops.sum((outputs - targets) ** 2) / math.prod(targets.shape)


def _value_and_gradients(function: Callable[[list[Any]], Any], variables: list[Any]) -> tuple[Any, list[Any]]:
    """By the means of the backend."""
    values = [ops.convert_to_tensor(variable.value) for variable in variables]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = function(values)
        return loss, tape.gradient(loss, values)
    if BACKEND == "jax":
        import jax

        value, gradients = jax.value_and_grad(function)(values)
        return value, gradients
    import torch

    leaves = [value.detach().requires_grad_() for value in values]
    with torch.enable_grad():
        loss = function(leaves)
    return loss, list(torch.autograd.grad(loss, leaves))


def _eager(built: ModelBasedOptimizer, variables: list[Any]) -> StepFunction:
    return lambda grads, loss: built.apply(grads, variables, loss=loss)


def _tf_function(built: ModelBasedOptimizer, variables: list[Any], *, xla: bool = False) -> StepFunction:
    import tensorflow as tf

    compiled = tf.function(lambda grads, loss: built.apply(grads, variables, loss=loss), jit_compile=xla)
    wide = "float64" if variables[0].dtype == "float64" else "float32"
    return lambda grads, loss: compiled(grads, None if loss is None else tf.constant(loss, wide))


def _jit(built: ModelBasedOptimizer, variables: list[Any]) -> StepFunction:
    import jax

    pure = jax.jit(lambda state, grads, values, loss: built.stateless_apply(state, grads, values, loss=loss))

    def take_step(grads: list[Any], loss: Any) -> None:
        state = [variable.value for variable in built.variables]
        values, state = pure(state, grads, [variable.value for variable in variables], loss)
        for variable, value in zip([*variables, *built.variables], [*values, *state], strict=True):
            variable.assign(value)

    return take_step


_STEPS: dict[str, Callable[[ModelBasedOptimizer, list[Any]], StepFunction]] = {
    "eager": _eager,
    "tf_function": _tf_function,
    "xla": partial(_tf_function, xla=True),
    "jit": _jit,
}
