"""
Monte-Carlo arithmetic for JAX: a program with random rounding errors, compiled.

`momo_spec.bounds` evaluates the specification so; this does it to any function that JAX traces,
fast enough for very long runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

ROUNDED = {"add", "sub", "mul", "div", "sqrt", "integer_pow", "square", "reduce_sum"}
"""Primitives whose result a format rounds."""

# fmt: off
EXACT = {
    "abs", "and", "broadcast_in_dim", "concatenate", "convert_element_type", "copy", "dynamic_slice",
    "eq", "gather", "ge", "gt", "is_finite", "iota", "le", "lt", "max", "min", "ne", "neg", "not", "or",
    "reduce_and", "reshape", "select_n", "sign", "slice", "sort", "squeeze", "stack", "stop_gradient",
    "transpose", "xor",
}
# fmt: on
"""Primitives whose result is exact, as it is one of the numbers that they are given or no number."""


def perturbed(
    function: Callable[..., Any], unit_roundoff: float, *example: Any
) -> tuple[Callable[..., Any], int]:
    """
    `function` with a relative error of at most `unit_roundoff` in each floating result.

    A sum gets an error of its order, too: the root of the number of terms times the unit times
    the sum of magnitudes.

    Parameters
    ----------
    function : callable
        Of float64 arrays, without random numbers or loops of its own.
    unit_roundoff : float
        Of the format that is imitated, 2**-24 for float32.
    *example
        Arguments by which it is traced.

    Returns
    -------
    callable
        ``(noise, *arguments)``, with `noise` of shape (count,), uniform in [-1, 1].
    count : int
        How many errors an evaluation makes.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*example)
    structure = jax.tree.structure(shape)

    def with_errors(noise: Array, *arguments: Any) -> Any:
        flat = _evaluate(closed, jax.tree.leaves(arguments), _Errors(unit_roundoff * noise))
        return jax.tree.unflatten(structure, flat)

    return with_errors, _errors(closed.jaxpr)


class _Errors:
    """Hands out random errors, each once."""

    def __init__(self, noise: Array) -> None:
        self.noise, self.used = noise, 0

    def take(self, shape: tuple[int, ...]) -> Array:
        start, self.used = self.used, self.used + math.prod(shape)
        return self.noise[start : self.used].reshape(shape)


def _inner(equation: Any) -> Iterator[Any]:
    """Functions that an equation calls."""
    for value in equation.params.values():
        if isinstance(value, ClosedJaxpr | Jaxpr):
            yield value


def _errors(jaxpr: Any) -> int:
    """How many errors an evaluation needs."""
    total = 0
    for equation in jaxpr.eqns:
        total += sum(_errors(getattr(inner, "jaxpr", inner)) for inner in _inner(equation))
        if _is_rounded(equation):
            total += equation.outvars[0].aval.size * (2 if equation.primitive.name == "reduce_sum" else 1)
    return total


def _is_rounded(equation: Any) -> bool:
    return equation.primitive.name in ROUNDED and jnp.issubdtype(equation.outvars[0].aval.dtype, jnp.floating)


def _evaluate(closed: Any, arguments: list[Any], errors: _Errors) -> list[Any]:
    """Results of a traced function, equation by equation."""
    jaxpr = closed.jaxpr
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *arguments), strict=True))

    def read(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else known[variable]

    for equation in jaxpr.eqns:
        values = [read(variable) for variable in equation.invars]
        known.update(zip(equation.outvars, _results(equation, values, errors), strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _results(equation: Any, values: list[Any], errors: _Errors) -> list[Any]:
    name, inner = equation.primitive.name, list(_inner(equation))
    if inner:
        return _evaluate(inner[0], values, errors)
    if name not in ROUNDED | EXACT:
        raise NotImplementedError(f"it is not known how {name} rounds")
    bound = equation.primitive.bind(*values, **equation.params)
    results = list(bound) if equation.primitive.multiple_results else [bound]
    if _is_rounded(equation):
        if name == "reduce_sum":
            terms = values[0].size / max(results[0].size, 1)
            magnitudes = equation.primitive.bind(abs(values[0]), **equation.params)
            results[0] += math.sqrt(terms) * magnitudes * errors.take(results[0].shape)
        results[0] *= 1 + errors.take(results[0].shape)
    return results
