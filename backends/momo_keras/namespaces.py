"""The array namespace of the Keras backend in use, and what else differs between backends."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
from keras import ops

from momo_core.reduction import ComputedOnce, Reduction

BACKEND = keras.config.backend()
"""Keras fixes it when it is imported."""

_MODULES = {
    "jax": "jax.numpy",
    "tensorflow": "momo_keras.tensorflow_namespace",
    "torch": "array_api_compat.torch",
}
_NAMESPACE: Any = importlib.import_module(_MODULES[BACKEND]) if BACKEND in _MODULES else None


def namespace() -> Any:
    """
    Namespace of the arrays of the Keras backend.

    `keras.ops` is none: on the torch backend its `maximum` and `minimum` lose float64.

    Raises
    ------
    NotImplementedError
        If the backend does not train.
    """
    if _NAMESPACE is None:
        raise NotImplementedError(f"momo_keras does not train with the Keras backend {BACKEND!r}")
    return _NAMESPACE


def reduction() -> Reduction:
    """How sums over the tensors are handed on: for XLA so that it computes them once."""
    return (ComputedOnce if BACKEND == "jax" else Reduction)(namespace())


def value_of(variable: Any) -> Any:
    """Current value of a variable as an array without gradient; on torch it shares the memory."""
    if BACKEND == "torch" and isinstance(variable, keras.Variable):
        return variable.value.detach()  # what `ops` does, without its checks on the way
    return ops.stop_gradient(ops.convert_to_tensor(variable))


def copy_of(variable: Any) -> Any:
    """Copy of the value of a variable, which later assignments do not change."""
    return ops.copy(value_of(variable))


def dense(grad: Any) -> Any:
    """Gradient as an array, or None; of an embedding, TensorFlow gives only the rows looked up."""
    if grad is None:
        return None
    if BACKEND == "tensorflow":
        return namespace().asarray(grad)
    return ops.convert_to_tensor(grad, sparse=False)


def outside_functions() -> AbstractContextManager[Any]:
    """Where to create variables and give them values: not within a function that TensorFlow traces."""
    if BACKEND == "tensorflow":
        scope: AbstractContextManager[Any] = namespace().init_scope()
        return scope
    return nullcontext()
