"""What an implementation must refuse, with stable error codes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .check import in_interval
from .load import Hyper, OptimizerSpec
from .problem import Problem, Step


@dataclass(frozen=True)
class InvalidCase:
    """Something that must be refused, with its stable error code; `error` is ``type`` or ``value``."""

    comment: str
    hyper: Mapping[str, Any]
    error: str
    error_code: str


@dataclass(frozen=True)
class InvalidStep:
    """A step that must be refused."""

    comment: str
    problem: Problem
    step: Step
    error: str
    error_code: str


def invalid_cases(spec: OptimizerSpec) -> list[InvalidCase]:
    """Hyper-parameters that must be refused."""
    return [
        *(case for hyper in spec.hyper.values() if not hyper.internal for case in _invalid_values(hyper)),
        *_broken_constraints(spec),
    ]


def _invalid_values(hyper: Hyper) -> Iterator[InvalidCase]:
    wrong: list[Any] = ["fast", [0.5, 0.5]]
    if hyper.kind == "choice":
        for value in (*wrong, 1.0):
            yield InvalidCase(
                f"{hyper.name} that is no choice", {hyper.name: value}, "value", f"{hyper.code}_RANGE"
            )
        return
    if hyper.kind == "flag":
        wrong.append(1.0)
    else:
        wrong.append(True)
        for value in _outside(hyper.domain):
            yield InvalidCase(
                f"{hyper.name} outside of {hyper.domain}", {hyper.name: value}, "value", f"{hyper.code}_RANGE"
            )
    for value in wrong:
        yield InvalidCase(
            f"{hyper.name} of the wrong type", {hyper.name: value}, "type", f"{hyper.code}_TYPE"
        )


def _outside(interval: str) -> Iterator[float]:
    low, high = (float(end) for end in interval[1:-1].split(", "))
    yield math.nan
    if math.isfinite(low):
        yield from (-math.inf, low - 1.0, math.nextafter(low, -math.inf))
    if math.isfinite(high):
        yield from (math.inf, high + 1.0, math.nextafter(high, math.inf))
    if interval[0] == "(":
        yield low
    if interval[-1] == ")":
        yield high


def _broken_constraints(spec: OptimizerSpec) -> Iterator[InvalidCase]:
    clashes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("E_LEARNING_RATE", {"learning_rate": math.inf, "weight_decay": 0.1}),
        ("E_LOWER_BOUND", {"lower_bound": -math.inf, "adapt_lower_bound": True}),
        ("E_LEARNING_RATE", {"learning_rate": math.inf, "lower_bound": -math.inf}),
    )
    for code, hyper in clashes:
        if all(_has(spec, name, value) for name, value in hyper.items()):
            yield InvalidCase(f"{' and '.join(hyper)} do not go together", hyper, "value", f"{code}_RANGE")


def _has(spec: OptimizerSpec, name: str, value: Any) -> bool:
    """Whether the optimizer has the hyper-parameter, and would take the value by itself."""
    hyper = spec.hyper.get(name)
    return hyper is not None and (hyper.kind == "flag" or in_interval(value, hyper.domain))


def invalid_steps(spec: OptimizerSpec) -> list[InvalidStep]:
    """Steps that must be refused before anything is written."""
    problem = Problem({}, (np.array([1.0, 2.0]), np.array([3.0])))
    grads = (np.array([1.0, 1.0]), np.array([1.0]))
    steps = [
        ("a gradient is missing from the list", Step(grads[:1], 1.0), "value", "E_GRADS_NUMBER"),
        ("a gradient of another shape", Step((grads[0], grads[0]), 1.0), "value", "E_GRADS_SHAPE"),
    ]
    if spec.needs_loss:
        steps.insert(0, ("no loss", Step(grads, None), "value", "E_LOSS_MISSING"))
    return [InvalidStep(comment, problem, step, error, code) for comment, step, error, code in steps]
