"""Find a Python optimizer by its name, and the framework it belongs to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from momo_spec import OptimizerSpec

from .arguments import Arguments
from .base import Subject

FLAVOURS = {"torch": "torch", "optax": "jax", "keras": "keras"}
"""Kinds of optimizers, and the framework of the specification whose names each uses."""


class SubjectNotFoundError(ValueError):
    """There is no such factory, or it makes nothing that is known."""


def python_subject(
    path: str, spec: OptimizerSpec, *, flavour: str | None = None, rename: Mapping[str, str] | None = None
) -> Subject:
    """
    Subject of a Python optimizer.

    Parameters
    ----------
    path : str
        ``package.module:factory``; modules of the working directory are found too.
    spec : OptimizerSpec
    flavour : str, optional
        A key of `FLAVOURS`; otherwise recognised from what the factory makes.
    rename : mapping, optional
        Names of arguments that differ from the framework's, by the specification's.

    Raises
    ------
    SubjectNotFoundError
    """
    factory = find_factory(path)
    flavour = flavour or recognise(factory)
    if flavour is None:
        raise SubjectNotFoundError(f"{path}: cannot tell what it makes; say --flavour torch, optax or keras")
    try:
        arguments = Arguments(spec, FLAVOURS[flavour], factory, rename or {})
    except ValueError as error:
        raise SubjectNotFoundError(f"{path}: {error}") from error
    module = import_module(f".{flavour}_flavour", __package__)
    made: Subject = module.make_subject(described(path), factory, arguments, spec)
    return made


def find_factory(path: str) -> Callable[..., Any]:
    """Import ``package.module:factory``."""
    module_name, _, attribute = path.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SubjectNotFoundError(f"{path}: {error}") from error
    if not callable(found):
        raise SubjectNotFoundError(f"{path} is not callable")
    return found


def described(path: str) -> str:
    """Path and version of the package it is from."""
    package = path.partition(":")[0].partition(".")[0]
    names = packages_distributions().get(package, ())
    return f"{path} ({names[0]} {version(names[0])})" if names else path


def recognise(factory: Callable[..., Any]) -> str | None:
    """Flavour of what the factory makes; None where that is not clear."""
    if isinstance(factory, type):
        return _flavour_of(factory)
    calls: tuple[Callable[[], Any], ...] = (
        factory,
        lambda: factory(learning_rate=1.0),
        lambda: factory(_torch_parameters()),
    )
    for call in calls:
        with suppress(Exception):
            return _flavour_of(type(call()))
    return None


def _flavour_of(made: type) -> str | None:
    families = {cls.__module__.partition(".")[0] for cls in made.__mro__}
    if hasattr(made, "init") and hasattr(made, "update") and hasattr(made, "_fields"):
        return "optax"
    return next((flavour for flavour in ("torch", "keras") if flavour in families), None)


def _torch_parameters() -> list[Any]:
    import torch

    return [torch.nn.Parameter(torch.ones(1))]
