"""Recompute golden vectors: by the evaluator, by the second reference, and with rounding errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from .arithmetic import Dyadic, NotExactError, Perturbed, Precise
from .bounds import SAMPLES, UNIT_ROUNDOFF
from .exact import EXACT_BITS
from .hexfloat import encode
from .load import load_spec
from .notes import flags
from .one_step import after_rounding
from .problem import Outcome
from .published import bounded_fraction, published
from .sampled import FORMATS, LEAST_MARGIN, evaluate, trajectory_rows
from .vector_file import BITS, Vector
from .vectors import needed_bits, stored_margin

DIGITS = 50
"""Of the first reference; the second has more."""

FINER = 10.0**-DIGITS / UNIT_ROUNDOFF["float64"]
"""The rounding errors of the first reference, as a share of those of binary64."""


def exact_problems(vector: Vector) -> Iterator[str]:
    """What is wrong with a test of tier T0."""
    spec, bits = load_spec(vector.algorithm), max(EXACT_BITS, vector.bits or 0)
    try:
        outcomes = evaluate(spec, vector.problem, vector.steps, Dyadic(bits))
        others = list(published(vector, bounded_fraction(bits)))
    except NotExactError as error:
        yield str(error)
        return
    yield from _differences(vector, outcomes)
    if vector.bits not in (needed_bits(vector.problem, vector.steps, outcomes), BITS["float64"]):
        yield f"bits is {vector.bits}"
    for index, (outcome, other) in enumerate(zip(outcomes, others, strict=True)):
        if not _same(_quantities(outcome), other, {}):
            yield f"step {index}: the second reference differs"


def sampled_problems(vector: Vector) -> Iterator[str]:
    """What is wrong with a test of tier T1, T2 or T3."""
    spec = load_spec(vector.algorithm)
    outcomes = evaluate(spec, vector.problem, vector.steps, Precise(DIGITS))
    yield from _differences(vector, outcomes)
    if vector.margin != stored_margin(_inexact(vector, outcomes)):
        yield f"margin is {vector.margin}"
    if vector.margin is not None and vector.margin < LEAST_MARGIN:
        yield "too close to a discontinuity"
    with mpmath.workdps(60):
        for index, (outcome, other) in enumerate(zip(outcomes, published(vector, mpmath.mpf), strict=True)):
            allowed = {name: FINER * bound[index] for name, bound in vector.tol["f64"].items()}
            if not _same(_quantities(outcome), other, allowed):
                yield f"step {index}: the second reference differs"
    yield from _bound_problems(vector, outcomes)


def _inexact(vector: Vector, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Outcomes of the steps that round: the last one in tier T1."""
    return outcomes[-1:] if vector.tier == "T1" else outcomes


def _differences(vector: Vector, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Expectations that are not what the evaluator finds, rounded once."""
    for index, (expected, outcome) in enumerate(zip(vector.expect, outcomes, strict=True)):
        info = {name: encode(float(value)) for name, value in outcome.info.items()}
        if info != {name: encode(value) for name, value in expected.info.items()}:
            yield f"step {index}: info differs"
        params = [np.asarray(param, dtype=np.float64) for param in outcome.params]
        if not all(map(np.array_equal, params, expected.params)):
            yield f"step {index}: params differ"
        if expected.branch != outcome.branch:
            yield f"step {index}: branch is {outcome.branch!r}"
    if list(vector.flags) != flags(load_spec(vector.algorithm), vector.problem, vector.steps, outcomes):
        yield "flags differ"


def _bound_problems(vector: Vector, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One more run with rounding errors, none of those that made the bounds, keeps within them."""
    inexact = _inexact(vector, outcomes)
    exact = trajectory_rows(vector.problem, inexact)
    for name, tol in vector.tol.items():
        try:
            rows = trajectory_rows(vector.problem, _one_more(vector, name))
        except NotExactError as inexact_start:
            yield f"before the last step: {inexact_start}"
            continue
        if set(tol) != set(exact) or any(len(bound) != len(vector.steps) for bound in tol.values()):
            yield f"{name}: bounds of other quantities or steps"
            continue
        for quantity, bound in tol.items():
            error = np.linalg.norm(rows[quantity] - exact[quantity], axis=1)[1:]
            if not np.all(error <= bound[-len(inexact) :]):
                yield f"{name}: {quantity} leaves its bound"
            if any(bound[: -len(inexact)]):
                yield f"{name}: {quantity} has a bound where nothing rounds"


def _one_more(vector: Vector, name: str) -> list[Outcome]:
    """The steps that round, with errors of a seed that no bound was made of."""
    spec = load_spec(vector.algorithm)
    if vector.tier == "T1":
        evaluate(spec, vector.problem, vector.steps[:-1], Dyadic(EXACT_BITS))
        return [after_rounding(spec, vector.problem, vector.steps, name, SAMPLES)]
    noise = Perturbed(UNIT_ROUNDOFF[FORMATS[name]], seed=SAMPLES)
    return evaluate(spec, vector.problem, vector.steps, noise)


def _quantities(outcome: Outcome) -> dict[str, list[Any]]:
    compared = ("step_size", "lower_bound", "beta")
    return {
        "params": [value for param in outcome.params for value in np.asarray(param).flat],
        **{name: [value] for name, value in outcome.info.items() if name in compared},
    }


def _same(
    left: Mapping[str, list[Any]], right: Mapping[str, list[Any]], allowed: Mapping[str, float]
) -> bool:
    """Whether both have the same quantities, but for the errors allowed of some."""
    return all(
        a == b or abs(a - b) <= allowed.get(name, 0.0)
        for name, values in left.items()
        for a, b in zip(values, right[name], strict=True)
    )
