"""
Exact trajectories: no operation rounds, in any order of evaluation.

The gradients are small integers or powers of two; the loss of each step is solved for, so
that the step does what the case wants: take the free step, hit the cap from either side
or exactly, stay, reset the lower bound, be skipped.  A seed that needs too many bits or
misses its aim is thrown away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np

from .arithmetic import Array, Dyadic, Exact, NotExactError, Value
from .load import OptimizerSpec
from .problem import Outcome, Problem, Run, Step

ATTEMPTS = 4000
EXACT_BITS = 24
"""Significant bits of all intermediate results, unless a case asks for more."""

EXPECTED_BRANCH = {
    "free": "free",
    "cap": "cap",
    "tie": "cap",
    "zero": "zero",
    "negative": "zero",
    "reset": "reset",
    "reset_zero": "reset",
    "margin": "reset",
    "idle": "idle",
}
TRIPLES = (0, 0, 0, 0, 3, -3, 4, -4)
"""Gradients whose squares add up to squares, with luck."""

SKIPPING = {
    "nan_loss": (math.nan, None),
    "inf_loss": (math.inf, None),
    "neg_inf_loss": (-math.inf, None),
    "nan_grad": (1.0, math.nan),
    "inf_grad": (1.0, math.inf),
    "neg_inf_grad": (1.0, -math.inf),
}


@dataclass(frozen=True)
class ExactCase:
    """
    What an exact trajectory should do.

    Attributes
    ----------
    comment : str
    hyper : mapping
    plan : str
        An aim for each step: a key of `EXPECTED_BRANCH` or `SKIPPING`, or ``any``.  After a slash where
        an adaptive momentum should be, `branches.SIDES` with ``+`` between those of several tensors,
        or ``nil`` for a zero gradient.
    shapes : tuple of tuple of int
        Of the tensors.
    magnitudes : tuple of float
        Each coordinate keeps one of these absolute values, for Adam; integers up to 2 if empty.
    gradients : str
        ``near``: gradients whose squared distance from the average is a power of two, for AM;
        ``triples``: squares of a coordinate add up to squares, for AdaGrad.
    tries : int
        How often the gradients of a step are drawn before the whole trajectory is.
    rates : mapping of int to float
        Learning rate of single steps; the others have that of `hyper`.
    follow_weight : bool
        Make the learning rate of each step ``learning_rate * weight**2``, so that the
        quotients by a weight that is no power of two are exact.
    missing : mapping of int to tuple of int
        Tensors without a gradient, by step.
    zero_grads : bool
        All gradients are zero.
    groups, group_of
        As in `Problem`.
    bits : int
        Significant bits of all numbers.
    seed : int
        First seed to try.
    """

    comment: str
    hyper: Mapping[str, Any]
    plan: str
    shapes: tuple[tuple[int, ...], ...] = ((2,), (1,))
    magnitudes: tuple[float, ...] = ()
    gradients: str = ""
    tries: int = 1
    rates: Mapping[int, float] = field(default_factory=dict)
    follow_weight: bool = False
    missing: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    zero_grads: bool = False
    groups: tuple[Mapping[str, float], ...] = ()
    group_of: tuple[int, ...] = ()
    bits: int = EXACT_BITS
    seed: int = 0


def exact_trajectory(spec: OptimizerSpec, case: ExactCase) -> tuple[Problem, list[Step], list[Outcome]]:
    """
    First trajectory, by seed, that does what the case wants.

    Raises
    ------
    NotExactError
        If no seed does.
    """
    for seed in range(case.seed, case.seed + ATTEMPTS):
        try:
            problem, steps = _Builder(spec, case, Random(seed)).build()
            return problem, steps, list(_replay(spec, problem, steps, case.bits))
        except NotExactError:
            continue
    raise NotExactError(f"{spec.name}: no exact trajectory for {case.comment!r}, {case.plan!r}")


def _replay(spec: OptimizerSpec, problem: Problem, steps: list[Step], bits: int) -> Iterator[Outcome]:
    run = Run(spec, problem, Dyadic(bits))
    for step in steps:
        yield run.step(step)


def _must_take(outcome: Outcome, aim: str, side: str) -> None:
    """NotExactError if a step did not do what was wanted."""
    wanted = "skip" if aim in SKIPPING else EXPECTED_BRANCH.get(aim, outcome.branch)
    if outcome.branch != wanted:
        raise NotExactError(f"aimed at {wanted}, took {outcome.branch}")
    if side not in ("", "nil") and {*outcome.sides} - {"first"} != {*side.split("+")}:
        raise NotExactError(f"aimed at {side}, took {outcome.sides}")


class _Builder:
    """Draw one trajectory."""

    def __init__(self, spec: OptimizerSpec, case: ExactCase, random: Random) -> None:
        self.case, self.random, self.needs_loss = case, random, spec.needs_loss
        self.arithmetic = Dyadic(case.bits)
        self.problem = Problem(
            hyper=case.hyper,
            x0=tuple(self._filled(shape, lambda: random.randint(-8, 8)) for shape in case.shapes),
            groups=case.groups,
            group_of=case.group_of,
        )
        self.run = Run(spec, self.problem, self.arithmetic)
        self.sizes = [self._filled(s, lambda: random.choice(case.magnitudes or (0,))) for s in case.shapes]

    def build(self) -> tuple[Problem, list[Step]]:
        """Draw all steps; NotExactError if one is not exact or does something else."""
        return self.problem, [
            self._drawn(index, *aims.partition("/")[::2]) for index, aims in enumerate(self.case.plan.split())
        ]

    def _drawn(self, index: int, aim: str, side: str) -> Step:
        """Draw a step until it does what it should, and take it."""
        for attempt in range(1, self.case.tries + 1):
            run = self.run.fork() if attempt < self.case.tries else self.run
            try:
                step = self._step(index, aim, side)
                _must_take(run.step(step), aim, side)
            except NotExactError:
                if attempt == self.case.tries:
                    raise
                continue
            self.run = run
            break
        return step

    def _step(self, index: int, aim: str, side: str) -> Step:
        grads = self._grads(() if aim != "idle" else range(len(self.case.shapes)), index, side)
        hyper: dict[str, float] = {}
        if self.case.rates:
            hyper["learning_rate"] = self.case.rates.get(index, float(self._base_rate()))
        elif self.case.follow_weight:
            weight = self.run.probe(Step(self._whole(grads), 0.0), Exact())["weight"]
            hyper["learning_rate"] = float(self._base_rate() * weight * weight)
        if aim in SKIPPING:
            return self._spoiled(grads, hyper, aim)
        if not self.needs_loss:
            return Step(grads, None, hyper)
        if aim == "any" or all(grad is None for grad in grads):
            return Step(grads, float(self.random.randint(-4, 8)), hyper)
        scope = self.run.probe(Step(grads, 0.0, hyper), Exact())
        return Step(grads, self._loss(scope, aim), hyper)

    def _base_rate(self) -> Fraction:
        return Fraction(self.run.evaluator.hyper["learning_rate"])

    def _grads(self, without: Any, index: int, side: str) -> tuple[Array | None, ...]:
        missing = {*without, *self.case.missing.get(index, ())}
        return tuple(
            None if leaf in missing else self._grad(leaf, shape, side)
            for leaf, shape in enumerate(self.case.shapes)
        )

    def _grad(self, leaf: int, shape: tuple[int, ...], side: str) -> Array:
        if self.case.zero_grads or side == "nil":
            return np.zeros(shape)
        if self.case.magnitudes:
            return self.sizes[leaf] * self._filled(shape, lambda: self.random.choice((-1, 1)))
        if self.case.gradients == "triples":
            return self._filled(shape, lambda: self.random.choice(TRIPLES))
        if self.case.gradients == "near":
            return self._near(leaf, shape, side)
        return self._filled(shape, lambda: self.random.randint(-2, 2))

    def _near(self, leaf: int, shape: tuple[int, ...], side: str) -> Array:
        """The average of the gradients with one coordinate moved by a power of two, or with none."""
        average = np.array(self.run.evaluator.leaves[leaf]["grad_avg"], dtype=np.float64)
        if not np.any(average):
            return self._filled(shape, lambda: self.random.randint(-2, 2))
        if side != "equal" and self.random.random() < 0.75:
            coordinate = self.random.randrange(average.size)
            average.flat[coordinate] += self.random.choice((-1, 1)) * 2.0 ** self.random.randint(-1, 2)
        return average

    def _whole(self, grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        """Gradients for a probe, at least one."""
        return grads if any(g is not None for g in grads) else tuple(map(np.zeros, self.case.shapes))

    def _spoiled(self, grads: tuple[Array | None, ...], hyper: dict[str, float], aim: str) -> Step:
        loss, element = SKIPPING[aim]
        if element is not None:
            last = max(i for i, grad in enumerate(grads) if grad is not None)
            spoiled = np.array(grads[last])
            spoiled.flat[-1] = element
            grads = (*grads[:last], spoiled, *grads[last + 1 :])
        return Step(grads, loss if self.needs_loss else None, hyper)

    def _filled(self, shape: tuple[int, ...], draw: Any) -> Array:
        array: Array = np.zeros(shape)
        for index in np.ndindex(*shape):
            array[index] = draw()
        return array

    def _loss(self, scope: Mapping[str, Value], aim: str) -> float:
        """Loss with which the averaged model has the value that the aim needs."""
        if "lead" in scope:
            return float(self.arithmetic.rounded(self._normalized_value(scope, aim) - scope["lead"]))
        value = scope["weight"] * self._normalized_value(scope, aim) + scope["decay_drop"]
        past = scope["beta_k"] * self.run.evaluator.scalars["predicted_loss"]
        loss = (value - past) / scope["sample_share"]
        self.arithmetic.rounded(loss)
        return float(loss)

    def _normalized_value(self, scope: Mapping[str, Value], aim: str) -> Value:
        """Model value after the decay, over the weight: the bound plus step times slope."""
        cap, descent = scope["cap"], scope["descent_rate"]
        unit = cap / scope["weight"] if cap and math.isfinite(cap) else Fraction(1)
        first = scope["lower_bound"]
        bound = scope.get("old_bound", first)
        if not math.isfinite(bound):
            return Fraction(self.random.randint(-2, 6))
        if descent == 0:
            return bound + {"zero": 0, "negative": -1}.get(aim, 1)
        if aim == "reset":
            return first + 2 * self._fitting(unit, descent, bound - first, bound - first) * descent
        if aim == "margin":
            room = (bound - first) / (1 - scope["reset_margin"])
            return first + 2 * self._fitting(unit, descent, room, room - (bound - first)) * descent
        if aim == "reset_zero":
            return first - unit * descent
        share = {"free": self.random.choice((2, 4)), "tie": 1, "cap": Fraction(1, 2), "negative": -1}
        return bound if aim == "zero" else bound + unit * descent / share[aim]

    def _fitting(self, unit: Value, descent: Value, upper: Value, width: Value) -> Value:
        """Simple multiple r of the unit with ``upper - width <= 2 * r * descent < upper``, r > 0."""
        for power in range(-2, 9):
            step = unit / Fraction(2) ** power
            count = math.ceil(upper / (2 * step * descent)) - 1
            if 0 < count <= 3 and 2 * count * step * descent >= upper - width:
                return count * step
        raise NotExactError("no room for a reset")
