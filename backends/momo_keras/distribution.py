"""One step for all replicas of a `tf.distribute` strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .namespaces import BACKEND


def collectively(step: Callable[[list[Any]], None], arrays: list[Any]) -> None:
    """
    Call `step` with arrays that are summed over the replicas, once for all of them.

    TensorFlow's replicas each have the gradients of their share of the loss, divided by the
    number of replicas.  The sums travel in a single all-reduce, because a second one of
    another shape breaks the collectives of TensorFlow on CPU.  JAX adds in the program itself,
    and the other backends have no replicas: there `step` is just called.

    Parameters
    ----------
    step : callable
        Takes the arrays; writes variables.
    arrays : list of arrays
        Gradients and loss of this replica.
    """
    if BACKEND != "tensorflow":
        step(arrays)
        return
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        step(arrays)
        return
    summed = replica.all_reduce(tf.distribute.ReduceOp.SUM, [tf.identity(array) for array in arrays])

    def step_across(strategy: Any, values: list[Any]) -> None:
        step([strategy.experimental_local_results(value)[0] for value in values])

    tf.__internal__.distribute.interim.maybe_merge_call(step_across, replica.strategy, summed)
