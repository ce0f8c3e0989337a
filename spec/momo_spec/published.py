"""Run a second reference on a vector, in rational numbers of few bits or in 60 digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from .arithmetic import Array, Dyadic, Exact
from .batch import Batch
from .load import OptimizerSpec, load_spec
from .second_reference import DIRECTIONS, MODELS, Gradients, PublishedRun
from .second_schedule_free import ScheduleFreeRun
from .second_training import Matrix, loss_and_gradients
from .vector_file import Vector


def has_second_reference(name: str) -> bool:
    """Whether a second reference knows the optimizer."""
    spec = load_spec(name)
    return spec.model == "schedule_free" or (spec.direction in DIRECTIONS and spec.model in MODELS)


def published(vector: Vector, number: Callable[[Any], Any]) -> Iterator[dict[str, list[Any]]]:
    """
    Quantities after each step by its second reference.

    Parameters
    ----------
    vector : Vector
    number : callable
        Converts a finite float exactly: ``mpmath.mpf`` or a subclass of `Fraction`.
    """
    spec, problem = load_spec(vector.algorithm), vector.problem
    convert = _converter(number)
    hyper = {name: convert(problem.hyper.get(name, entry.default)) for name, entry in spec.hyper.items()}
    run = _run(spec, hyper, [_flat(x, convert) for x in problem.x0], number)
    for step in vector.steps:
        now = {**hyper, **{name: convert(value) for name, value in step.hyper.items()}}
        own = [
            {**now, **{name: convert(value) for name, value in group.items()}}
            for group in problem.leaf_hyper or [{}] * len(problem.x0)
        ]
        if step.batch is None:
            grads: Gradients = [None if grad is None else _flat(grad, convert) for grad in step.grads]
            loss = None if step.loss is None else convert(step.loss)
        else:
            loss, grads = loss_and_gradients(*_matrices(step.batch, run.tensors, problem.x0, convert))
        run.step(grads, loss, [(each["learning_rate"], each["weight_decay"]) for each in own])
        yield {
            "params": [value for tensor in run.tensors for value in tensor.x],
            "step_size": [run.tau],
            "lower_bound": [run.lb],
            "beta": [run.beta],
        }


def _run(
    spec: OptimizerSpec, hyper: dict[str, Any], params: list[list[Any]], number: Callable[[Any], Any]
) -> PublishedRun | ScheduleFreeRun:
    if spec.model == "schedule_free":
        return ScheduleFreeRun(hyper, params)
    sqrt = mpmath.sqrt if number is mpmath.mpf else lambda value: number(_rational_root(value))
    return PublishedRun(spec.direction, spec.model, hyper, params, sqrt)


def bounded_fraction(bits: int) -> type[Fraction]:
    """Rational numbers that raise NotExactError where a result has more significant bits."""
    check = Dyadic(bits).rounded

    def checked(name: str) -> Callable[[Fraction, Any], Any]:
        operation = getattr(Fraction, name)

        def apply(left: Fraction, right: Any) -> Any:
            result = check(operation(left, right))
            return number(result) if isinstance(result, Fraction) else result

        return apply

    names = [f"__{side}{name}__" for name in ("add", "sub", "mul", "truediv") for side in ("", "r")]
    number = type("BoundedFraction", (Fraction,), {name: checked(name) for name in names})
    return number


def _converter(number: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        exact = not isinstance(value, bool | str) and math.isfinite(value)
        return number(value) if exact else value

    return convert


def _flat(array: Any, convert: Callable[[Any], Any]) -> list[Any]:
    return [convert(float(value)) for value in np.asarray(array).flat]


def _matrices(
    batch: Batch, tensors: Sequence[Any], shapes: Sequence[Array], convert: Callable[[Any], Any]
) -> tuple[Matrix, Matrix, list[Matrix]]:
    """Inputs, targets and the layers where the run is."""
    inputs, targets = (_rows(_flat(part, convert), part) for part in (batch.inputs, batch.targets))
    return inputs, targets, [_rows(tensor.x, like) for tensor, like in zip(tensors, shapes, strict=True)]


def _rows(values: Sequence[Any], like: Array) -> Matrix:
    """The elements of a matrix of that shape, which follow each other row by row."""
    width = like.shape[1]
    return [list(values[first : first + width]) for first in range(0, like.size, width)]


def _rational_root(value: Any) -> Fraction:
    root: Fraction = Exact().apply("sqrt", [Fraction(value)])
    return root
