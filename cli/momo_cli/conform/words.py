"""A failure in words: what goes in, what should come out, and what does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from momo_spec.vector_file import Vector

from .compare import Failure
from .findings import Finding
from .judge import Verdict

STEPS_SHOWN = 3
TELLING = ("exception", "error", "skipped", "broken", "checkpoint")
"""Quantities whose messages say what they are about."""


def account(verdict: Verdict) -> list[str]:
    """A failed vector in words: what goes in, what should come out and what does."""
    vector = verdict.vector
    hyper = vector.problem.hyper if isinstance(vector, Vector) else vector.hyper
    told = ", ".join(f"{name}={_plain(value)}" for name, value in hyper.items())
    lines = [f"test {vector.tc_id} ({verdict.tier}): {vector.comment}", f"hyper: {told or 'defaults'}"]
    if isinstance(vector, Vector):
        lines += _inputs(vector, verdict.failures[0].step or 0)
    return [*lines, *(_outcome(failure) for failure in verdict.failures)]


def refused(finding: Finding) -> list[str]:
    """Inputs that should have been refused, each in a line."""
    return [
        f"{verdict.vector.tc_id}: {verdict.vector.comment}, {verdict.failures[0].message}"
        for verdict in finding.failed
    ]


def _inputs(vector: Vector, last: int) -> list[str]:
    problem = vector.problem
    lines = [f"start: {_tensors(problem.x0)}"]
    if problem.groups:
        own = "; ".join(", ".join(f"{k}={_plain(v)}" for k, v in group.items()) for group in problem.groups)
        lines.append(f"groups: {own}; group of each tensor: {list(problem.group_of)}")
    if last >= STEPS_SHOWN:
        return [*lines, f"(the first {last} steps are right)"]
    places = [problem.x0, *(expected.params for expected in vector.expect)]
    for number, (given, params) in enumerate(zip(vector.steps[: last + 1], places, strict=False), 1):
        step = given.at(params)
        own = "".join(f", {name}={_plain(value)}" for name, value in step.hyper.items())
        loss = "none" if step.loss is None else _plain(step.loss)
        where = " at the expected parameters" if step.batch else ""
        lines.append(f"step {number}: gradients{where} {_tensors(step.grads)}, loss {loss}{own}")
    return lines


def _outcome(failure: Failure) -> str:
    place = "" if failure.step is None else f"step {failure.step + 1}, "
    used = "" if failure.error is None else f"; {_bounds(failure.error)}"
    name = "" if failure.quantity in TELLING else f"{failure.quantity} "
    return f"{place}{failure.dtype}: {name}{failure.message}{used}"


def _bounds(error: float) -> str:
    return f"{error:.2g} times the bound" if math.isfinite(error) else "not finite"


def _tensors(arrays: Sequence[Any]) -> str:
    return ", ".join("none" if array is None else _plain(array.tolist()) for array in arrays)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_plain(part) for part in value)}]"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
