"""The ways to install the package, each with a program that must run there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

FRAMEWORKS = frozenset({"torch", "jax", "keras", "tensorflow", "optax", "numba"})
"""Modules that only those load who asked for them, by the name of their distribution as well."""


@dataclass(frozen=True)
class Installation:
    """
    The package with some of its extras, in an environment that has nothing else.

    `beside` is what a user installs in addition, `frameworks` what may be there and be loaded;
    `commands` are arguments of the command ``momo``, and `source` is what pip is given.
    """

    name: str
    program: str
    extras: str = ""
    beside: tuple[str, ...] = ()
    frameworks: frozenset[str] = frozenset()
    doctests: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    source: str = "wheel"

    @property
    def path(self) -> Path:
        """Its program."""
        return PROGRAMS / self.program


INSTALLATIONS = (
    Installation("core", "uses_core.py", doctests=("momo_core", "momo_core.own", "momo_core.portable")),
    Installation("reader", "reads_spec.py", source="sdist"),
    Installation(
        "spec",
        "uses_spec.py",
        extras="spec",
        doctests=("momo_spec.kernels", "momo_spec.latex"),
        source="clone",
    ),
    Installation(
        "torch",
        "uses_torch.py",
        extras="torch",
        frameworks=frozenset({"torch"}),
        doctests=("momo_torch",),
    ),
    Installation(
        "torch, fast", "uses_kernels.py", extras="torch,fast", frameworks=frozenset({"torch", "numba"})
    ),
    Installation(
        "torch beside momo-opt",
        "uses_momo_opt.py",
        extras="torch",
        beside=("momo-opt==0.1.0",),
        frameworks=frozenset({"torch"}),
    ),
    Installation(
        "jax",
        "uses_jax.py",
        extras="jax",
        frameworks=frozenset({"jax", "optax"}),
        doctests=("momo_jax",),
    ),
    Installation(
        "keras on jax",
        "uses_keras.py",
        extras="keras",
        beside=("jax",),
        frameworks=frozenset({"keras", "jax"}),
        doctests=("momo_keras",),
        environment={"KERAS_BACKEND": "jax"},
    ),
    Installation(
        "keras on tensorflow",
        "uses_keras.py",
        extras="keras",
        beside=("tensorflow-cpu",),
        frameworks=frozenset({"keras", "tensorflow"}),
        environment={"KERAS_BACKEND": "tensorflow"},
    ),
    Installation(
        "cli",
        "uses_cli.py",
        extras="cli",
        doctests=("momo_cli.bench.command",),
        commands=(("--help",), ("spec", "list"), ("train", "--steps", "3")),
    ),
)
