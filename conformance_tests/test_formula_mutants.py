"""The vectors tell every known way of getting the formulas wrong from the right one."""

from __future__ import annotations

import copy
from collections import ChainMap
from functools import cache
from typing import Any

import numpy as np
import pytest

from momo_spec.arithmetic import Precise
from momo_spec.bounds import flattened
from momo_spec.load import OptimizerSpec, merged_document, parse_spec
from momo_spec.sampled import evaluate
from momo_spec.vector_file import Vector, load_vectors


def replace_text(document: dict[str, Any], old: str, new: str) -> None:
    """Replace a text in whichever equation has it."""
    before = copy.deepcopy(document["equations"])
    for phase, lines in before.items():
        document["equations"][phase] = [line.replace(old, new) for line in lines]
    assert document["equations"] != before, old


FORMULA_MUTANTS = {
    "no positive part": ("max(gap, 0) / descent_rate", "gap / descent_rate"),
    "no cap": ("min(cap, max(gap, 0) / descent_rate)", "max(gap, 0) / descent_rate"),
    "loss not averaged": ("sample_share * loss + beta_k * predicted_loss", "loss"),
    "old model ignored": ("+ beta_k * predicted_loss", "+ 0 * predicted_loss"),
    "beta and 1 - beta exchanged": ("sample_share * loss + beta_k", "beta_k * loss + sample_share"),
    "bound ignored": ("gap = decayed_value - weight * bound", "gap = decayed_value"),
    "bound not weighted": ("gap = decayed_value - weight * bound", "gap = decayed_value - bound"),
    "cap not weighted": ("cap = max_learning_rate / weight", "cap = max_learning_rate"),
    "decay not in the model": ("model_value - decay_drop", "model_value - 0 * decay_drop"),
    "decay as in optax": ("- step_scale * relative_rate * step_size", "- relative_rate * step_size"),
    "no decay": ("(1 - shrink) * param", "param"),
    "decay by the truncated step": ("(1 - shrink) * param", "(1 - truncation * shrink) * param"),
    "no reset": ("where(reset, reset_bound, old_bound)", "old_bound"),
    "reset to the model": ("- lower_bound, 0) / 2", "- lower_bound, 0)"),
    "reset on a tie": ("weight * old_bound < reset", "weight * old_bound <= reset"),
    "estimate without 1/2": ("step_size * norm_sq / 2", "step_size * norm_sq"),
    "estimate with the cap": ("(model_value - step_size * norm_sq", "(model_value - cap * norm_sq"),
    "estimate without its floor": (
        "max((model_value - step_size * norm_sq / 2) / weight, lower_bound)",
        "(model_value - step_size * norm_sq / 2) / weight",
    ),
    "estimate not weighted": ("norm_sq / 2) / weight, lower", "norm_sq / 2), lower"),
    "estimate never kept": ("where(adapts, estimate, old_bound)", "old_bound"),
    "prediction without the move": ("model_value + model_change", "model_value + 0 * model_change"),
    "late tensors start at zero": ("where(fresh, weight, sample_share)", "sample_share"),
    "rate of the group ignored": ("learning_rate / max_learning_rate)", "1)"),
}
MARGIN_MUTANTS = {
    "margin without the weight": ("(decayed_value - weight * lower_bound)", "(decayed_value - lower_bound)"),
}
ADAM_MUTANTS = {
    "eps inside the root": (
        "sqrt(grad_sq_avg / grad_sq_weight) + eps",
        "sqrt(grad_sq_avg / grad_sq_weight + eps)",
    ),
    "eps before the correction": (
        "sqrt(grad_sq_avg / grad_sq_weight) + eps",
        "(sqrt(grad_sq_avg) + eps) / sqrt(grad_sq_weight)",
    ),
    "no correction of the squares": ("sqrt(grad_sq_avg / grad_sq_weight)", "sqrt(grad_sq_avg)"),
    "norm without the metric": (
        "norm_sq = relative_rate * sum(grad_avg * direction)",
        "norm_sq = relative_rate * sum(grad_avg * grad_avg)",
    ),
    "beta1 for the squares": ("beta2 * grad_sq_decay", "beta1 * grad_sq_decay"),
}
ADAPTIVE_MUTANTS = {
    "gap without the last rate": ("(1 + decay) * rate_ratio", "1 + decay"),
    "gap without 1 + decay": ("(1 + decay) * rate_ratio", "rate_ratio"),
    "sign of the gap": ("+ (gap_factor - 1) * sum(grad", "- (gap_factor + 1) * sum(grad"),
    "decay not in the ratio": ("+ penalty * (", "+ 0 * penalty * ("),
    "decay without the gap": ("(gap_factor + 1) * sum(grad * param)", "sum(grad * param)"),
    "not clipped": ("min(max(numerator / denominator, beta_min), beta_max)", "numerator / denominator"),
    "clipped at 1": (
        "max(numerator / denominator, beta_min), beta_max)",
        "max(numerator / denominator, beta_min), 1)",
    ),
    "negative coefficient": ("max(numerator / denominator, beta_min)", "numerator / denominator"),
    "average and gradient exchanged in the ratio": ("numerator / denominator", "denominator / numerator"),
    "rates of the groups ignored": ("where(fresh, 0, relative_rate * (sum(", "where(fresh, 0, (sum("),
    "a first gradient has a say": ("numerator = where(fresh, 0, ", "numerator = where(False, 0, "),
}
SGD_ADAPTIVE_MUTANTS = {
    "penalty not in the numerator": ("- lambd / (1 + lambd) * sum(change", "- 0 * sum(change"),
    "penalty not in the denominator": ("relative_rate / (1 + lambd)", "relative_rate"),
    "average too heavy": ("(beta_t + lambd) / (1 + lambd)", "beta_t + lambd"),
    "interval not shifted": ("(beta_t + lambd) / (1 + lambd)", "beta_t"),
    "sample too heavy": ("(1 - beta_t) / (1 + lambd)", "1 - beta_t"),
    "average and gradient exchanged": (
        "beta_k * grad_avg + sample_share * grad)",
        "sample_share * grad_avg + beta_k * grad)",
    ),
    "0 where average and gradient agree": ("beta_min), beta_max), beta_max)", "beta_min), beta_max), 0)"),
}
ADAMW_ADAPTIVE_MUTANTS = {
    "penalty not in the numerator": (
        "- sum(change * change * inverse * damping",
        "- 0 * sum(change * change * inverse * damping",
    ),
    "penalty not in the denominator": (
        "relative_rate * sum(change * change * inverse / (1 + damping))",
        "relative_rate * sum(change * change * inverse)",
    ),
    "Euclidean norm": ("relative_rate * (sum(grad * grad * inverse)", "relative_rate * (sum(grad * grad)"),
    "sample too heavy": ("grad_avg) / (1 + damping)", "grad_avg)"),
    "penalty not in the metric": ("where(metric_penalty, lambd, lambd * metric)", "lambd"),
    "penalty always in the metric": ("where(metric_penalty, lambd, lambd * metric)", "lambd * metric"),
    "constant correction": ("beta_product * own_beta", "beta_product * beta_max"),
    "no correction": ("1 - beta_max * beta_product", "1"),
    "correction without the step to come": ("1 - beta_max * beta_product", "1 - min(beta_product, beta_max)"),
    "late tensors with the coefficient of the others": ("where(fresh, beta_max, beta_t)", "beta_t"),
}
MOMO_ADAPTIVE_MUTANTS = {
    "first sample with its share": (
        "where(first, 1, (1 - beta_t) / (1 + lambd))",
        "(1 - beta_t) / (1 + lambd)",
    ),
    "infinite rates": ("where(max_learning_rate == last_learning_rate, 1, ", "where(False, 1, "),
    "losses with another coefficient": ("sample_share * loss + beta_k", "(1 - beta_t) * loss + beta_t"),
    "cap not weighted by the direction": ("norm_sq = relative_rate", "norm_sq = 2 * relative_rate"),
}
STAGED_MUTANTS = {
    "stages as given": ("min(stages, total_steps)", "stages"),
    "a stage a step late": (">= total_steps - 0.5", "> total_steps"),
    "a stage a step early": (">= total_steps - 0.5", ">= total_steps - stages"),
    "each stage as long as its first part": ("progress - total_steps, progress)", "0, progress)"),
    "growth by the steps": ("stage + growth * stage_count)", "stage + growth * total_steps)"),
    "an average": ("sample_share = 1", "sample_share = 1 - beta_k"),
    "late tensors start at zero": ("where(fresh, weight, sample_share)", "sample_share"),
}
HEAVY_BALL_MUTANTS = {
    "rate over the weight": ("step_size = max_learning_rate", "step_size = max_learning_rate / weight"),
}
SCHEDULE_FREE_MUTANTS = {
    "no positive part": ("max(gap, 0) / descent_rate", "gap / descent_rate"),
    "no cap": ("min(cap, max(gap, 0) / descent_rate)", "max(gap, 0) / descent_rate"),
    "loss at the parameters": ("loss + lead - lower_bound", "loss - lower_bound"),
    "bound ignored": ("loss + lead - lower_bound", "loss + lead"),
    "lag of the average": ("beta * (fast - average)", "(1 - beta) * (average - fast)"),
    "equal weights of different steps": ("step_size / step_total", "0.5"),
    "fast sequence and average exchanged": (
        "(1 - beta) * fast + beta * average",
        "beta * fast + (1 - beta) * average",
    ),
    "rate of the group ignored": ("learning_rate / max_learning_rate)", "1)"),
}
MUTANTS: dict[str, tuple[dict[str, tuple[str, str]], ...]] = {
    "momo": (FORMULA_MUTANTS, MARGIN_MUTANTS),
    "momo_adam": (FORMULA_MUTANTS, ADAM_MUTANTS),
    "am_sgd": (ADAPTIVE_MUTANTS, SGD_ADAPTIVE_MUTANTS),
    "am_adamw": (ADAPTIVE_MUTANTS, ADAMW_ADAPTIVE_MUTANTS),
    "fsgdm": (STAGED_MUTANTS, HEAVY_BALL_MUTANTS),
    "momo_fsgdm": (STAGED_MUTANTS,),
    "schedule_free_sps": (SCHEDULE_FREE_MUTANTS,),
    "momo_am": (ADAPTIVE_MUTANTS, SGD_ADAPTIVE_MUTANTS, MOMO_ADAPTIVE_MUTANTS),
}
"""Changed formulas, by the optimizer whose vectors must tell them."""


def kills(name: str, old: str, new: str) -> bool:
    """Whether some vector tells the changed optimizer from the right one."""
    document = copy.deepcopy(merged_document(name))
    replace_text(document, old, new)
    mutant = parse_spec(document)
    vectors = _in_order(name)
    for place, vector in enumerate(vectors):
        if _tells(mutant, vector):
            vectors.insert(0, vectors.pop(place))  # it may well tell the next one, too
            return True
    return False


@cache
def _in_order(name: str) -> list[Vector]:
    """The vectors of an optimizer, those first that told a formula last."""
    return list(load_vectors(name).tests)


def _tells(mutant: OptimizerSpec, vector: Vector) -> bool:
    outcomes = evaluate(mutant, vector.problem, vector.steps, Precise())
    for index, (outcome, expected) in enumerate(zip(outcomes, vector.expect, strict=True)):
        theirs = {**expected.info, "params": flattened(expected.params)}
        ours = {name: float(value) for name, value in outcome.info.items()}
        found = {**ours, "params": flattened(outcome.params)}
        bounds = vector.tol.get("f64", {})
        if any(
            _apart(found[name], theirs[name], bounds[name][index] if name in bounds else 0.0)
            for name in theirs
        ):
            return True
    return False


def _apart(found: Any, wanted: Any, bound: float) -> bool:
    if np.array_equal(found, wanted):
        return False
    return not np.linalg.norm(np.atleast_1d(found) - np.atleast_1d(wanted)) <= bound


@pytest.mark.parametrize(
    ("name", "mutant"), [(name, mutant) for name, tables in MUTANTS.items() for mutant in ChainMap(*tables)]
)
def test_vectors_kill_a_wrong_formula(name: str, mutant: str) -> None:
    assert kills(name, *ChainMap(*MUTANTS[name])[mutant])
