"""Compare what a step of an implementation left with what it should have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from momo_spec.bounds import flattened
from momo_spec.sampled import FORMATS
from momo_spec.vector_file import Expected, Vector

from .subjects.base import Taken

SHOWN = 6


@dataclass(frozen=True)
class Failure:
    """
    The first step that went wrong.

    Attributes
    ----------
    dtype : str
    step : int or None
        From 0; None where the optimizer could not be built.
    quantity : str
        ``params``, a name of the info, ``skipped``, ``exception``, ``error``, ``broken``, or ``checkpoint``.
    error : float or None
        In units of the bound; None where equality is asked for.
    message : str
    """

    dtype: str
    step: int | None
    quantity: str
    error: float | None
    message: str


class FailedError(Exception):
    """A vector is not met."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def check_step(vector: Vector, dtype: str, index: int, taken: Taken) -> float:
    """Compare a step and return the part of the bound that was used."""
    expected = vector.expect[index]
    bounds = _bounds(vector, dtype, index)
    if taken.skipped is not None and taken.skipped != expected.skipped:
        message = f"skipped is {taken.skipped}, expected {expected.skipped}"
        raise FailedError(Failure(dtype, index, "skipped", None, message))
    worst = 0.0
    for quantity, error, text in _errors(taken, expected):
        bound = bounds.get(quantity, 0.0)
        if not error <= bound:
            used = error / bound if bound else None
            raise FailedError(Failure(dtype, index, quantity, used, text))
        worst = max(worst, error / bound if bound else 0.0)
    return worst


def _bounds(vector: Vector, dtype: str, index: int) -> Mapping[str, float]:
    """Bound of each quantity after a step; what has none must be equal."""
    short = next((name for name, full in FORMATS.items() if full == dtype), "")
    return {quantity: bounds[index] for quantity, bounds in vector.tol.get(short, {}).items()}


def _errors(taken: Taken, expected: Expected) -> Iterator[tuple[str, float, str]]:
    """Distance of each quantity from its expectation, 0 where both are the same infinity."""
    shapes = [np.shape(param) for param in taken.params]
    wanted = [np.shape(param) for param in expected.params]
    if shapes != wanted:
        yield "params", np.inf, f"parameters of shapes {shapes}, expected {wanted}"
        return
    ours, theirs = flattened(taken.params), flattened(expected.params)
    equal = np.array_equal(ours, theirs)
    distance = 0.0 if equal else float(np.linalg.norm(ours - theirs))
    yield "params", _at_least(distance, equal=equal), _compared(list(ours), list(theirs))
    for name, value in expected.info.items():
        if name in taken.info:
            told = taken.info[name]
            error = 0.0 if told == value else abs(told - value)
            yield name, _at_least(error, equal=told == value), _compared([told], [value])


def _at_least(distance: float, *, equal: bool) -> float:
    """A distance that underflows is still one."""
    return distance if equal or distance != 0 else float(np.nextafter(0, 1))


def _compared(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Both in a text, with as many digits as it takes to tell them apart."""
    pairs = [[_listed(values, digits) for values in (ours, theirs)] for digits in (9, 17)]
    told, expected = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
    return f"{told}, expected {expected}"


def _listed(values: Sequence[float], digits: int) -> str:
    shown = ", ".join(f"{value:.{digits}g}" for value in values[:SHOWN])
    if len(values) == 1:
        return shown
    return f"({shown}, ...)" if len(values) > SHOWN else f"({shown})"
