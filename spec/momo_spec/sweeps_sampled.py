"""Which cases tier T2 has."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from .sampled import SampledCase


def derived_cases(adam: bool) -> list[SampledCase]:
    """A few of each kind; `adam` tunes the learning rate."""
    return list(_derived(0.25 if adam else 1.0, adam))


def full_cases(adam: bool) -> list[SampledCase]:
    """All cases; `adam` tunes the learning rate and names the averages."""
    return list(_full(adam))


def _derived(rate: float, adam: bool) -> Iterator[SampledCase]:
    base: dict[str, Any] = {"learning_rate": rate}
    star = {**base, "adapt_lower_bound": True}
    decay = {**base, "weight_decay": 0.1, "proximal_decay": True}
    yield SampledCase("defaults", {}, steps=15)
    yield SampledCase("proximal decay, falling learning rate", decay, steps=15, rates=_falling(rate, 15))
    for averages in (
        {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
        {"beta2": 0.9, "eps": 1e-3},
        {"beta": 0.5, "eps": 1e-3},
        {"beta": 0.5},
    ):
        yield SampledCase("other averages", {**base, **averages}, steps=10)
    adamw = {**decay, "proximal_decay": False}
    spoiled = {0: "nan_grad", 3: "inf_grad"}
    missing = {1: (1,), 2: (1,), 6: (0,), 7: (0,), 9: (0, 1)}
    yield SampledCase("AdamW's decay, much is missing", adamw, steps=15, spoiled=spoiled, missing=missing)
    groups = (
        {"learning_rate": rate, "weight_decay": 0.1},
        {"learning_rate": 0.3 * rate, "weight_decay": 0.0},
    )
    yield SampledCase("two parameter groups", {}, steps=10, groups=groups, group_of=(0, 1))
    scale = 2.0**-40
    tiny = {"learning_rate": rate if adam else rate / scale, "weight_decay": 0.0}
    yield SampledCase("tiny losses", tiny, steps=10, scale=scale)
    yield SampledCase("estimator", {**star, "lower_bound": -1.0, "reset_margin": 0.05}, kind="random")
    yield SampledCase("estimator and decay", {**star, "weight_decay": 0.1}, steps=15)
    yield SampledCase("uncapped", {**base, "learning_rate": math.inf, "lower_bound": 0.1}, steps=10)


def _falling(rate: float, steps: int) -> tuple[float, ...]:
    return tuple(rate * (steps - index) / steps for index in range(steps))


def _full(adam: bool) -> Iterator[SampledCase]:
    rate = 0.25 if adam else 1.0
    example = {"learning_rate": 1.0, "weight_decay": 0.1}
    yield SampledCase("sum of squares from (1, 2, 3)", example, steps=3, shapes=((3,),), kind="squares")
    for index, options in enumerate(_option_grid(adam)):
        hyper = {"learning_rate": rate * (1.0, 4.0, 0.25)[index % 3], **options}
        yield SampledCase(f"options swept, {index}", hyper, steps=18)
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
