"""
The steps on TensorFlow.

Unless XLA compiles a function, each operation of it is a sweep over memory.  So nothing is selected
element by element where a step may not be finite: the result is written under a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext  # not exported

from momo_core import Info, State
from momo_core.step import Step

from .engine import Engine


class UnselectedStep(Step):
    """As `momo_core.step.Step`, but `commit` returns what was computed, finite or not, of each tensor."""

    def commit(self) -> tuple[list[Any], State, Info]:
        """New parameters and averages, and scalars that are the old ones where something is not finite."""
        params, leaves = list(self.params), list(self.state.leaves)
        for index, (leaf, new) in zip(self.moving, self.moved, strict=True):
            params[index] = new
            leaves[index] = {name: leaf[name] for name in leaves[index]}
        return params, *self.report(leaves, self.decide())


class TensorFlowEngine(Engine):
    """The steps of one optimizer on TensorFlow."""

    def means(self, params: Sequence[Any], grads: Sequence[Any], state: State) -> dict[str, Any]:
        """As `Engine.means`."""
        return super().means(params, grads, state) | {"by": Step if by_xla() else UnselectedStep}

    def write(self, info: Info, assign: Callable[[], None]) -> None:
        """As `Engine.write`, only where the step was not skipped."""
        if by_xla():
            assign()
        else:
            tf.cond(info.skipped, lambda: None, assign)


def by_xla() -> bool:
    """Whether XLA compiles what is traced: it selects without a sweep, and copies what a condition writes."""
    compiled: bool = GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())
    return compiled


engine = TensorFlowEngine
