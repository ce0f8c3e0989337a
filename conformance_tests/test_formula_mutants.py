"""The vectors tell every known way of getting the formulas wrong from the right one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from momo_spec.arithmetic import Precise
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
    "estimate never kept": ("where(adapts, estimate, bound)", "old_bound"),
    "prediction without the move": ("model_value + model_change", "model_value + 0 * model_change"),
    "late tensors start at zero": ("where(fresh, weight, 1 - beta_k)", "1 - beta_k"),
    "rate of the group ignored": ("learning_rate / max_learning_rate)", "1)"),
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


def kills(name: str, old: str, new: str) -> bool:
    """Whether some vector tells the changed optimizer from the right one."""
    document = copy.deepcopy(merged_document(name))
    replace_text(document, old, new)
    mutant = parse_spec(document)
    return any(_tells(mutant, vector) for vector in load_vectors(name).tests)


def _tells(mutant: OptimizerSpec, vector: Vector) -> bool:
    outcomes = evaluate(mutant, vector.problem, vector.steps, Precise())
    for index, (outcome, expected) in enumerate(zip(outcomes, vector.expect, strict=True)):
        tol = vector.tol["f64"]["params"][index] if vector.tol else 0.0
        ours = np.concatenate([np.asarray(p, dtype=np.float64).ravel() for p in outcome.params])
        theirs = np.concatenate([p.ravel() for p in expected.params])
        if not np.linalg.norm(ours - theirs) <= tol:
            return True
    return False


@pytest.mark.parametrize(
    ("name", "mutant"),
    [(name, mutant) for name in ("momo", "momo_adam") for mutant in FORMULA_MUTANTS]
    + [("momo_adam", mutant) for mutant in ADAM_MUTANTS],
)
def test_vectors_kill_a_wrong_formula(name: str, mutant: str) -> None:
    assert kills(name, *{**FORMULA_MUTANTS, **ADAM_MUTANTS}[mutant])
