"""The Keras optimizers as `fit` sees them, on every Keras backend, each in a process of its own."""

from __future__ import annotations

import ast
import importlib
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance_tests.cells import KERAS_BACKENDS, process_pool, set_backend
from conformance_tests.profiles import only_nightly

FOLDER = Path(__file__).parent


def checks(pattern: str, prefix: str) -> list[object]:
    """Functions with a prefix in files of a pattern, read without importing Keras: module and name."""
    return [check for file in sorted(FOLDER.glob(pattern)) for check in checks_of(file, prefix)]


def checks_of(file: Path, prefix: str) -> list[object]:
    body = ast.parse(file.read_text(encoding="utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith(prefix)]
    return [pytest.param(file.stem, each.name, id=each.name, marks=marks_of(each)) for each in functions]


def marks_of(function: ast.FunctionDef) -> list[Any]:
    proves = pytest.mark.reliability(*cases_of(function))
    return [proves, only_nightly] if "by_night" in map(ast.unparse, function.decorator_list) else [proves]


def cases_of(function: ast.FunctionDef) -> list[str]:
    """Arguments of its decorator ``@covers(...)``."""
    calls = [call for call in function.decorator_list if isinstance(call, ast.Call)]
    return [
        ast.literal_eval(case) for call in calls if ast.unparse(call.func) == "covers" for case in call.args
    ]


def run_check(module: str, name: str) -> None:
    try:
        getattr(importlib.import_module(f"conformance_tests.{module}"), name)()
    except pytest.fail.Exception as error:
        raise AssertionError(str(error)) from error  # the other class does not travel between processes


OF_BACKENDS = re.compile("every_rule|embedding|tracer")
"""Checks of what each backend has its own code for."""


def skips(number: int, place: int) -> bool:
    """Whether a check is left to the other one of the backends that compile, TensorFlow and JAX."""
    return place < 2 and number % 2 != place


def on_backends(found: list[Any]) -> list[Any]:
    """Checks on each backend; by day most of them on PyTorch and one of those that compile."""
    return [
        pytest.param(
            backend,
            *check.values,
            id=f"{backend}-{check.id}",
            marks=[
                *check.marks,
                pytest.mark.xdist_group("keras"),
                *([only_nightly] if skips(number, place) and not OF_BACKENDS.search(str(check.id)) else []),
            ],
        )
        for place, backend in enumerate(KERAS_BACKENDS)
        for number, check in enumerate(found)
    ]


@pytest.mark.parametrize(("backend", "module", "name"), on_backends(checks("keras_checks*.py", "check_")))
def test_keras(backend: str, module: str, name: str) -> None:
    process_pool(backend).submit(run_check, module, name).result()


def simulate_devices(keras_backend: str) -> None:
    """Eight devices for JAX and two for TensorFlow; each must be told before its first use."""
    set_backend(keras_backend)
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    if keras_backend == "tensorflow":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


@cache
def pool_with_devices(keras_backend: str) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), initializer=simulate_devices, initargs=(keras_backend,)
    )


@pytest.mark.xdist_group("devices-tensorflow")
@pytest.mark.parametrize(("module", "name"), checks("keras_scale.py", "tensorflow_"))
def test_devices_of_tensorflow(module: str, name: str) -> None:
    pool_with_devices("tensorflow").submit(run_check, module, name).result()


@pytest.mark.xdist_group("devices-jax")
@pytest.mark.parametrize(("module", "name"), checks("keras_scale.py", "jax_"))
def test_devices_of_jax(module: str, name: str) -> None:
    pool_with_devices("jax").submit(run_check, module, name).result()


@pytest.mark.xdist_group("keras")
@pytest.mark.parametrize(("module", "name"), checks("keras_scale.py", "torch_ranks"))
def test_ranks_of_torch(module: str, name: str) -> None:
    process_pool("torch").submit(run_check, module, name).result()


@pytest.mark.parametrize(
    ("backend", "module", "name"),
    [
        pytest.param(
            backend,
            *check.values,
            id=str(check.id),
            marks=pytest.mark.xdist_group("keras"),
        )
        for backend in KERAS_BACKENDS
        for check in checks("keras_engines.py", f"{backend}_")
    ],
)
def test_engines(backend: str, module: str, name: str) -> None:
    process_pool(backend).submit(run_check, module, name).result()
