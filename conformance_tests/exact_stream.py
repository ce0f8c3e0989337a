"""Exact trajectories without end, beyond those of the golden vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np

from momo_spec import load_spec
from momo_spec.exact import ATTEMPTS, ExactCase, NotExactError, exact_trajectory
from momo_spec.sweeps import exact_cases
from momo_spec.vector_file import Expected, Vector
from momo_spec.vectors import bits_of_case

FEW = 2
"""Hyper-parameters of an optimizer for compiled modes, in which each takes seconds."""

ROUNDS = 200


def stream(optimizer: str, *, few_kinds: bool) -> Iterator[Vector]:
    """
    Trajectories in which nothing rounds, from new seeds in every round.

    Parameters
    ----------
    optimizer : str
        Name in the specification.
    few_kinds : bool
        With the first `FEW` cases alone.
    """
    count = FEW if few_kinds else len(cases(optimizer))
    for seed in range(1, ROUNDS):
        for number in range(count):
            vector = drawn(optimizer, number, seed)
            if vector is not None:
                yield vector


@cache
def cases(optimizer: str) -> tuple[ExactCase, ...]:
    """Cases of the golden vectors; first one of each hyper-parameters, then the others."""
    found = tuple(exact_cases(load_spec(optimizer)))
    first = {repr((case.hyper, case.shapes)): case for case in reversed(found) if not case.groups}
    ahead = tuple(reversed(first.values()))
    return ahead + tuple(case for case in found if not any(case is other for other in ahead))


@cache
def drawn(optimizer: str, number: int, seed: int) -> Vector | None:
    """A case with another seed; None where it has no more trajectories."""
    spec, case = load_spec(optimizer), cases(optimizer)[number]
    try:
        problem, steps, outcomes = exact_trajectory(spec, replace(case, seed=seed * ATTEMPTS))
    except NotExactError:
        return None
    expect = tuple(
        Expected(
            tuple(np.asarray(param, np.float64) for param in outcome.params),
            {name: float(value) for name, value in outcome.info.items()},
            outcome.branch,
        )
        for outcome in outcomes
    )
    bits = bits_of_case(case, problem, steps, outcomes)
    return Vector(optimizer, "T0", seed, case.comment, (), problem, tuple(steps), expect, bits, {}, None)
