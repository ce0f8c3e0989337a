"""Which cases the golden vectors have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .exact import ExactCase
from .load import OptimizerSpec
from .sampled import SampledCase

AIMS = ("free", "cap", "tie", "zero", "negative", "nan_loss")
ESTIMATOR_AIMS = ("free", "cap", "zero", "reset", "nan_loss")
ADAM_SIZES = (0.25, 0.5, 1.0, 2.0)
BOUNDS = (0.0, -2.0, 1.0)


def exact_cases(spec: OptimizerSpec) -> list[ExactCase]:
    """Cases of tier T0; none for an optimizer that nobody has written any for."""
    cases = {"momo": _exact_momo, "momo_adam": _exact_adam}
    return list(cases[spec.name]()) if spec.name in cases else []


def sampled_cases(spec: OptimizerSpec) -> list[SampledCase]:
    """Cases of tier T2: those whose hyper-parameters the optimizer has."""
    return [case for case in _sampled("beta1" in spec.hyper) if set(case.hyper) <= set(spec.hyper)]


def walks(aims: Sequence[str], length: int) -> list[str]:
    """
    Plans of `length` steps that together have every pair of consecutive aims.

    They are pieces of an Eulerian walk through the complete graph with loops.
    """
    edges = {aim: list(aims) for aim in aims}
    stack, circuit = [aims[0]], []
    while stack:
        if edges[stack[-1]]:
            stack.append(edges[stack[-1]].pop())
        else:
            circuit.append(stack.pop())
    starts = range(0, len(circuit) - 1, length - 1)
    return [" ".join(circuit[start : start + length]) for start in starts]


def _exact_momo() -> Iterator[ExactCase]:
    for index, plan in enumerate(walks(AIMS, 4)):
        hyper = {"beta": (0.5, 0.75, 0.875, 0.0)[index % 4], "learning_rate": 0.5}
        yield ExactCase("all pairs of branches", {**hyper, "lower_bound": BOUNDS[index % 3]}, plan)
    for index, plan in enumerate(walks(ESTIMATOR_AIMS, 4)):
        hyper = {"beta": (0.5, 0.75)[index % 2], "learning_rate": 0.5, "adapt_lower_bound": True}
        hyper["lower_bound"] = BOUNDS[index % 3]
        yield ExactCase("estimator: all pairs of branches", hyper, f"free {plan}")
    base = {"beta": 0.5, "learning_rate": 0.5}
    yield from _exact_decay(base)
    yield from _exact_special(base, "beta")
    yield from _exact_estimator(base)
    corrected = {"beta": 0.5, "bias_correction": True, "learning_rate": 1.0}
    yield from _exact_weighted(corrected, ExactCase("", {}, ""))


def _exact_adam() -> Iterator[ExactCase]:
    plain = {"beta1": 0.0, "beta2": 0.5, "eps": 0.0, "learning_rate": 0.5}
    sizes = ExactCase("", {}, "", magnitudes=ADAM_SIZES)
    for index, plan in enumerate(walks(AIMS, 4)):
        hyper = {**plain, "lower_bound": BOUNDS[index % 3], "beta2": (0.5, 0.75, 0.0)[index % 3]}
        yield replace(sizes, comment="beta1 = 0: all pairs of branches", hyper=hyper, plan=plan)
    for index, plan in enumerate(walks(ESTIMATOR_AIMS, 4)):
        hyper = {**plain, "adapt_lower_bound": True, "lower_bound": BOUNDS[index % 3]}
        yield replace(sizes, comment="beta1 = 0, estimator: all pairs", hyper=hyper, plan=f"free {plan}")
    for case in (*_exact_decay(plain), *_exact_special(plain, "beta1"), *_exact_estimator(plain)):
        yield replace(case, magnitudes=ADAM_SIZES, comment=f"beta1 = 0, {case.comment}")
    momentum = {"beta1": 0.5, "beta2": 0.5, "eps": 0.0, "learning_rate": 1.0}
    yield from _exact_weighted(momentum, sizes)
    for eps, size in ((0.25, (0.25, 0.75)), (1.0, (1.0, 3.0))):
        case = replace(sizes, comment="eps comparable to the gradients", magnitudes=size, follow_weight=True)
        yield replace(case, hyper={**momentum, "eps": eps}, plan="free cap tie")
    still = replace(sizes, comment="eps = 0 and coordinates without a gradient", magnitudes=(0.0, 1.0))
    yield replace(still, hyper=momentum, plan="free cap free", follow_weight=True, shapes=((3,), (2,)))
    for decay in (2.0, 6.0):
        hyper = {**momentum, "learning_rate": 0.5, "weight_decay": decay}
        yield replace(sizes, comment="first step with proximal decay", hyper=hyper, plan="free")
        yield replace(sizes, comment="first step with proximal decay", hyper=hyper, plan="cap")


def _exact_decay(base: Mapping[str, Any]) -> Iterator[ExactCase]:
    for rate, decay in ((0.5, 2.0), (1.0, 3.0), (0.25, 4.0)):
        hyper = {**base, "learning_rate": rate, "weight_decay": decay}
        for plan in ("free cap tie", "cap zero free", "tie free nan_loss cap"):
            yield ExactCase("proximal weight decay", hyper, plan)
    hyper = {**base, "weight_decay": 0.5, "proximal_decay": False}
    for plan in ("free cap tie", "cap zero free", "tie free nan_loss cap"):
        yield ExactCase("weight decay in the form of AdamW", hyper, plan)
    authors = {**hyper, "weight_decay": 2.0, "authors_numerator": True}
    yield ExactCase("weight decay in the form of AdamW, numerator of the authors", authors, "free cap free")


def _exact_special(base: Mapping[str, Any], beta: str) -> Iterator[ExactCase]:
    yield ExactCase("no lower bound", {**base, "lower_bound": -math.inf}, "any any any any")
    yield ExactCase("uncapped", {**base, "learning_rate": math.inf}, "free zero free nan_loss")
    yield ExactCase("learning rate 0 in the first step", base, "any free cap", rates={0: 0.0})
    yield ExactCase("learning rate 0 in the midst", base, "free any free", rates={1: 0.0})
    yield ExactCase("schedule", base, "free cap tie free", rates={0: 0.25, 1: 1.0, 3: 2.0})
    yield ExactCase("zero gradients", base, "zero any any", zero_grads=True)
    yield ExactCase(
        "zero gradients and weight decay", {**base, "weight_decay": 2.0}, "zero any", zero_grads=True
    )
    yield ExactCase("tensor of shape ()", base, "free cap free", shapes=((), (2, 1)))
    for kind in ("nan_loss", "inf_loss", "neg_inf_loss", "nan_grad", "inf_grad", "neg_inf_grad"):
        yield ExactCase("not finite, in the first step", base, f"{kind} free cap")
        yield ExactCase("not finite, later", base, f"free {kind} {kind} free")
    yield ExactCase("a tensor comes late", base, "free cap free", missing={0: (1,), 1: (1,)})
    yield ExactCase("a step without any gradient", base, "free idle cap idle")
    yield ExactCase("the first step has no gradient", base, "idle free cap")
    if beta == "beta":
        yield ExactCase("a tensor pauses", base, "free cap free", missing={1: (0,)})
    groups = ({"learning_rate": 1.0, "weight_decay": 1.0}, {"learning_rate": 0.5, "weight_decay": 0.0})
    for plan in ("free cap tie", "zero free nan_loss free"):
        yield ExactCase("two parameter groups", base, plan, groups=groups, group_of=(0, 1))
    frozen = ({"learning_rate": 0.5, "weight_decay": 0.0}, {"learning_rate": 0.0, "weight_decay": 2.0})
    yield ExactCase("a group with learning rate 0", base, "free cap free", groups=frozen, group_of=(0, 1))


def _exact_estimator(base: Mapping[str, Any]) -> Iterator[ExactCase]:
    star = {**base, "adapt_lower_bound": True}
    margin = {**star, "reset_margin": 0.25}
    yield ExactCase("reset margin", margin, "cap margin cap reset", seed=1)
    yield ExactCase("reset below the first lower bound", star, "free reset_zero free reset")
    yield ExactCase("estimator, learning rate 0", star, "free any free", rates={1: 0.0})
    yield ExactCase("estimator and proximal decay", {**star, "weight_decay": 2.0}, "free cap reset reset")
    adamw = {**star, "weight_decay": 0.5, "proximal_decay": False}
    yield ExactCase("estimator and AdamW's decay", adamw, "free reset cap reset")
    groups = ({"learning_rate": 1.0, "weight_decay": 1.0}, {"learning_rate": 0.5, "weight_decay": 0.0})
    yield ExactCase("estimator, two groups", star, "free reset cap", groups=groups, group_of=(0, 1))
    yield ExactCase("estimator, a tensor comes late", star, "free reset free", missing={0: (1,)})


def _exact_weighted(base: Mapping[str, Any], like: ExactCase) -> Iterator[ExactCase]:
    """Averages that start at zero, so that the weight is below one."""
    follow = replace(like, follow_weight=True, hyper=base)
    adamw = {**base, "weight_decay": 0.5, "proximal_decay": False}
    star = {**base, "adapt_lower_bound": True}
    for index, plan in enumerate(walks(AIMS, 3)):
        hyper = {**base, "lower_bound": BOUNDS[index % 3]}
        yield replace(follow, comment="weight below one", plan=plan, hyper=hyper)
    for plan in ("free cap tie", "zero cap free"):
        yield replace(follow, comment="weight below one, AdamW's decay", plan=plan, hyper=adamw)
    for plan in ("free reset cap", "cap reset reset", "tie nan_loss reset"):
        yield replace(follow, comment="weight below one, estimator", plan=plan, hyper=star)
    late = replace(follow, comment="weight below one, a tensor comes late", missing={0: (1,)})
    yield replace(late, plan="free cap free")
    long = replace(follow, comment="many steps, binary64 alone", bits=53)
    yield replace(long, plan="free cap free tie zero nan_loss free cap negative free tie cap")


def _sampled(adam: bool) -> Iterator[SampledCase]:
    rate = 0.25 if adam else 1.0
    example = {"learning_rate": 1.0, "weight_decay": 0.1}
    yield SampledCase("sum of squares from (1, 2, 3)", example, steps=3, shapes=((3,),), kind="squares")
    for index, options in enumerate(_option_grid(adam)):
        hyper = {"learning_rate": rate * (1.0, 4.0, 0.25)[index % 3], **options}
        yield SampledCase(f"options swept, {index}", hyper, steps=20 + 5 * (index % 3))
    base: dict[str, Any] = {"learning_rate": rate}
    star = {**base, "adapt_lower_bound": True}
    yield SampledCase("many steps", {**base, "weight_decay": 0.02}, steps=50)
    yield SampledCase("many steps, estimator", star, steps=50)
    yield from _sampled_schedules(base, rate)
    yield from _sampled_scales(base, rate, adam)
    yield from _sampled_special(base)
    yield from _sampled_groups(rate)
    for index in range(3):
        hyper = {**(base, star, {**base, "weight_decay": 0.1})[index], "lower_bound": -1.0}
        yield SampledCase(f"gradients and losses that belong to nothing, {index}", hyper, kind="random")


def _option_grid(adam: bool) -> Iterator[dict[str, Any]]:
    betas: tuple[dict[str, Any], ...]
    if adam:
        betas = ({}, {"beta1": 0.5, "beta2": 0.9}, {"beta1": 0.0, "beta2": 0.99, "eps": 1e-3})
    else:
        betas = ({}, {"beta": 0.5, "bias_correction": True}, {"beta": 0.0})
    decays: tuple[dict[str, Any], ...] = (
        {},
        {"weight_decay": 0.1},
        {"weight_decay": 0.1, "proximal_decay": False},
    )
    for beta in betas:
        for decay in decays:
            yield {**beta, **decay}
            yield {**beta, **decay, "adapt_lower_bound": True}


def _sampled_schedules(base: Mapping[str, Any], rate: float) -> Iterator[SampledCase]:
    warm = tuple(rate * min(index, 10) / 10 for index in range(20))
    fall = tuple(rate * (20 - index) / 10 for index in range(20))
    yield SampledCase("warm-up from learning rate 0", base, rates=warm)
    yield SampledCase("warm-up, estimator", {**base, "adapt_lower_bound": True}, rates=warm)
    yield SampledCase("falling learning rate, weight decay", {**base, "weight_decay": 0.1}, rates=fall)


def _sampled_scales(base: Mapping[str, Any], rate: float, adam: bool) -> Iterator[SampledCase]:
    for power in (-40, 40):
        scale = 2.0**power
        tuned = {"learning_rate": rate if adam else rate / scale, "weight_decay": 0.0}
        word = "tiny" if power < 0 else "huge"
        yield SampledCase(f"{word} losses", tuned, scale=scale)
        yield SampledCase(f"{word} losses, estimator", {**tuned, "adapt_lower_bound": True}, scale=scale)
    yield SampledCase("large parameters", {**base, "weight_decay": 0.01}, start=4096.0)
    yield SampledCase("spikes", base, spikes={5: 1e4, 12: 1e-4})
    yield SampledCase("spikes that binary32 cannot square", base, spikes={5: 1e30}, formats=("f64",))


def _sampled_special(base: Mapping[str, Any]) -> Iterator[SampledCase]:
    star = {**base, "adapt_lower_bound": True}
    yield SampledCase("no lower bound", {**base, "lower_bound": -math.inf, "weight_decay": 0.05})
    yield SampledCase("uncapped", {**base, "learning_rate": math.inf})
    yield SampledCase("uncapped, estimator", {**star, "learning_rate": math.inf})
    yield SampledCase("lower bound above the minimum", {**base, "lower_bound": 1.0})
    yield SampledCase("negative lower bound", {**star, "lower_bound": -2.5, "reset_margin": 0.05})
    yield SampledCase("reset margin", {**star, "reset_margin": 0.2}, steps=30)
    authors = {**base, "weight_decay": 0.3, "proximal_decay": False, "authors_numerator": True}
    yield SampledCase("numerator of the authors", authors)
    spoiled = {0: "nan_grad", 4: "nan_loss", 5: "inf_grad", 11: "neg_inf_loss"}
    yield SampledCase("not finite now and then", star, spoiled=spoiled)
    missing = {0: (1,), 1: (1,), 6: (0,), 7: (0,), 9: (0, 1), 12: (1,)}
    yield SampledCase("gradients missing now and then", {**base, "weight_decay": 0.1}, missing=missing)
    yield SampledCase("gradients missing, estimator", star, missing=missing)
    yield SampledCase("one element", base, shapes=((),))


def _sampled_groups(rate: float) -> Iterator[SampledCase]:
    groups = (
        {"learning_rate": rate, "weight_decay": 0.1},
        {"learning_rate": 0.3 * rate, "weight_decay": 0.0},
    )
    common: dict[str, Any] = {"shapes": ((2,), (3,), (2,)), "groups": groups, "group_of": (0, 1, 0)}
    yield SampledCase("two parameter groups", {}, **common)
    yield SampledCase("two parameter groups, estimator", {"adapt_lower_bound": True}, **common)
    adamw = {"proximal_decay": False, "lower_bound": 0.1}
    yield SampledCase("two parameter groups, AdamW's decay", adamw, **common)
