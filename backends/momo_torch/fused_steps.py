"""
The steps of one optimizer, as far as the kernels can take them.

The first sweep over the tensors writes nothing.  Whatever is unusual there (a number that is not
finite, or so large that the second sweep might overflow) leaves the step to the generic path, which
has all the branches.  So a step that cannot be taken changes nothing, and the kernels need no second
thoughts.

Parameters are read beforehand where PyTorch counts a write to them since the last step, or where their
memory is another one.  It does not count writes in place through ``.data``, nor through what else has that
memory: a number that is not finite and was written so to a large tensor, while loss and gradients stay
finite, is found by the second sweep.  That step moves all else, and leaves the next one to the generic path.
"""

from __future__ import annotations

import importlib.util
import numbers
import operator
from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from torch import Tensor

from momo_core import KINDS, InvalidValueError, Kind

from . import state
from .engine import is_traced
from .plan import Plan, Settings, kernel_table
from .suitable import UnsuitableError, check_first, same
from .table import ScalarViews, Table


class FusedSteps:
    """
    The steps of one optimizer, as far as the kernels can take them.

    Parameters
    ----------
    kind : Kind
    obstacle : str
        Why the kernels can take none; empty if nothing is known yet.

    Attributes
    ----------
    implementation : str
        ``"fused"`` or ``"generic"`` and why, of the last step; ``"none"`` before.
    """

    def __init__(self, kind: Kind, obstacle: str = "") -> None:
        self.kind, self.scalar_keys = kind, state.scalar_keys(kind)
        self.obstacle = obstacle
        self.implementation = f"generic ({obstacle})" if obstacle else "none"
        self.plan: Plan | None = None
        self.views: ScalarViews | None = None

    def require(self) -> None:
        """
        Check that there are kernels.

        Raises
        ------
        InvalidValueError
        """
        self.obstacle = self.obstacle or lacking(self.kind)
        if self.obstacle:
            raise unusable(self.obstacle)

    def take(
        self,
        groups: Sequence[state.Group],
        states: state.States,
        hypers: Sequence[Mapping[str, Any]],
        loss: Any,
        *,
        alone: bool,
    ) -> bool:
        """
        Take a step, and say whether it was taken; if not, nothing has changed.

        Parameters
        ----------
        groups : sequence of dict
        states : mapping of tensor to dict
        hypers : sequence of mappings
            Hyper-parameters of each group.
        loss : tensor of one element, float or None
        alone : bool
            Whether no other rank takes part: the kernels average no loss.
        """
        try:
            if is_traced():
                raise UnsuitableError("the step is traced")
            if not alone:
                raise UnsuitableError("several ranks step together")
            with np.errstate(all="ignore"):
                plan = self._plan_for(groups, states, hypers)
                scalars = self._scalars(groups[0], plan.table)
                if not plan.prepare(scalars, self._number(loss)):
                    raise UnsuitableError("a number is not finite, or very large")
                plan.apply(scalars)
        except UnsuitableError as reason:
            self.implementation = f"generic ({reason})"
            return False
        self.implementation = "fused"
        return True

    def _number(self, loss: Any) -> float | None:
        """The loss as a number; None for a rule that needs none."""
        if not self.kind.model.needs_loss:
            return None
        if type(loss) is Tensor and loss.numel() == 1 and loss.is_floating_point():
            return float(loss)
        if isinstance(loss, numbers.Real) and not isinstance(loss, bool):
            return float(loss)
        raise UnsuitableError("the loss is no number")

    def _scalars(self, group: state.Group, table: Table) -> Mapping[str, Any]:
        """The scalars of a parameter group, as arrays on the same memory."""
        names = [name for name in self.scalar_keys if group[name] is not None]
        tensors = [group[name] for name in names]
        if self.views is None or not self.views.holds(tensors):
            self.views = ScalarViews(names, tensors, table.dtype)
        return self.views.arrays

    def _plan_for(
        self, groups: Sequence[state.Group], states: state.States, hypers: Sequence[Mapping[str, Any]]
    ) -> Plan:
        """The plan of the last step if it still fits, or a new one."""
        params = state.all_params(groups)
        check_first(params)
        grads: list[Any] = [param.grad for param in params]
        moving = None
        if not all(map(operator.is_not, grads, repeat(None))):
            moving = [index for index, grad in enumerate(grads) if grad is not None]
            params, grads = [params[index] for index in moving], [grads[index] for index in moving]
        if not params:
            raise UnsuitableError("no gradient")
        table = self._table_for(params, grads, owned_by(params, states))
        sizes, policy = [len(group["params"]) for group in groups], groups[0]["on_nonfinite"]
        settings = Settings(list(map(without_tensors, hypers)), sizes, moving, policy)
        if self.plan is None or self.plan.table is not table:
            self._look_up()
            self.plan = Plan(self.kind, table, settings)
        elif self.plan.settings != settings:
            self.plan.adopt(settings)
        return self.plan

    def _look_up(self) -> None:
        """Import the kernels; without success this is not tried again."""
        self.obstacle = lacking(self.kind)
        if self.obstacle:
            raise UnsuitableError(self.obstacle)

    def _table_for(self, params: list[Tensor], grads: list[Tensor], owned: list[dict[str, Tensor]]) -> Table:
        """The table of the last step with these gradients, or a new one."""
        if self.plan is not None and self.plan.table.holds(params, owned):
            self.plan.table.update(grads)
            return self.plan.table
        self.plan, direction = None, self.kind.direction
        return Table(params, grads, owned, direction.leaf_state, ("step", *direction.tensor_state))


def owned_by(params: list[Tensor], states: state.States) -> list[dict[str, Tensor]]:
    """The state of each parameter; in the usual order without a look-up for each."""
    return list(states.values()) if same(list(states), params) else list(map(states.__getitem__, params))


def unusable(reason: object) -> InvalidValueError:
    """The error of ``fused=True`` where there are no kernels."""
    return InvalidValueError(f"Invalid fused: {reason}", "E_FUSED")


def lacking(kind: Kind) -> str:
    """Why there are no kernels for an optimizer; empty if there are."""
    if importlib.util.find_spec("numba") is None:
        return "numba is not installed"
    try:
        table = kernel_table()
    except ImportError as error:
        return f"numba cannot be imported: {error}"
    known = KINDS.get(kind.name) is kind and (kind.name, False) in table
    return "" if known else f"there are no kernels for {kind.name}"


def without_tensors(hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Hyper-parameters with numbers in the place of tensors, which may change where they are."""
    return {name: value.item() if isinstance(value, Tensor) else value for name, value in hyper.items()}
