"""Run a function in several processes of one process group, for a bounded time."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

PATIENCE = timedelta(minutes=4)
"""After this time without an end, a rank is stuck."""


def run_ranks(function: Callable[[int], Any], world: int = 2) -> list[Any]:
    """
    What `function`, of a module, returns for each rank of a gloo group.

    Raises
    ------
    TimeoutError
        If the ranks do not end; they are killed.
    torch.multiprocessing.ProcessRaisedException
        If the function raises on one of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = mp.spawn(_rank, (world, folder, function), nprocs=world, join=False)
        deadline = time.monotonic() + PATIENCE.total_seconds()
        try:
            while not context.join(timeout=1):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{function.__name__} has not ended on all of {world} ranks")
        finally:
            for process in context.processes:
                process.kill()
        return [pickle.loads(_result(folder, rank).read_bytes()) for rank in range(world)]


def _rank(rank: int, world: int, folder: str, function: Callable[[int], Any]) -> None:
    torch.set_num_threads(1)
    meeting = f"file://{folder}/meeting"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=world, timeout=PATIENCE / 2)
    _result(folder, rank).write_bytes(pickle.dumps(function(rank)))
    dist.barrier()
    dist.destroy_process_group()


def _result(folder: str, rank: int) -> Path:
    return Path(folder) / f"result-{rank}"
