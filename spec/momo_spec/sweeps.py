"""Which cases the golden vectors have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from . import sweeps_adaptive as adaptive
from . import sweeps_exact as exact
from .check import in_interval
from .exact import ExactCase
from .load import OptimizerSpec
from .sampled import SampledCase
from .sweeps_sampled import derived_cases, full_cases

EXACT: dict[str, Callable[[], Iterator[ExactCase]]] = {
    "adam": partial(exact.exact_fixed_adam, {}),
    "adamw": partial(exact.exact_fixed_adam, {"weight_decay": 0.0}),
    "am_adamw": adaptive.exact_am_adamw,
    "am_sgd": adaptive.exact_am_sgd,
    "fsgdm": exact.exact_fsgdm,
    "momo": exact.exact_momo,
    "momo_adagrad": exact.exact_adagrad,
    "momo_adam": exact.exact_adam,
    "momo_adam_tied": partial(exact.exact_metric, {"beta": 0.0}, "beta"),
    "momo_am": adaptive.exact_momo_am,
    "momo_am_adam": adaptive.exact_momo_am_adam,
    "momo_amsgrad": partial(exact.exact_metric, {"beta1": 0.0, "beta2": 0.5}, "beta1"),
    "momo_fsgdm": exact.exact_momo_fsgdm,
    "momo_rmsprop": partial(exact.exact_metric, {"beta2": 0.5}, ""),
    "schedule_free_sps": exact.exact_schedule_free,
    "sgdm": exact.exact_sgdm,
    "sps": exact.exact_sps,
}
FULL = ("momo", "momo_adam")
"""Optimizers with all cases of tier T2; the equations of the others are mostly theirs."""

TESTED_INTERNALS = ("authors_numerator", "beta_min")
"""Internal hyper-parameters that are there to be tested; others are what makes an optimizer of its base."""


def exact_cases(spec: OptimizerSpec) -> list[ExactCase]:
    """Cases of tier T0; none for an optimizer that nobody has written any for."""
    return list(EXACT[spec.name]()) if spec.name in EXACT else []


def sampled_cases(spec: OptimizerSpec) -> list[SampledCase]:
    """Cases of tier T2: those whose hyper-parameters the optimizer has."""
    adam = "eps" in spec.hyper
    cases = full_cases(adam) if spec.name in FULL else derived_cases(adam)
    if "beta_max" in spec.hyper:
        cases = [*cases, *adaptive.sampled_adaptive(adam)]
    return [case for case in cases if all(accepts(spec, hyper) for hyper in (case.hyper, *case.groups))]


def accepts(spec: OptimizerSpec, hyper: Mapping[str, Any]) -> bool:
    """Whether an optimizer has all hyper-parameters, and these values are in their domains."""
    return all(
        name in spec.hyper
        and (not spec.hyper[name].internal or name in TESTED_INTERNALS)
        and (spec.hyper[name].kind != "number" or in_interval(float(value), spec.hyper[name].domain))
        for name, value in hyper.items()
    )
