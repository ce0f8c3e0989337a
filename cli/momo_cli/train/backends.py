"""The backends that can train, and the subprocess environment that each needs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


class UnavailableError(Exception):
    """The backend cannot run what was asked for on this machine."""


@dataclass(frozen=True)
class Backend:
    """
    One way to train.

    `module` holds its function ``run(task, recorder)``; `packages` must be importable. `finest` is
    the finest floating-point type in which it computes losses and gradients.
    """

    name: str
    module: str
    packages: tuple[str, ...]
    finest: str = "float64"

    def missing_packages(self) -> list[str]:
        """Return the packages that are not installed here."""
        return [package for package in self.packages if find_spec(package) is None]

    def environment(self, *, dtype: str = "float32", device: str = "cpu") -> dict[str, str]:
        """Return the environment variables of its process."""
        variables = dict.fromkeys(ONE_THREAD, "1")
        variables |= {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
        variables |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
        variables["JAX_ENABLE_X64"] = str(dtype == "float64")
        if self.name.startswith("keras-"):
            variables["KERAS_BACKEND"] = self.name.removeprefix("keras-")
        if device == "cpu":
            variables |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
        return variables

    def accuracy(self, dtype: str) -> str:
        """Return the floating-point type whose rounding errors the backend is held to."""
        return dtype if self.finest == "float64" else self.finest


BACKENDS = {
    backend.name: backend
    for backend in (
        Backend("numpy", "momo_cli.train.run_numpy", ("numpy",)),
        Backend("torch", "momo_cli.train.run_torch", ("torch",)),
        Backend("jax", "momo_cli.train.run_jax", ("jax", "optax")),
        Backend("keras-tensorflow", "momo_cli.train.run_keras", ("keras", "tensorflow")),
        Backend("keras-jax", "momo_cli.train.run_keras", ("keras", "jax"), finest="float32"),
        Backend("keras-torch", "momo_cli.train.run_keras", ("keras", "torch"), finest="float32"),
    )
}

REFERENCE = Backend("reference", "momo_cli.train.reference", ())
"""The spec in float64, and what rounding errors do to it; runs as the backends do."""
