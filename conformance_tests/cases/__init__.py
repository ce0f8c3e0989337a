"""
The reliability cases: functions of a rig, named by the number of the case.

The docstring says what holds; the page of cases shows it.  A function runs on every framework, or
on those that `only` names.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from conformance_tests.rigs import RIGS, Rig

CaseFunction = Callable[[Rig], None]

_Function = TypeVar("_Function", bound=Callable[..., None])


class Case(NamedTuple):
    """A function that proves a case on some of the rigs."""

    number: str
    function: CaseFunction
    rigs: tuple[str, ...]


def only(*frameworks: str) -> Callable[[_Function], _Function]:
    """Run a case on these frameworks; ``keras`` means all backends of Keras."""
    known = {framework for rig in RIGS for framework in (rig, rig.split("-")[0])}
    assert known.issuperset(frameworks), frameworks

    def mark(function: _Function) -> _Function:
        function.only = frameworks  # type: ignore[attr-defined]
        return function

    return mark


def all_cases() -> Iterator[Case]:
    """The cases of all files of this folder."""
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = importlib.import_module(f"{__name__}.{path.stem}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and re.match(r"r\d\d_", name):
                yield Case(name[:3].upper(), function, _rigs(function))


def find_case(name: str) -> CaseFunction:
    """A case by the name of its function."""
    return next(case.function for case in all_cases() if case.function.__name__ == name)


def _rigs(function: CaseFunction) -> tuple[str, ...]:
    chosen = getattr(function, "only", RIGS)
    return tuple(rig for rig in RIGS if rig in chosen or rig.split("-")[0] in chosen)
