"""
Steps by the generated kernels.

The first sweep over the tensors writes nothing.  Whatever is unusual there (a number that is not
finite, or so large that the second sweep might overflow) leaves the step to the generic path, which
has all the branches.  So a step that cannot be taken changes nothing, and the kernels need no second
thoughts.

The second sweep relies on the parameters being finite.  Their absolute values were added up at
the end of the last step, which holds as long as nobody has written to them since; PyTorch counts
the writes, except those through ``.data``.
"""

from __future__ import annotations

import importlib.util
import operator
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor

from momo_core import KINDS, Kind

from . import state
from .plan import Plan, Settings, kernel_table
from .table import Table, UnsuitableError


class FusedSteps:
    """
    The steps of one optimizer, as far as the kernels can take them.

    Parameters
    ----------
    kind : Kind
    wanted : bool, optional
        True: an error where kernels cannot be used; False: never use them; None: use them
        where they can be.

    Attributes
    ----------
    implementation : str
        ``"fused"`` or ``"generic"`` and why, of the last step; ``"none"`` before.

    Raises
    ------
    RuntimeError
        If they are wanted, and there are none.
    """

    def __init__(self, kind: Kind, wanted: bool | None) -> None:
        self.kind, self.wanted = kind, wanted
        self.implementation = "none"
        self.plan: Plan | None = None
        self.versions: list[int] = []
        self.param_size = 0.0
        self.obstacle = "fused=False" if wanted is False else impossible(kind)
        if wanted and self.obstacle:
            raise RuntimeError(f"fused=True: {self.obstacle}")

    def take(
        self,
        groups: Sequence[state.Group],
        states: state.States,
        hypers: list[dict[str, Any]],
        loss: Any,
    ) -> bool:
        """
        Take a step, and say whether it was taken; if not, nothing has changed.

        Raises
        ------
        RuntimeError
            If kernels are wanted, and do not take tensors like these.
        FloatingPointError
            If a parameter became infinite or NaN since the last step, unnoticed by PyTorch.
        """
        obstacle = self.obstacle
        try:
            obstacle = obstacle or self._take(groups, states, hypers, loss)
        except UnsuitableError as reason:
            self.plan = None
            obstacle = str(reason)
            if self.wanted:
                raise RuntimeError(f"fused=True: {obstacle}") from reason
        self.implementation = f"generic ({obstacle})" if obstacle else "fused"
        return not obstacle

    def _take(
        self,
        groups: Sequence[state.Group],
        states: state.States,
        hypers: list[dict[str, Any]],
        loss: Any,
    ) -> str:
        """Take a step; returns why that is not possible, or nothing."""
        if torch.compiler.is_compiling():
            return "the step is being compiled"
        if not is_number(loss):
            return "the loss is no number"
        with np.errstate(all="ignore"):
            self.plan = plan = self._plan_for(groups, states, hypers)
            if plan is None:
                return "no gradient"
            params = plan.table.params
            self._check_size(plan)
            if not plan.prepare(groups[0], None if loss is None else float(loss), self.param_size):
                return "a number is not finite, or very large"
            self.param_size = plan.apply()
            told = plan.report(groups[0]["skipped_steps"])
        torch.autograd.graph.increment_version(params)
        self.versions = [version + 1 for version in self.versions]
        state.report(groups, *told)
        return ""

    def _plan_for(
        self, groups: Sequence[state.Group], states: state.States, hypers: list[dict[str, Any]]
    ) -> Plan | None:
        """The plan of the last step if it still fits, or a new one; None without any gradient."""
        params = state.all_params(groups)
        grads: list[Any] = [param.grad for param in params]
        moving = None
        if not all(map(operator.is_not, grads, repeat(None))):
            moving = [index for index, grad in enumerate(grads) if grad is not None]
            params, grads = [params[index] for index in moving], [grads[index] for index in moving]
        if not params:
            return None
        settings = Settings(
            hypers, [len(group["params"]) for group in groups], moving, groups[0]["on_nonfinite"]
        )
        table = self._table_for(params, grads, list(map(states.__getitem__, params)))
        if self.plan is not None and self.plan.table is table and self.plan.settings == settings:
            return self.plan
        if groups[0]["weight"].dtype != table.dtype:
            raise UnsuitableError("tensors of several dtypes")
        return Plan(self.kind, table, settings)

    def _table_for(self, params: list[Tensor], grads: list[Tensor], owned: list[dict[str, Tensor]]) -> Table:
        """The table of the last step with these gradients, or a new one."""
        if self.plan is not None and self.plan.table.holds(params, owned):
            self.plan.table.update(grads)
            return self.plan.table
        direction, self.versions = self.kind.direction, []
        return Table(params, grads, owned, direction.leaf_state, ("step", *direction.tensor_state))

    def _check_size(self, plan: Plan) -> None:
        """Add up the absolute values of the parameters, unless they are those of the last step."""
        versions = [param._version for param in plan.table.params]
        if versions != self.versions:
            self.versions = versions
            self.param_size = plan.size_of_params()


def impossible(kind: Kind) -> str:
    """Why no step of an optimizer can be taken by kernels; empty if nothing is known yet."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed"
    if KINDS.get(kind.name) is not kind or (kind.name, False) not in kernel_table():
        return f"there are no kernels for {kind.name}"
    return ""


def is_number(loss: Any) -> bool:
    """Whether the loss can be read as a number, or there is none."""
    if isinstance(loss, Tensor):
        return loss.numel() == 1 and loss.is_floating_point()
    return loss is None or (isinstance(loss, int | float) and not isinstance(loss, bool))


def without_tensors(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters with numbers in the place of tensors, which may change where they are."""
    return {name: value.item() if isinstance(value, Tensor) else value for name, value in hyper.items()}
