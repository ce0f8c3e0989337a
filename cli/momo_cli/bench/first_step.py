"""
How long the first step of a rule's kernels takes, in processes of their own.

Cold is a process with an empty cache of compiled kernels, cached the next one with that cache.  Each
has PyTorch and `momo_torch` imported, and has made an optimizer of PyTorch, for whose first one of any
class PyTorch imports its compiler.  What kernels import is part of the figure.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

SHAPES = ((32, 32), (32,))
READY = ["momo_torch"]


@dataclass(frozen=True)
class FirstStep:
    """Seconds from the making of an optimizer to the end of its first step."""

    rule: str
    cold: float
    cached: float


def first_step(rule: str) -> FirstStep:
    """Measure a rule of `momo_torch` that has kernels."""
    with tempfile.TemporaryDirectory() as cache:
        return FirstStep(rule, seconds(rule, cache), seconds(rule, cache))


LIMIT = 300
"""Seconds after which a first step is given up."""


def seconds(rule: str, cache: str) -> float:
    """Seconds that the first step takes a process with this cache."""
    # Where there is no forkserver, each process imports PyTorch, before the clock starts.
    known = "forkserver" in multiprocessing.get_all_start_methods()
    multiprocessing.set_forkserver_preload(READY)
    context = multiprocessing.get_context("forkserver" if known else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(  # type: ignore[attr-defined]
        target=_take, args=(theirs, rule, cache), daemon=True
    )
    process.start()
    theirs.close()
    try:
        if not ours.poll(LIMIT):
            raise RuntimeError(f"the first step of {rule} took more than {LIMIT} s")
        found: float = ours.recv()
    except EOFError:
        raise RuntimeError(f"the first step of {rule} failed") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    return found


def _take(connection: Connection, rule: str, cache: str) -> None:
    os.environ["NUMBA_CACHE_DIR"] = cache
    import torch

    from .cases_torch import own_optimizer, parameters

    params = parameters(SHAPES, "cpu")
    torch.optim.SGD(params)
    start = time.perf_counter()
    own_optimizer(rule, params, fused=True).step(loss=1.0)
    connection.send(time.perf_counter() - start)
