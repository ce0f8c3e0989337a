"""Which cases tier T0 has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .exact import ExactCase

FIXED_AIMS = ("cap", "zero", "nan_grad")
AIMS = ("free", "cap", "tie", "zero", "negative", "nan_loss")
ESTIMATOR_AIMS = ("free", "cap", "zero", "reset", "nan_loss")
ADAM_SIZES = (0.25, 0.5, 1.0, 2.0)
BOUNDS = (0.0, -2.0, 1.0)


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


def exact_momo() -> Iterator[ExactCase]:
    """Cases of MoMo."""
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
    margin = {**corrected, "adapt_lower_bound": True, "reset_margin": 0.25, "lower_bound": 4.0}
    yield ExactCase("reset margin, weight below one", margin, "free margin", follow_weight=True)


def exact_adam() -> Iterator[ExactCase]:
    """Cases of MoMo-Adam."""
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


def exact_sps() -> Iterator[ExactCase]:
    """Cases of SPS."""
    base = {"learning_rate": 0.5}
    for index, plan in enumerate(walks(AIMS, 5)):
        yield ExactCase("all pairs of branches", {**base, "lower_bound": BOUNDS[index % 3]}, plan)
    yield from _exact_derived(base)


def exact_metric(averages: Mapping[str, Any], beta: str) -> Iterator[ExactCase]:
    """An optimizer like MoMo-Adam; `beta` is the name of its momentum."""
    plain = {**averages, "eps": 0.0, "learning_rate": 0.5}
    sizes = ExactCase("", plain, "", magnitudes=ADAM_SIZES)
    for index, plan in enumerate(walks(AIMS, 5)):
        hyper = {**plain, "lower_bound": BOUNDS[index % 3]}
        yield replace(sizes, comment="no momentum: all pairs of branches", hyper=hyper, plan=plan)
    for case in _exact_derived(plain):
        yield replace(case, magnitudes=ADAM_SIZES, comment=f"no momentum, {case.comment}")
    eps = replace(sizes, comment="eps comparable to the gradients", magnitudes=(0.25, 0.75))
    yield replace(eps, hyper={**plain, "eps": 0.25}, plan="free cap tie")
    still = replace(sizes, comment="eps = 0 and coordinates without a gradient", magnitudes=(0.0, 1.0))
    yield replace(still, plan="free cap free", shapes=((3,), (2,)))
    if beta:
        momentum = replace(sizes, follow_weight=True, hyper={**plain, beta: 0.5, "learning_rate": 1.0})
        for plan in ("free cap tie", "zero cap free", "cap nan_loss negative"):
            yield replace(momentum, comment="momentum", plan=plan)
        star = {**momentum.hyper, "adapt_lower_bound": True}
        yield replace(momentum, comment="momentum, estimator", plan="free reset cap", hyper=star)
        yield replace(momentum, comment="momentum, a tensor comes late", plan="free cap", missing={0: (1,)})


def _exact_derived(base: Mapping[str, Any]) -> Iterator[ExactCase]:
    """A few of each kind, for what shares its equations with another optimizer."""
    star = {**base, "adapt_lower_bound": True}
    for index, plan in enumerate(walks(ESTIMATOR_AIMS, 5)):
        yield ExactCase("estimator", {**star, "lower_bound": BOUNDS[index % 3]}, f"free {plan}")
    decays = {"proximal_decay": True, "weight_decay": 2.0}, {"proximal_decay": False, "weight_decay": 0.5}
    for decay in decays:
        for plan in ("free cap tie", "cap zero nan_loss free"):
            yield ExactCase("weight decay", {**base, **decay}, plan)
    authors = {**base, "weight_decay": 2.0, "proximal_decay": False, "authors_numerator": True}
    yield ExactCase("weight decay in the form of AdamW, numerator of the authors", authors, "free cap free")
    yield ExactCase("no lower bound", {**base, "lower_bound": -math.inf}, "any any any")
    yield ExactCase("uncapped", {**base, "learning_rate": math.inf}, "free zero free")
    yield ExactCase("learning rate 0 in the midst", star, "free any free", rates={1: 0.0})
    yield ExactCase("schedule", base, "free cap tie free", rates={0: 0.25, 1: 1.0, 3: 2.0})
    yield ExactCase("zero gradients", base, "zero any any", zero_grads=True)
    yield ExactCase("not finite", base, "nan_grad free inf_loss cap")
    yield ExactCase("a tensor comes late", base, "free idle cap free", missing={0: (1,), 2: (1,)})
    groups = ({"learning_rate": 1.0, "weight_decay": 1.0}, {"learning_rate": 0.5, "weight_decay": 0.0})
    yield ExactCase("two parameter groups", base, "free cap tie", groups=groups, group_of=(0, 1))
    yield ExactCase("reset margin", {**star, "reset_margin": 0.25}, "cap margin cap reset", seed=1)


def exact_adagrad() -> Iterator[ExactCase]:
    """Cases of MoMo-AdaGrad: squares that add up to a square, whose root divides the average."""
    base = {"beta": 0.5, "eps": 0.0, "learning_rate": 1.0}
    like = ExactCase("", base, "", gradients="triples", tries=200, follow_weight=True)
    for index, plan in enumerate(walks(AIMS, 4)):
        hyper = {**base, "lower_bound": BOUNDS[index % 3]}
        yield replace(like, comment="all pairs of branches", hyper=hyper, plan=plan)
    star = {**base, "adapt_lower_bound": True}
    for index, plan in enumerate(walks(ESTIMATOR_AIMS, 3)):
        hyper = {**star, "lower_bound": BOUNDS[index % 3]}
        yield replace(like, comment="estimator: all pairs of branches", hyper=hyper, plan=f"free {plan}")
    plain = {**base, "beta": 0.0, "learning_rate": 0.5}
    for case in _exact_derived(plain):
        if len(case.plan.split()) < 4:
            wide = replace(case, comment=f"no momentum, {case.comment}", shapes=((4,), (3,)))
            yield wide if case.zero_grads else replace(wide, gradients="triples", tries=200)
    margin = {**star, "reset_margin": 0.25}
    yield replace(like, comment="reset margin", hyper=margin, plan="cap margin cap")
    eps = ExactCase("eps", {**plain, "eps": 0.25}, "free", magnitudes=(0.25, 0.75))
    yield replace(eps, shapes=((3,), (2,)))


def exact_sgdm() -> Iterator[ExactCase]:
    """Cases of SGD-M."""
    base = {"beta": 0.5, "learning_rate": 0.5}
    yield from exact_fixed(ExactCase("", base, ""))
    corrected = ExactCase("weight below one", {**base, "bias_correction": True}, "", follow_weight=True)
    yield replace(corrected, plan="cap cap nan_grad cap")
    yield replace(corrected, plan="cap cap idle cap", missing={0: (1,)})
    for beta in (0.75, 0.0):
        yield ExactCase("other momentum", {**base, "beta": beta}, "cap cap cap cap")


def exact_fsgdm() -> Iterator[ExactCase]:
    """Cases of FSGDM: beta is 0 in the first stage, 1/2 in the second."""
    base = {"learning_rate": 0.5, "total_steps": 12.0, "stages": 4.0, "growth": 0.25}
    yield from exact_fixed(ExactCase("", base, ""))
    yield ExactCase("two short stages", {**base, "total_steps": 8.0}, "cap cap cap cap")
    yield ExactCase("more stages than steps", {**base, "total_steps": 4.0, "stages": 8.0}, "cap cap")
    late = ExactCase("a tensor comes late", {**base, "total_steps": 8.0}, "cap cap cap cap")
    yield replace(late, missing={0: (1,), 1: (1,)}, magnitudes=(1.0, 2.0))


def exact_schedule_free() -> Iterator[ExactCase]:
    """Cases of schedule-free SPS: the share of a step in their sum is a power of two."""
    base = {"beta": 0.5, "learning_rate": 0.5}
    equal = {("free", "cap"): (1.0, 0.5), ("cap", "free"): (0.5, 1.0)}
    aims = ("free", "cap", "zero", "nan_loss")
    for index, pair in enumerate((first, second) for first in aims for second in aims):
        rates = dict(enumerate(equal.get(pair, (0.5, 0.5))))
        hyper = {**base, "beta": (0.5, 0.0, 1.0, 0.75)[index % 4], "lower_bound": BOUNDS[index % 3]}
        yield ExactCase("all pairs of branches", hyper, " ".join(pair), rates=rates)
    yield ExactCase("doubled steps", base, "cap tie cap", rates={2: 1.0})
    yield ExactCase("learning rate 0", base, "any cap any cap", rates={0: 0.0, 2: 0.0})
    yield ExactCase("zero gradients", base, "zero any", zero_grads=True)
    yield ExactCase("a tensor comes late", base, "cap idle cap", missing={0: (1,)})
    groups = ({"learning_rate": 1.0}, {"learning_rate": 0.5})
    two = ExactCase("two groups", base, "cap tie", groups=groups, group_of=(0, 1))
    yield two
    yield replace(two, comment="two groups, both move", magnitudes=(1.0, 2.0))


def exact_momo_fsgdm() -> Iterator[ExactCase]:
    """Cases of MoMo with the momentum of FSGDM."""
    base = {"total_steps": 24.0, "stages": 4.0, "growth": 0.25, "learning_rate": 0.5}
    for index, plan in enumerate(walks(AIMS, 5)):
        yield ExactCase("all pairs of branches", {**base, "lower_bound": BOUNDS[index % 3]}, plan)
    yield from _exact_derived(base)
    short = {**base, "total_steps": 8.0, "learning_rate": 1.0}
    for plan in ("free cap free", "cap free cap tie"):
        yield ExactCase("two stages", short, plan, follow_weight=True)
    star = {**short, "adapt_lower_bound": True}
    yield ExactCase("two stages, estimator", star, "free free reset", follow_weight=True)
    late = ExactCase("a tensor comes late", short, "free cap cap", magnitudes=(1.0, 2.0), follow_weight=True)
    yield replace(late, missing={0: (1,), 1: (1,)})
    many = {**short, "total_steps": 4.0, "stages": 8.0}
    yield ExactCase("more stages than steps", many, "free cap", follow_weight=True)


def exact_fixed_adam(own: Mapping[str, Any]) -> Iterator[ExactCase]:
    """Cases of Adam and AdamW."""
    base = {"beta1": 0.0, "beta2": 0.5, "eps": 0.0, "learning_rate": 0.5, **own}
    sizes = ExactCase("", base, "", magnitudes=ADAM_SIZES)
    yield from exact_fixed(sizes)
    momentum = replace(sizes, follow_weight=True, hyper={**base, "beta1": 0.5})
    yield replace(momentum, comment="momentum", plan="cap cap cap nan_grad cap")
    yield replace(momentum, comment="momentum, a tensor comes late", plan="cap cap cap", missing={0: (1,)})
    eps = replace(momentum, comment="eps comparable to the gradients", magnitudes=(0.25, 0.75))
    yield replace(eps, hyper={**base, "beta1": 0.5, "eps": 0.25}, plan="cap cap cap")
    still = replace(momentum, comment="eps = 0 and coordinates without a gradient", magnitudes=(0.0, 1.0))
    yield replace(still, plan="cap cap cap", shapes=((3,), (2,)))
    decay = {**momentum.hyper, "weight_decay": 2.0, "proximal_decay": True}
    yield replace(sizes, comment="first step with proximal decay", hyper=decay, plan="cap")


def exact_fixed(like: ExactCase) -> Iterator[ExactCase]:
    """Cases of any optimizer with a fixed step size."""
    base = like.hyper
    for plan in walks(FIXED_AIMS, 6):
        still = {index: 0.0 for index, aim in enumerate(plan.split()) if aim == "zero"}
        yield replace(like, comment="all pairs of branches", plan=plan, rates=still or {0: 1.0})
    for proximal, decay in ((True, 2.0), (True, 6.0), (False, 0.5)):
        hyper = {**base, "weight_decay": decay, "proximal_decay": proximal}
        yield replace(like, comment="weight decay", hyper=hyper, plan="cap cap nan_grad cap")
    groups = ({"learning_rate": 1.0, "weight_decay": 1.0}, {"learning_rate": 0.5, "weight_decay": 0.0})
    prox = replace(like, hyper={**base, "proximal_decay": True}, plan="cap cap cap", group_of=(0, 1))
    yield replace(prox, comment="two parameter groups", groups=groups)
    frozen = ({"learning_rate": 0.5, "weight_decay": 0.0}, {"learning_rate": 0.0, "weight_decay": 2.0})
    yield replace(prox, comment="a group with learning rate 0", groups=frozen)
    yield replace(like, comment="schedule", plan="cap cap cap", rates={0: 0.25, 1: 1.0, 2: 0.5})
    yield replace(like, comment="zero gradients", plan="cap cap", zero_grads=True)
    yield replace(like, comment="tensor of shape ()", plan="cap cap cap", shapes=((), (2, 1)))
    yield replace(like, comment="not finite, in the first step", plan="inf_grad cap neg_inf_grad cap")
    yield replace(like, comment="a tensor comes late", plan="cap cap cap", missing={0: (1,), 1: (1,)})
    if not like.magnitudes:
        yield replace(like, comment="a tensor pauses", plan="cap cap cap", missing={1: (0,)})
    yield replace(like, comment="steps without any gradient", plan="idle cap idle cap")


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
