"""What the tests are about: flags that follow from the content of a test, and their notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .load import OptimizerSpec
from .problem import Outcome, Problem, Step

NOTES: dict[str, tuple[str, str]] = {
    "AdamWDecay": (
        "formula",
        "(1 - lr wd) x - step with its own numerator; catches: the proximal form, the proximal numerator.",
    ),
    "AdaptiveMomentum": ("formula", "the momentum coefficient is chosen in each step; `beta` of the info."),
    "AuthorsNumerator": (
        "formula",
        "internal: AdamW's decay with the numerator of the proximal step, for parity with momo-opt.",
    ),
    "BetaBetween": (
        "branch",
        "the ratio of AM is within its interval; catches: d and g exchanged, its signs.",
    ),
    "BetaLeast": ("branch", "the ratio of AM is below its interval, for a zero gradient 0."),
    "BetaMost": ("branch", "the ratio of AM is above its interval; catches: 1 for beta_max."),
    "BiasCorrection": (
        "formula",
        "averages start at zero and the step is divided by their weight; catches: lr for lr / weight, "
        "weight * bound without the weight, a step counter off by one.",
    ),
    "Cap": ("branch", "the step is cut at the learning rate, or exactly at it; catches: no min."),
    "Eps": (
        "formula",
        "eps is added to the root after bias correction; catches: inside the root, before, absent.",
    ),
    "Estimator": ("formula", "the lower bound is estimated; catches: lr for the step, no 1/2, no safeguard."),
    "Idle": ("edge", "no tensor has a gradient: nothing happens, not even to the counter of skipped steps."),
    "InfiniteLearningRate": ("edge", "the uncapped Polyak step; catches: inf * 0, inf / inf."),
    "Invalid": ("error", "must be refused with the error code before anything is written."),
    "LargeParameters": ("numerics", "catches: <d, x> - gamma, which cancels; see tolerances in the README."),
    "LowerBound": ("formula", "a lower bound other than zero; catches: the bound ignored or not weighted."),
    "MissingGradient": ("edge", "a tensor without a gradient is neither moved nor averaged nor summed."),
    "NoLowerBound": ("edge", "lower bound -inf: the base optimizer; catches: NaN."),
    "NonFinite": ("edge", "a skipped step changes nothing; catches: NaN in the averages, a counted step."),
    "ParameterGroups": ("formula", "one joint step for groups with their own learning rate and decay."),
    "Penalty": ("formula", "lambd > 0: the change of the direction costs; catches: 1 / (1 + lambd) missing."),
    "PerTensor": ("formula", "each tensor has its own momentum coefficient, the info their mean."),
    "Reset": ("branch", "the estimate is above the model and falls half-way to the first bound."),
    "ResetMargin": ("formula", "reset_margin > 0: the reset comes before the model meets the bound."),
    "SameGradient": ("edge", "the average is the gradient: beta_max, the limit; catches: NaN, 0."),
    "Schedule": ("formula", "the learning rate of each step; catches: a rate read once."),
    "Tie": ("branch", "two sides of a comparison are exactly equal."),
    "TinyOrHugeLoss": ("numerics", "catches: absolute thresholds on norms."),
    "Training": (
        "formula",
        "loss and gradients at the optimizer's own parameters; catches: a loss or gradients taken at "
        "parameters other than those reported.",
    ),
    "WeightDecay": (
        "formula",
        "proximal: (x - step d) / (1 + lr wd); catches: optax's x / (1 + lr wd) - step d, a numerator "
        "without 1 + lr wd, (1 - lr wd) x.",
    ),
    "ZeroGradient": ("edge", "all averages zero: step size 0 and no NaN; catches: 0 / 0."),
    "ZeroLearningRate": ("edge", "nothing moves, averages go on, the estimate stays."),
    "ZeroStep": ("branch", "the model is at or below the bound: only the decay moves; catches: no max."),
}
"""Kind and description of each flag."""

SIDE_FLAGS = {
    "first": "AdaptiveMomentum",
    "least": "BetaLeast",
    "between": "BetaBetween",
    "most": "BetaMost",
    "equal": "SameGradient",
}
"""Flag of each side that an adaptive momentum can take."""


def flags(
    spec: OptimizerSpec, problem: Problem, steps: Sequence[Step], outcomes: Sequence[Outcome]
) -> list[str]:
    """Flags of a test, sorted."""
    found = {*_hyper_flags(spec, problem), *_step_flags(problem, steps), *_outcome_flags(outcomes)}
    return sorted(found)


def _hyper_flags(spec: OptimizerSpec, problem: Problem) -> Iterator[str]:
    shown = ("weight_decay", "proximal_decay", "lambd", "beta_scope")
    defaults = {name: spec.hyper[name].default for name in shown if name in spec.hyper}
    hyper: dict[str, Any] = {**defaults, **problem.hyper}
    rules = {
        "Estimator": hyper.get("adapt_lower_bound", False),
        "ResetMargin": hyper.get("reset_margin", 0) != 0,
        "AuthorsNumerator": hyper.get("authors_numerator", False),
        "NoLowerBound": hyper.get("lower_bound", 0) == -math.inf,
        "LowerBound": hyper.get("lower_bound", 0) not in (0, -math.inf),
        "InfiniteLearningRate": hyper.get("learning_rate") == math.inf,
        "BiasCorrection": hyper.get("bias_correction", False) or hyper.get("beta1", 0) > 0,
        "Eps": hyper.get("eps", 0) > 1e-4,
        "ParameterGroups": bool(problem.groups),
        "Penalty": hyper.get("lambd", 0) > 0,
        "PerTensor": hyper.get("beta_scope") == "tensor" and len(problem.x0) > 1,
        "LargeParameters": max(float(np.max(np.abs(x))) for x in problem.x0) > 1000,
    }
    yield from (flag for flag, holds in rules.items() if holds)
    decays: list[Mapping[str, Any]] = [hyper, *problem.groups]
    if any(values.get("weight_decay", 0) for values in decays):
        yield "WeightDecay" if hyper["proximal_decay"] else "AdamWDecay"


def _step_flags(problem: Problem, steps: Sequence[Step]) -> Iterator[str]:
    rates = [step.hyper["learning_rate"] for step in steps if "learning_rate" in step.hyper]
    if len(set(rates)) > 1:
        yield "Schedule"
    if 0 in (*rates, *(group.get("learning_rate") for group in problem.groups)):
        yield "ZeroLearningRate"
    if any(grad is None for step in steps for grad in step.grads):
        yield "MissingGradient"
    if any(step.batch for step in steps):
        yield "Training"
    elif not any(np.any(grad) for step in steps for grad in step.grads if grad is not None):
        yield "ZeroGradient"
    losses = [abs(step.loss) for step in steps if step.loss and math.isfinite(step.loss)]
    if losses and (max(losses) < 1e-9 or max(losses) > 1e9):
        yield "TinyOrHugeLoss"


def _outcome_flags(outcomes: Sequence[Outcome]) -> Iterator[str]:
    names = {"cap": "Cap", "reset": "Reset", "skip": "NonFinite", "idle": "Idle", "zero": "ZeroStep"}
    yield from (names[outcome.branch] for outcome in outcomes if outcome.branch in names)
    yield from (SIDE_FLAGS[side] for outcome in outcomes for side in outcome.sides)
    if any(outcome.tie for outcome in outcomes):
        yield "Tie"
