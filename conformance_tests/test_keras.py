"""The Keras optimizers as `fit` sees them, on every Keras backend, each in a process of its own."""

from __future__ import annotations

import ast
import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from conformance_tests.cells import KERAS_BACKENDS, process_pool, set_backend

CHECKS = "conformance_tests.keras_checks"


def checks() -> list[str]:
    """Names of the checks, read without importing Keras."""
    source = Path(__file__).with_name("keras_checks.py").read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [name for name in functions if name.startswith("check_")]


def run_check(name: str) -> None:
    getattr(importlib.import_module(CHECKS), name)()


@pytest.mark.parametrize("name", checks())
@pytest.mark.parametrize(
    "backend", [pytest.param(name, marks=pytest.mark.xdist_group(f"keras-{name}")) for name in KERAS_BACKENDS]
)
def test_keras(backend: str, name: str) -> None:
    process_pool(backend).submit(run_check, name).result()


def test_replicas_of_tensorflow() -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=set_backend, initargs=("tensorflow",)) as fresh:
        fresh.submit(run_check, "mirrored_strategy_is_one_big_batch").result()
