"""What may import what, and the shape of the code."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from conformance_tests.profiles import mostly
from momo_spec.generate import HEADER, TEMPLATE_SUFFIX

ROOT = Path(__file__).parent.parent
BACKENDS = sorted(path for path in (ROOT / "backends").iterdir() if path.name.startswith("momo_"))
FOLDERS = ("momo_core", "momo_kernels", "spec/momo_spec", "cli/momo_cli")
PACKAGES = {path.name: path for path in (*(ROOT / folder for folder in FOLDERS), *BACKENDS)}
FRAMEWORKS = {"torch", "jax", "keras", "tensorflow"}
ARRAY_LIBRARIES = {"numpy", "cupy", "dask", "sparse", "ndonnx", "mlx", "paddle", "flax", "optax", "scipy"}
FILE_FORMAT = "safetensors.numpy"
"""The module that writes files, imported by the function that writes one; no arrays are computed with it."""
TRAINERS = {"lightning", "pytorch_lightning", "transformers", "accelerate", "flax", "equinox"}
"""Only those who ask for the module of a trainer load its package."""
LONGEST_FUNCTION = 40
LONGEST_ADAPTER = 200

OWN_FRAMEWORKS = {
    "momo_spec": set[str](),
    "momo_torch": {"torch"},
    "momo_jax": {"jax"},
    "momo_keras": {"keras", "tensorflow", "jax", "torch"},
}
"""Frameworks that a package may load; Keras loads what it runs on."""

OWN_PACKAGES = {"momo_spec": {"momo_spec"}} | {folder.name: {"momo_core", folder.name} for folder in BACKENDS}
OWN_PACKAGES["momo_torch"].add("momo_kernels")


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter loads for a statement."""
    program = (
        "import sys, json; before = set(sys.modules)\n"
        f"{statement}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    modules = json.loads(result.stdout.splitlines()[-1])
    return {module.split(".")[0] for module in modules} - set(sys.stdlib_module_names)


def needs(package: str) -> None:
    """Skip without a package, which is not imported to see that: TensorFlow takes seconds."""
    if find_spec(package) is None:
        pytest.skip(f"not run: {package} is not installed")


def sources(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level packages of all imports, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_the_core_loads_nothing_but_array_api_compat() -> None:
    assert loaded_by("import momo_core") == {"momo_core", "array_api_compat"}


def test_a_step_of_the_core_loads_no_framework() -> None:
    step = "r = momo_core.momo(); x = [np.ones(2)]; r.step(x, x, 1.0, r.init(x))"
    assert not loaded_by(f"import numpy as np, momo_core; {step}") & FRAMEWORKS


@pytest.mark.parametrize("package", OWN_PACKAGES)
def test_a_package_loads_its_own_framework_only(package: str) -> None:
    loads = {"momo_spec": "import momo_spec; [momo_spec.load_spec(name) for name in momo_spec.spec_names()]"}
    if package != "momo_spec":
        needs(package.removeprefix("momo_"))
    loaded = loaded_by(loads.get(package, f"import {package}"))
    assert {name for name in loaded if name.startswith("momo_")} == OWN_PACKAGES[package]
    assert loaded & FRAMEWORKS <= OWN_FRAMEWORKS.get(package, FRAMEWORKS)
    assert not loaded & TRAINERS


@pytest.mark.parametrize("backend", mostly(["tensorflow", "jax", "torch"], ["jax"]))
def test_a_keras_optimizer_loads_the_engine_of_its_backend_only(backend: str) -> None:
    needs("keras")
    needs(backend)
    switch = f"import os; os.environ['KERAS_BACKEND'] = {backend!r}"
    loaded = loaded_by(f"{switch}; import momo_keras; momo_keras.Momo()")
    engine = OWN_PACKAGES.get(f"momo_{backend}", set())
    assert {name for name in loaded if name.startswith("momo_")} == OWN_PACKAGES["momo_keras"] | engine
    assert "optax" not in loaded


@pytest.mark.parametrize(("package", "stranger"), [("momo_spec", "momo_core"), ("momo_core", "momo_spec")])
def test_specification_and_core_share_no_code(package: str, stranger: str) -> None:
    for path in sources(package):
        names = set(imported(parsed(path)))
        assert stranger not in names, path.name
        assert {name for name in names if name.startswith("momo_")} <= {package}, path.name


def test_the_core_names_no_framework() -> None:
    """Neither in code nor in strings, docstrings aside."""
    for path in sources("momo_core"):
        tree = parsed(path)
        docs = {id(string) for string in docstrings(tree)}
        for node in ast.walk(tree):
            named = (text.lower() for text in texts(node, docs) if text != FILE_FORMAT)
            words = {word for text in named for word in re.split(r"[^a-z]+", text)}
            assert not words & (FRAMEWORKS | ARRAY_LIBRARIES), f"{path.name}:{getattr(node, 'lineno', 0)}"


def texts(node: ast.AST, docs: set[int]) -> Iterator[str]:
    """Identifiers and strings of a node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
        yield node.value
    for name in ("id", "attr", "name", "arg", "module", "asname"):
        value = getattr(node, name, None)
        if isinstance(value, str):
            yield value


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """Docstrings of modules, classes, functions and of assignments."""
    for node in ast.walk(tree):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                yield statement.value


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short(package: str) -> None:
    """Docstrings aside, and kernels, which are generated: their lines are arguments."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sources(package)
        if package != "momo_kernels" or path.name not in ("kernels.py", "updates.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > LONGEST_FUNCTION
    ]
    assert not long


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without the docstring."""
    assert function.end_lineno
    lines = function.end_lineno - function.body[0].lineno + 1
    return lines - extent(function.body[0]) if ast.get_docstring(function) is not None else lines


def extent(node: ast.stmt | ast.arg) -> int:
    """Lines of a node."""
    assert node.end_lineno
    return node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("folder", BACKENDS, ids=lambda folder: folder.name)
def test_adapters_are_thin(folder: Path) -> None:
    assert len((folder / "adapter.py").read_text(encoding="utf-8").splitlines()) <= LONGEST_ADAPTER


def test_only_generated_files_say_so() -> None:
    for path in (path for package in PACKAGES for path in sources(package)):
        has_template = path.with_name(path.name + TEMPLATE_SUFFIX).exists()
        says_so = HEADER in path.read_text(encoding="utf-8")
        defines_it = path.name == "generate.py" and path.parent.name == "momo_spec"
        assert says_so == (has_template or defines_it), path.relative_to(ROOT)
