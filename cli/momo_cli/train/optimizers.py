"""The optimizer of a run: what the spec says of it, and its class in each framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import momo_core
from momo_cli.train.config import Config
from momo_spec import load_spec


def check_optimizer(name: str, hyper: Mapping[str, float | bool]) -> None:
    """Raise TypeError or ValueError unless there is the optimizer and it allows the values."""
    if unknown := set(hyper) - set(load_spec(name).hyper):
        raise ValueError(f"{name} has no {unknown.pop()}")
    momo_core.KINDS[name].check(hyper)


def default_learning_rate(name: str, dataset: str) -> float:
    """
    Return the learning rate of a run in which the user chose none.

    It is the optimizer's own, and ten times that where this is far too bold for the plain optimizer
    while one that sees the loss shortens its steps: there is something to see then.
    """
    spec = load_spec(name)
    bold = spec.needs_loss and dataset == "digits"
    return float(spec.hyper["learning_rate"].default) * (10 if bold else 1)


def framework_optimizer(
    name: str, hyper: Mapping[str, Any], framework: str
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """
    Return the optimizer's class (function in JAX) and its keyword arguments.

    Only the hyper-parameters that the user chose are passed, under the framework's names, so that
    each backend's own defaults are tried as well.
    """
    spec = load_spec(name)
    entry = spec.frameworks[framework]
    factory = getattr(import_module(f"momo_{framework}"), entry.class_name)
    paired = {part for parts in entry.pairs.values() for part in parts}
    arguments: dict[str, Any] = {entry.names[key]: hyper[key] for key in hyper if key not in paired}
    for pair, parts in entry.pairs.items():
        if not hyper.keys().isdisjoint(parts):
            arguments[pair] = tuple(hyper.get(part, spec.hyper[part].default) for part in parts)
    return factory, arguments


def reported_numbers(config: Config) -> list[str]:
    """Return what this command shows of the numbers that the rule reports of each step."""
    return [name for name in ("step_size", "truncation") if name in load_spec(config.optimizer).info]
