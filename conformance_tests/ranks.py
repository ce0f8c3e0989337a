"""Run functions in several processes of one process group, for a bounded time."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from datetime import timedelta
from functools import cache
from multiprocessing.util import Finalize
from typing import Any

import torch
import torch.distributed as dist

PATIENCE = timedelta(minutes=4)
"""After this time without an end, a rank is stuck."""

WORLD = 2


def run_ranks(function: Callable[[int], Any]) -> list[Any]:
    """
    What `function`, of a module, returns for each rank of a gloo group, the same for all calls.

    Raises
    ------
    TimeoutError
        If the ranks do not end; they are killed.
    Exception
        What the function raises on one of them; the next call has new ranks.
    """
    ranks = processes()
    results = [process.submit(_result, function, rank) for rank, process in enumerate(ranks)]
    done, stuck = wait(results, PATIENCE.total_seconds(), FIRST_EXCEPTION)
    failed = [result for result in done if result.exception()]
    if failed or stuck:
        end(ranks)
    if stuck and not failed:
        raise TimeoutError(f"{function.__name__} has not ended on all of {WORLD} ranks")
    return [result.result() for result in failed or results]


@cache
def processes() -> tuple[ProcessPoolExecutor, ...]:
    """A process for each rank, in which PyTorch is imported once for all calls."""
    folder = tempfile.mkdtemp()
    ranks = tuple(
        ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_join, initargs=(rank, f"{folder}/meeting")
        )
        for rank in range(WORLD)
    )
    # Where this is a process of a pool, it runs no atexit functions, and joins the ranks before it ends them.
    Finalize(None, _leave, (ranks, folder), exitpriority=1)
    return ranks


def _leave(ranks: tuple[ProcessPoolExecutor, ...], folder: str) -> None:
    end(ranks)
    shutil.rmtree(folder, ignore_errors=True)


def end(ranks: tuple[ProcessPoolExecutor, ...]) -> None:
    """Kill processes, one of which may wait for the other."""
    processes.cache_clear()
    for rank in ranks:
        for process in list(rank._processes.values()):
            process.kill()


def _join(rank: int, meeting: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=WORLD, timeout=PATIENCE / 2
    )


def _result(function: Callable[[int], Any], rank: int) -> Any:
    result = function(rank)
    dist.barrier()
    return result
