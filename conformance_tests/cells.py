"""
The cells of the suite: every backend, found by its folder, with the dtypes it runs.

Keras fixes its backend when it is imported, so each of its backends has a process of its own.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BACKENDS = Path(__file__).parent.parent / "backends"
KERAS_BACKENDS = ("tensorflow", "jax", "torch")
DEVICES = ("cpu", "cuda")
CORE = "conformance_tests.core_driver"
QUICK = ("numpy", "torch", "keras-torch")
"""Cells that take vectors in milliseconds; elsewhere operations are compiled or checked one by one."""


@dataclass(frozen=True)
class Cell:
    """One implementation that runs the optimizers."""

    name: str
    driver: str
    function: str = "run"
    table: str = "MODES"
    keras_backend: str = ""

    @property
    def group(self) -> str:
        """Its tests run in one worker; those of Keras share three processes with others."""
        return group_of(self.name)

    def run(self, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        return self.call(self.function, *arguments, **options)

    def call(self, function: str, *arguments: Any, **options: Any) -> Any:
        """Call a function of the driver, in the process of the cell."""
        if not self.keras_backend:
            return call_driver(self.driver, function, arguments, options)
        pool = process_pool(self.keras_backend)
        return pool.submit(call_driver, self.driver, function, arguments, options).result()

    @property
    def modes(self) -> dict[str, tuple[str, ...]]:
        """Dtypes of each of its modes: what the cell can do, from which skips, ledger and page follow."""
        return dict(self.call("__getattribute__", self.table))

    @property
    def has_groups(self) -> bool:
        """Whether it has parameter groups."""
        return bool(self.call("__getattribute__", "GROUPS"))

    def missing(self, optimizer: str, mode: str) -> str:
        """Why a mode does not take an optimizer; empty if it does."""
        return str(self.call("missing", optimizer, mode))

    @property
    def is_core(self) -> bool:
        """Whether it is the core itself, called with lists and with internal hyper-parameters too."""
        return self.driver == CORE


def group_of(framework: str) -> str:
    """The group of tests that belongs to a cell or a rig."""
    return framework.split("-")[0] if framework.startswith("keras-") else framework


def call_driver(module: str, function: str, arguments: Iterable[Any], options: dict[str, Any]) -> Any:
    driver = importlib.import_module(module)
    if function == "__getattribute__":
        return getattr(driver, *arguments)
    return getattr(driver, function)(*arguments, **options)


@cache
def process_pool(keras_backend: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), initializer=set_backend, initargs=(keras_backend,)
    )


def set_backend(keras_backend: str) -> None:
    os.environ["KERAS_BACKEND"] = keras_backend


def backend_cells() -> list[Cell]:
    """A cell for each folder of `backends`, three for Keras; a folder without a driver fails."""
    cells = []
    for folder in sorted(path for path in BACKENDS.iterdir() if path.name.startswith("momo_")):
        name, driver = folder.name.removeprefix("momo_"), f"{folder.name}.driver"
        if not (folder / "driver.py").exists():
            raise FileNotFoundError(f"{folder.name} has no driver.py, so nothing tests it")
        if name == "keras":
            cells += [Cell(f"keras-{each}", driver, keras_backend=each) for each in KERAS_BACKENDS]
        else:
            cells.append(Cell(name, driver))
    return cells


def all_cells() -> list[Cell]:
    strict = Cell("array-api-strict", CORE, "run_strict", "STRICT_MODES")
    return [Cell("numpy", CORE), strict, *backend_cells()]
