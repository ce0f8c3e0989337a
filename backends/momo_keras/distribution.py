"""One step for all replicas of a `tf.distribute` strategy, or all ranks of `torch.distributed`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .namespaces import BACKEND

Step = Callable[[list[Any]], None]
"""Takes gradients and, last, the loss; writes variables."""


def collectively(step: Step, arrays: list[Any]) -> None:
    """
    Call `step` with the gradients and the loss of all replicas, once for all of them.

    JAX adds in the program itself: there `step` is just called.

    Parameters
    ----------
    step : callable
    arrays : list of arrays or None
        Gradients and, last, the loss of this replica; None stays None.
    """
    {"tensorflow": _across_replicas, "torch": _across_ranks}.get(BACKEND, _alone)(step, arrays)


def _alone(step: Step, arrays: list[Any]) -> None:
    step(arrays)


def _across_replicas(step: Step, arrays: list[Any]) -> None:
    """
    Add gradients and loss of TensorFlow's replicas, each divided by their number, and step for all.

    The sums travel in a single all-reduce, because a second one of another shape breaks the
    collectives of TensorFlow on CPU.  The step is taken outside of the replicas, where
    variables may be written in the branches of a condition.
    """
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        step(arrays)
        return
    present = [index for index, array in enumerate(arrays) if array is not None]
    summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, [tf.identity(arrays[index]) for index in present])

    def step_across(strategy: Any, values: list[Any]) -> None:
        for index, value in zip(present, values, strict=True):
            arrays[index] = strategy.experimental_local_results(value)[0]
        step(arrays)

    tf.__internal__.distribute.interim.maybe_merge_call(step_across, replica.strategy, summed)


def _across_ranks(step: Step, arrays: list[Any]) -> None:
    """Average the loss over the ranks, as `DistributedDataParallel` has averaged the gradients."""
    from torch import as_tensor, distributed

    *grads, loss = arrays
    if loss is not None and distributed.is_available() and distributed.is_initialized():
        loss = as_tensor(loss).detach() / distributed.get_world_size()
        distributed.all_reduce(loss)
    step([*grads, loss])
