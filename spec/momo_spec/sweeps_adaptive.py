"""Which cases the vectors of optimizers with an adaptive momentum have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .exact import ExactCase
from .sampled import SampledCase
from .sweeps_exact import ADAM_SIZES, AIMS, BOUNDS, ESTIMATOR_AIMS, exact_fixed, walks

TRIES = 100
ONE_TENSOR = ((3,),)


def exact_am_sgd() -> Iterator[ExactCase]:
    """Cases of AM-SGD."""
    base = {"learning_rate": 0.5, "beta_max": 0.75, "lambd": 0.0}
    near = ExactCase("", base, "", gradients="near", tries=TRIES)
    yield from _sides(near)
    for case in exact_fixed(near):
        yield replace(case, tries=1 if case.zero_grads else TRIES)
    tensors = replace(near, comment="one beta for each tensor")
    scoped = {**base, "beta_scope": "tensor"}
    for plan in ("cap cap/between cap/most", "cap cap/least+most cap", "cap cap/between+most cap/equal"):
        for lambd in (0.0, 1.0):
            yield replace(tensors, hyper={**scoped, "lambd": lambd}, plan=plan)
    late = {0: (1,), 2: (0,)}
    yield replace(tensors, hyper=scoped, plan="cap cap cap nan_grad cap", missing=late)
    groups = ({"learning_rate": 1.0, "weight_decay": 0.5}, {"learning_rate": 0.5, "weight_decay": 0.0})
    for plan in ("cap cap/between cap", "cap cap/least cap/between"):
        for scope in ("global", "tensor"):
            hyper = {**base, "lambd": 1.0, "beta_scope": scope}
            yield replace(near, comment="two groups", hyper=hyper, plan=plan, groups=groups, group_of=(0, 1))


def _sides(near: ExactCase) -> Iterator[ExactCase]:
    """All that the ratio of AM can be, without a model of the loss."""
    base = near.hyper
    for plan in walks(("cap/between", "cap/most", "cap/equal"), 4):
        yield replace(near, comment="all pairs of sides", plan=f"cap {plan}", shapes=ONE_TENSOR)
    for lambd in (0.0, 1.0):
        hyper = {**base, "lambd": lambd}
        yield replace(
            near, comment="zero gradients drop the average", plan="cap cap/nil cap/nil cap", hyper=hyper
        )
    for lambd, top in ((1.0, 0.5), (3.0, 0.875)):
        hyper = {**base, "lambd": lambd, "beta_max": top}
        for plan in walks(("cap/between", "cap/most", "cap/least"), 3):
            yield replace(near, comment="penalty: all pairs of sides", hyper=hyper, plan=f"cap {plan}")
    for rates in ({0: 1.0, 1: 0.5, 2: 0.25, 3: 0.5}, {0: 0.5, 1: 0.0, 2: 0.0, 3: 0.5}, {0: 0.0, 1: 0.25}):
        for plan in ("cap cap/between cap cap", "cap cap/least cap cap/most"):
            aims = [
                aim.replace("cap", "zero") if rates.get(index, 0.5) == 0 else aim
                for index, aim in enumerate(plan.split())
            ]
            hyper = {**base, "lambd": 1.0}
            yield replace(near, comment="schedule", hyper=hyper, plan=" ".join(aims), rates=rates)
    for proximal, decay in ((True, 2.0), (False, 0.5)):
        hyper = {**base, "weight_decay": decay, "proximal_decay": proximal}
        for plan in ("cap cap/between cap", "cap cap/least cap", "cap cap/most cap/equal"):
            yield replace(near, comment="weight decay in the ratio", hyper=hyper, plan=plan)
    fixed = {**base, "beta_min": 0.5, "beta_max": 0.5}
    yield replace(near, comment="beta fixed: SGD with momentum", hyper=fixed, plan="cap cap cap cap")
    yield replace(near, comment="beta_max = 0: SGD", hyper={**base, "beta_max": 0.0}, plan="cap cap cap cap")
    yield replace(near, comment="many steps, binary64 alone", plan="cap " + "cap/between cap " * 3, bits=53)


def exact_am_adamw() -> Iterator[ExactCase]:
    """Cases of AM-AdamW: its correction 1 - beta_max * product is a power of two in first steps alone."""
    base = {
        "learning_rate": 0.5,
        "beta_max": 0.0,
        "beta2": 0.5,
        "eps": 0.0,
        "lambd": 0.0,
        "weight_decay": 0.0,
    }
    sizes = ExactCase("", base, "", magnitudes=ADAM_SIZES)
    yield from exact_fixed(sizes)
    for scope in ("global", "tensor"):
        first = {**base, "beta_max": 0.5, "beta_scope": scope}
        one = replace(sizes, hyper=first, plan="cap")
        yield replace(one, comment="first step")
        yield replace(one, comment="first steps of two tensors", plan="cap cap", missing={0: (1,), 1: (0,)})
        scalar = {**first, "lambd": 1.0, "metric_penalty": True}
        yield replace(one, comment="first step, scalar penalty", hyper=scalar)
        penalty = {**first, "lambd": 2.0, "eps": 0.5}
        yield replace(one, comment="first step, penalty in the metric", hyper=penalty, magnitudes=(0.5,))
        decay = {**scalar, "weight_decay": 0.5}
        yield replace(one, comment="first step, decay", hyper=decay)
        yield replace(one, comment="first step not finite", hyper=decay, plan="nan_grad idle cap")
    zero = replace(sizes, comment="zero gradients keep the correction", zero_grads=True, plan="cap cap cap")
    yield replace(zero, hyper={**base, "beta_max": 0.5})


def exact_momo_am() -> Iterator[ExactCase]:
    """Cases of MoMo with adaptive momentum."""
    base = {"learning_rate": 0.5, "beta_max": 0.75, "lambd": 0.0}
    near = ExactCase("", base, "", gradients="near", tries=TRIES)
    yield from _exact_cut(near)
    for plan in ("free free/between cap", "cap free/equal cap/most", "free zero/nil free/most"):
        yield replace(near, comment="sides", plan=plan, shapes=ONE_TENSOR)
    for plan in ("free free/least cap", "free free/between cap", "free cap/most free"):
        yield replace(near, comment="penalty", plan=plan, hyper={**base, "lambd": 1.0, "beta_max": 0.5})


def exact_momo_am_adam() -> Iterator[ExactCase]:
    """Cases of MoMo-Adam with adaptive momentum."""
    base = {"learning_rate": 0.5, "beta_max": 0.5, "lambd": 0.0, "beta2": 0.5, "eps": 0.0}
    sizes = ExactCase("", base, "", magnitudes=ADAM_SIZES, tries=TRIES)
    yield from _exact_cut(sizes)
    for plan in ("free free/between cap", "free free/equal cap/most"):
        yield replace(sizes, comment="sides", plan=plan, hyper={**base, "beta_max": 0.75})
    for plan in ("free free/least cap", "free cap/most free"):
        yield replace(sizes, comment="penalty", plan=plan, hyper={**base, "lambd": 1.0})
    eps = replace(sizes, comment="eps comparable to the gradients", magnitudes=(0.25, 0.75))
    yield replace(eps, hyper={**base, "eps": 0.25}, plan="free cap")


def _exact_cut(like: ExactCase) -> Iterator[ExactCase]:
    """All pairs of branches, decay, schedule, missing gradients, with a cut model."""
    base = like.hyper
    star = {**base, "adapt_lower_bound": True}
    for index, plan in enumerate(walks(AIMS, 3)):
        hyper = {**base, "lower_bound": BOUNDS[index % 3]}
        yield replace(like, comment="all pairs of branches", hyper=hyper, plan=plan)
    for index, plan in enumerate(walks(ESTIMATOR_AIMS, 3)):
        hyper = {**star, "lower_bound": BOUNDS[index % 3]}
        yield replace(like, comment="estimator: all pairs of branches", hyper=hyper, plan=f"free {plan}")
    yield replace(like, comment="reset margin", hyper={**star, "reset_margin": 0.25}, plan="cap margin cap")
    for decay in ({"weight_decay": 2.0}, {"weight_decay": 0.5, "proximal_decay": False}):
        for plan in ("free cap tie", "cap zero free"):
            yield replace(like, comment="weight decay", hyper={**base, **decay}, plan=plan)
    authors = {**base, "weight_decay": 2.0, "proximal_decay": False, "authors_numerator": True}
    yield replace(like, comment="numerator of the authors", hyper=authors, plan="free cap")
    rates = {0: 0.25, 1: 1.0, 2: 0.5}
    yield replace(like, comment="schedule", plan="free cap free", rates=rates)
    yield replace(like, comment="learning rate 0", hyper=star, plan="free any free", rates={1: 0.0})
    yield replace(like, comment="a tensor comes late", plan="free cap free", missing={0: (1,)})
    yield replace(like, comment="steps without any gradient", plan="idle free idle nan_grad cap")
    groups = ({"learning_rate": 1.0, "weight_decay": 1.0}, {"learning_rate": 0.5, "weight_decay": 0.0})
    yield replace(like, comment="two groups", plan="free cap", groups=groups, group_of=(0, 1))
    yield replace(like, comment="uncapped", hyper={**base, "learning_rate": math.inf}, plan="free free")
    yield replace(
        like, comment="no lower bound", hyper={**base, "lower_bound": -math.inf}, plan="any any any"
    )


def sampled_adaptive(adam: bool) -> list[SampledCase]:
    """Cases of tier T2."""
    return list(_sampled(0.25 if adam else 1.0))


def _sampled(rate: float) -> Iterator[SampledCase]:
    base: Mapping[str, Any] = {"learning_rate": rate}
    yield SampledCase("no penalty", {**base, "lambd": 0.0}, steps=15)
    yield SampledCase("gradients that belong to nothing", {**base, "lambd": 0.5}, steps=15, kind="random")
    yield SampledCase("large learning rate", {"learning_rate": 3 * rate, "beta_max": 0.99}, steps=15)
    warm = tuple(rate * min(index, 6) / 6 for index in range(12))
    yield SampledCase("warm-up from learning rate 0", {**base, "lambd": 0.05}, steps=12, rates=warm)
    missing = {0: (1,), 1: (1,), 5: (0,), 7: (0, 1)}
    for scope in ("global", "tensor"):
        scoped = {**base, "beta_scope": scope, "lambd": 0.2}
        yield SampledCase(f"scope {scope}", scoped, steps=15)
        yield SampledCase(f"scope {scope}, much is missing", scoped, steps=12, missing=missing)
    late = {**base, "beta_scope": "global", "lambd": 0.0}
    absent = dict.fromkeys(range(4), (1,))
    yield SampledCase(
        "a tensor comes late, gradients shrink", late, steps=8, spikes={4: 0.01}, missing=absent
    )
    rates = {"learning_rate": rate, "weight_decay": 0.1}, {"learning_rate": 0.3 * rate, "weight_decay": 0.0}
    yield SampledCase(
        "two groups, scope global",
        {"beta_scope": "global"},
        kind="random",
        steps=12,
        groups=rates,
        group_of=(0, 1),
    )
    plain = {**base, "beta_min": 0.8, "beta_max": 0.8, "lambd": 0.0}
    yield SampledCase("beta fixed", plain, steps=10)
    scalar = {**base, "metric_penalty": True, "lambd": 0.5}
    for scope in ("global", "tensor"):
        hyper = {**scalar, "beta_scope": scope}
        yield SampledCase(
            f"small gradients, penalty in the metric, scope {scope}", hyper, spikes={4: 1e-3, 9: 0.01}
        )
