"""
Threads for kernels that release the interpreter.

They are Python's own: they may be used from several threads at once, and after a fork the child
starts its own.  A helper that does not get to run delays nobody, because the work is taken piece by
piece and not handed out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache


def together(task: Callable[[], None], helpers: int) -> None:
    """Run a task on this thread and, as far as they are free, on helpers at the same time."""
    futures = _started(task, helpers) if helpers > 0 else []
    task()
    for future in futures:
        if not future.cancel():
            future.result()


def _started(task: Callable[[], None], helpers: int) -> list[Future[None]]:
    try:
        return [_pool().submit(task) for _ in range(helpers)]
    except RuntimeError:
        # The interpreter is shutting down.
        return []


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="momo")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
