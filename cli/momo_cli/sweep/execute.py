"""Do the runs, in this process, in several, or on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from momo_cli.sweep.runs import Record, Run, train
from momo_cli.train.backends import BACKENDS, UnavailableError

RUNS_PER_WORKER = 8
"""In a slice of what is given to a cluster."""


def execute(runs: Sequence[Run], *, jobs: int, ray: bool) -> Iterator[Record]:
    """
    Yield the records of the runs as they finish.

    One job works in this process, several in processes of joblib; with `ray` all runs go to a cluster,
    that of ``RAY_ADDRESS`` or one of this machine.

    Raises
    ------
    UnavailableError
        If Ray is not installed, or Keras runs on another backend in this process already.
    """
    from joblib import Parallel, delayed

    if not runs:
        return
    with _environment(runs[0].backend) as variables:
        _check_keras(runs[0].backend)
        if ray:
            yield from _on_cluster(runs, variables)
        else:
            parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
            yield from parallel(map(delayed(train), runs))


def _on_cluster(runs: Sequence[Run], variables: dict[str, str]) -> Iterator[Record]:
    """Work in slices: joblib's backend for Ray returns nothing before all that it was given is done."""
    from joblib import Parallel, delayed, effective_n_jobs

    with _cluster(variables):
        size = RUNS_PER_WORKER * effective_n_jobs(-1)
        for start in range(0, len(runs), size):
            yield from Parallel(n_jobs=-1)(map(delayed(train), runs[start : start + size]))


@contextmanager
def _environment(backend: str) -> Iterator[dict[str, str]]:
    """Set the environment variables of a backend, which new processes inherit."""
    variables = BACKENDS[backend].environment()
    variables["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield variables
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _cluster(variables: dict[str, str]) -> AbstractContextManager[Any]:
    if not find_spec("ray"):
        raise UnavailableError("ray is not installed")
    import ray
    from joblib import parallel_config
    from ray.util.joblib import register_ray

    if not ray.is_initialized():
        ray.init(runtime_env={"env_vars": variables}, log_to_driver=False)
    register_ray()
    workers: AbstractContextManager[Any] = parallel_config(backend="ray")
    return workers


def _check_keras(backend: str) -> None:
    """Keras reads its backend when it is imported, once in a process."""
    keras = sys.modules.get("keras")
    if backend.startswith("keras-") and keras and f"keras-{keras.backend.backend()}" != backend:
        raise UnavailableError(f"Keras runs on {keras.backend.backend()} in this process already")
