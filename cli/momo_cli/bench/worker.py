"""
The process of one framework, which times its cases and sends what it finds.

Keras fixes its backend when it is imported, and a framework that fails takes nobody with it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

from .cases import REFERENCE, Case, Shapes, UnavailableError, count
from .measure import Result, bandwidth, measure

CACHED = 1 << 25
"""Bytes of tensors that may fit into a cache, so that moving them is no limit."""


@dataclass(frozen=True)
class Request:
    """
    What a process is to time.

    Attributes
    ----------
    framework : str
    sets : dict of str to tuple of shapes
    rules : tuple of str
        An empty name stands for the framework's own optimizers.
    rounds : int
    device : str
    brief : bool
        Only the reference and the default implementation of each rule.
    """

    framework: str
    sets: dict[str, Shapes]
    rules: tuple[str, ...]
    rounds: int
    device: str
    brief: bool = False


@dataclass(frozen=True)
class Found:
    """The figures of a case on a parameter set, timed in the process of a framework."""

    process: str
    label: str
    result: Result


@dataclass(frozen=True)
class Absent:
    """What was not timed, and why."""

    framework: str
    rule: str
    label: str
    reason: str


@dataclass(frozen=True)
class Over:
    """A rule was gone through on a parameter set."""

    rule: str
    label: str


@dataclass(frozen=True)
class Facts:
    """What the figures of a framework depend on."""

    framework: str
    facts: dict[str, Any]


Event = Found | Absent | Over | Facts


def work(connection: Connection, request: Request, log: Path) -> None:
    """Time everything and send each result as it is found; all else that is said goes to `log`."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    family, _, backend = request.framework.partition("-")
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    try:
        torch = optional("torch")
        module = import_module(f".cases_{family}", __package__)
    except Exception as error:
        connection.send(Absent(request.framework, "", "", said(error)))
        return
    facts = {**({} if torch is None else torch.facts()), **module.facts(), "versions": versions(module)}
    connection.send(Facts(request.framework, facts))
    Session(request, module, torch, connection.send).run()


def optional(family: str) -> ModuleType | None:
    """The cases of a framework, None where it is not installed."""
    try:
        return import_module(f".cases_{family}", __package__)
    except ImportError:
        return None


def versions(module: ModuleType) -> dict[str, str]:
    """Versions of the packages that take part."""
    found = {}
    for package in module.PACKAGES:
        for name in (package, f"{package}-cpu"):
            try:
                found[package] = version(name)
            except PackageNotFoundError:
                continue
    return found


def said(error: Exception) -> str:
    """An exception in a line."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])


@dataclass
class Session:
    """Goes through the rules, each on all sets, next to the same reference."""

    request: Request
    module: ModuleType
    torch: ModuleType | None
    send: Callable[[Event], None]

    def __post_init__(self) -> None:
        self.sent: set[tuple[str, str]] = set()
        self.speeds: dict[str, float | None] = {}

    def run(self) -> None:
        """Time everything."""
        for rule in self.request.rules:
            for label, shapes in self.request.sets.items():
                try:
                    self.compare(rule, label, shapes)
                except UnavailableError as error:
                    self.send(Absent(self.request.framework, "", "", str(error)))
                    return
                except Exception as error:
                    self.send(Absent(self.request.framework, rule, label, said(error)))
                self.send(Over(rule, label))
                gc.collect()

    def compare(self, rule: str, label: str, shapes: Shapes) -> None:
        """Time a rule, its peer and the reference on a set."""
        if label not in self.speeds:
            self.speeds[label] = self.speed(shapes)
        for result in measure(self.cases(rule, shapes), self.request.rounds, self.speeds[label]):
            if (label, result.name) not in self.sent:
                self.sent.add((label, result.name))
                self.send(Found(self.request.framework, label, result))

    def cases(self, rule: str, shapes: Shapes) -> list[Case]:
        """The cases of a rule, the reference first where it can be had."""
        request = self.request
        cases = list(self.module.cases(rule, shapes, request.device, brief=request.brief))
        if self.torch is not None and all(case.name != REFERENCE for case in cases):
            cases.insert(0, self.torch.reference(shapes, request.device))
        return cases

    def speed(self, shapes: Shapes) -> float | None:
        """Bytes a second, on as much memory as a step of Adam touches; None where that is cached."""
        size = 4 * count(shapes)
        if self.torch is None or 4 * size < CACHED:
            return None
        return bandwidth(self.torch.array_in_place(size, self.request.device), 2 * 4 * size)
