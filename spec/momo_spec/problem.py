"""A run of an optimizer as plain data, and its evaluation step by step."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .arithmetic import Arithmetic, Array, Value
from .batch import Batch
from .branches import branch, is_tie, margin, sides
from .evaluate import Evaluator
from .load import OptimizerSpec


@dataclass(frozen=True)
class Step:
    """
    Inputs of one step.

    Attributes
    ----------
    grads : tuple of arrays or None
        A gradient for each tensor, or None.
    loss : float or None
    hyper : mapping
        Values for this step alone.
    batch : Batch or None
        Tier T3: what loss and gradients follow from; they are empty until `at` fills them in.
    """

    grads: tuple[Array | None, ...]
    loss: float | None
    hyper: Mapping[str, float] = field(default_factory=dict)
    batch: Batch | None = None

    def at(self, params: Sequence[Value], arithmetic: Arithmetic | None = None) -> Step:
        """The step with its loss and gradients at the parameters, and its batch still."""
        if self.batch is None:
            return self
        loss, grads = self.batch.loss_and_gradients(params, arithmetic)
        return replace(self, grads=tuple(grads), loss=loss)


@dataclass(frozen=True)
class Problem:
    """
    Hyper-parameters and start.

    Attributes
    ----------
    hyper : mapping
        By canonical name; the others have their defaults.
    x0 : tuple of arrays, float64
    groups : tuple of mappings
        ``learning_rate`` and ``weight_decay`` of each parameter group; empty if there is one group.
    group_of : tuple of int
        Group of each tensor.
    """

    hyper: Mapping[str, Any]
    x0: tuple[Array, ...]
    groups: tuple[Mapping[str, float], ...] = ()
    group_of: tuple[int, ...] = ()

    @property
    def leaf_hyper(self) -> list[Mapping[str, float]] | None:
        """Hyper-parameters of each tensor, for the evaluator."""
        return [self.groups[index] for index in self.group_of] if self.groups else None


@dataclass(frozen=True)
class Outcome:
    """
    What a step did, numbers of the arithmetic it was evaluated in.

    Attributes
    ----------
    params : list of arrays
    info : dict
    branch : str
        One of `branches.BRANCHES`, or ``idle``.
    margin : float
        Relative distance from a discontinuity, the reset of the lower bound or 0/0 in the adaptive
        momentum; inf without one.
    tie : bool
        Whether the model is exactly at the lower bound, or the Polyak step exactly at the cap.
    sides : tuple of str
        Where the adaptive momentum of each tensor is: one of `branches.SIDES`, or ``first``.
    """

    params: list[Value]
    info: dict[str, Value]
    branch: str
    margin: float
    tie: bool = False
    sides: tuple[str, ...] = ()

    @property
    def skipped(self) -> bool:
        """Whether nothing changed because something was not finite."""
        return self.branch == "skip"


class Run:
    """Evaluate a problem, step by step."""

    def __init__(self, spec: OptimizerSpec, problem: Problem, arithmetic: Arithmetic) -> None:
        self.problem = problem
        self.evaluator = Evaluator(spec, problem.hyper, arithmetic=arithmetic)
        self.params = self.evaluator.start(problem.x0)

    def step(self, step: Step) -> Outcome:
        """Take a step."""
        self.params, info = self._take(self.evaluator, step)
        scope, leaves = self.evaluator.last, self.evaluator.last_leaves
        skipped = info.pop("skipped")
        return Outcome(
            self.params,
            info,
            branch(scope, skipped=skipped),
            margin(scope, leaves, skipped=skipped),
            is_tie(scope, skipped=skipped),
            () if skipped else sides(leaves),
        )

    def fork(self, arithmetic: Arithmetic | None = None) -> Run:
        """Copy that goes its own way from here, in another arithmetic of the same numbers."""
        twin = copy.copy(self)
        twin.evaluator = self.evaluator.fork(arithmetic)
        return twin

    def probe(self, step: Step, arithmetic: Arithmetic) -> dict[str, Value]:
        """Scalars of the step that would be taken; takes none."""
        twin = self.evaluator.fork(arithmetic)
        self._take(twin, step)
        return twin.last

    def _take(self, evaluator: Evaluator, step: Step) -> tuple[list[Value], dict[str, Value]]:
        given = step.at(self.params, evaluator.arithmetic)
        return evaluator.step(
            self.params, given.grads, given.loss, hyper=step.hyper, leaf_hyper=self.problem.leaf_hyper
        )
