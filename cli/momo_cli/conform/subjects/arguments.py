"""Hyper-parameters of the specification as arguments of a factory."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from momo_spec import OptimizerSpec

from .base import UnsupportedError


class Arguments:
    """
    Names of the arguments of a factory.

    Parameters
    ----------
    spec : OptimizerSpec
    framework : str
        Whose names hold where nothing else is said: ``torch``, ``jax`` or ``keras``.
    factory : callable
        Arguments that it does not take are unsupported, unless it takes any keyword.
    rename : mapping
        The factory's names by those of the specification, or of a pair such as ``betas``.

    Raises
    ------
    ValueError
        If `rename` has a name that the optimizer or the factory does not know.
    """

    def __init__(
        self, spec: OptimizerSpec, framework: str, factory: Callable[..., Any], rename: Mapping[str, str]
    ) -> None:
        target = spec.frameworks[framework]
        self._defaults = {name: hyper.default for name, hyper in spec.hyper.items()}
        self._internal = {name for name, hyper in spec.hyper.items() if hyper.internal}
        self._names = {**target.names, **rename}
        self._named, self._required, self._open_ended = _signature(factory)
        self._pairs = {
            rename.get(pair, pair): members
            for pair, members in target.pairs.items()
            if self._takes(rename.get(pair, pair))
        }
        if unknown := set(rename) - set(target.names) - set(target.pairs):
            raise ValueError(f"{spec.name} has no hyper-parameter {sorted(unknown)[0]!r}")
        if missing := [name for name in rename.values() if not self._takes(name)]:
            raise ValueError(f"the factory has no argument {missing[0]!r}")

    def name(self, hyper: str) -> str:
        """Argument of a hyper-parameter."""
        return self._names[hyper]

    def __call__(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """
        Arguments of a call; what is not in `hyper` is left to the factory, if it has a default.

        Raises
        ------
        UnsupportedError
            If there is no argument for something that is not at its default.
        """
        needed = {
            name: self._defaults[name] for name in self._defaults if self._names[name] in self._required
        }
        return self.of_group({**needed, **hyper})

    def of_group(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """
        Settings of a parameter group; what is not in `hyper` is left to the optimizer.

        Raises
        ------
        UnsupportedError
            If there is no argument for something that is not at its default.
        """
        arguments = {
            pair: tuple(hyper.get(member, self._defaults[member]) for member in members)
            for pair, members in self._pairs.items()
            if not hyper.keys().isdisjoint(members)
        }
        paired = {member for members in self._pairs.values() for member in members}
        for name, value in hyper.items():
            if name in paired:
                continue
            if self._takes(self._names[name], only_named=name in self._internal):
                arguments[self._names[name]] = value
            elif not _is_default(value, self._defaults[name]):
                raise UnsupportedError(f"no argument for {name}")
        return arguments

    def _takes(self, argument: str, *, only_named: bool = False) -> bool:
        return argument in self._named or (self._open_ended and not only_named)


def _signature(factory: Callable[..., Any]) -> tuple[frozenset[str], frozenset[str], bool]:
    """Names of the arguments, of those without a default, and whether any other keyword is taken."""
    parameters = inspect.signature(factory).parameters
    required = frozenset(
        name for name, parameter in parameters.items() if parameter.default is parameter.empty
    )
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return frozenset(parameters), required, open_ended


def _is_default(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def takes_argument(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has an argument of that name."""
    return name in inspect.signature(function).parameters
