"""
The base class of the PyTorch optimizers.

The mathematics is in `momo_core`; this file knows how `torch.optim.Optimizer` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import array_api_compat.torch as xp
import torch
from torch.optim.optimizer import ParamsT, StateDict

from momo_core import KINDS, Info, InvalidValueError, Kind, MissingLossError
from momo_core.state import GROUP_HYPER

from . import state
from .fused import FusedSteps, without_tensors
from .loss import Loss, detached, first_given, is_dummy_step, mean_over_ranks
from .settings import Names, canonical_hyper, check_settings, check_shared


class ModelBasedOptimizer(torch.optim.Optimizer):
    """Base of the optimizers of this package."""

    rule_name: ClassVar[str]
    names: ClassVar[Names]

    def __init__(
        self,
        params: ParamsT,
        hyper: Mapping[str, Any],
        *,
        on_nonfinite: str,
        process_group: Any,
        fused: bool | None = None,
    ) -> None:
        defaults = {**hyper, "on_nonfinite": on_nonfinite, "rule": self.rule_name, "fused": fused}
        check_settings(self._kind, self.names, defaults)
        self._fused = FusedSteps(self._kind, fused)
        self._recorded: Loss | None = None
        self._process_group = process_group
        super().__init__(params, defaults)

    def __setstate__(self, contents: dict[str, Any]) -> None:
        super().__setstate__(contents)
        self._recorded = None
        self._process_group = None
        self._fused = FusedSteps(self._kind, self.defaults.get("fused"))

    @property
    def implementation(self) -> str:
        """What took the last step: ``"fused"``, or ``"generic"`` and why; ``"none"`` before the first."""
        return self._fused.implementation

    @property
    def last_info(self) -> Info:
        """What the last step did, as tensors of shape ()."""
        return Info(**{name: self.param_groups[0][state.shown(name)] for name in Info._fields})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """
        Add a parameter group; ``lr`` and ``weight_decay`` may differ from the other groups.

        Raises
        ------
        ValueError, TypeError
            If a setting is invalid, or one differs that all groups must share; nothing
            is added then.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            check_settings(self._kind, self.names, group)
            check_shared(self.names, self.param_groups[0], group)
            self._start(group)
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def record_loss(self, loss: Loss) -> None:
        """
        Hand over the loss where a trainer calls ``step()`` without it.

        Recorded losses add up, as the gradients of their ``backward`` calls do, so record
        the value that was backpropagated.  The next step uses the sum; that step and
        ``zero_grad`` clear it.
        """
        self._recorded = detached(loss) if self._recorded is None else self._recorded + detached(loss)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients and forget the recorded losses."""
        self._recorded = None
        super().zero_grad(set_to_none)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None, *, loss: Loss | None = None) -> Any:
        """
        Take one step.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients again and returns the loss, or None.
        loss : tensor of one element or float, optional
            The loss that was backpropagated.  It wins over recorded losses, and those
            over what the closure returns.

        Returns
        -------
        object
            What the closure returned, or `loss` without a closure.

        Raises
        ------
        ValueError
            If there is no loss, or it is not a scalar; nothing is written then.
        TypeError
            If the loss is not a real number.
        RuntimeError
            If a gradient is sparse.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the loss, a gradient or the result is not finite.
        """
        closed = loss
        if closure is not None:
            with torch.enable_grad():
                closed = closure()
        given = first_given(loss, self._recorded, closed)
        if self._kind.model.needs_loss and given is None:
            if is_dummy_step(self.param_groups):
                return closed
            raise MissingLossError(
                f"{type(self).__name__} needs the loss: call step(loss=loss) or step(closure), or "
                "record_loss(loss) where a trainer calls step()",
                "E_LOSS_MISSING",
            )
        self._take_step(given)
        self._recorded = None
        return closed

    def load_state_dict(self, state_dict: StateDict) -> None:
        """
        Load a state that `state_dict` returned.

        Raises
        ------
        ValueError
            If it is the state of another rule, or a setting is invalid; nothing is loaded
            then.
        """
        for group in state_dict["param_groups"]:
            if group.get("rule") != self.rule_name:
                raise InvalidValueError(
                    f"a state of {group.get('rule')!r} cannot be loaded into {self.rule_name!r}",
                    "E_STATE_RULE",
                )
            check_settings(self._kind, self.names, group)
        super().load_state_dict(state_dict)
        indices = [index for group in state_dict["param_groups"] for index in group["params"]]
        saved = [state_dict["state"].get(index) for index in indices]
        state.restore(self._kind, self.param_groups, self.state, saved)

    @property
    def _kind(self) -> Kind:
        return KINDS[self.rule_name]

    def _start(self, group: dict[str, Any]) -> None:
        """State of a new group."""
        group["params"] = list(dict.fromkeys(group["params"]))
        state.start(self._kind.rule(canonical_hyper(group, self.names)), self.param_groups, self.state)

    def _take_step(self, loss: Any) -> None:
        """Let the kernels or the core compute everything, then write it."""
        groups, first = self.param_groups, self.param_groups[0]
        if self._kind.model.needs_loss:
            loss = mean_over_ranks(loss, first["weight"], self._process_group)
        else:
            loss = None
        hypers = [canonical_hyper(group, self.names) for group in groups]
        if self._fused.take(groups, self.state, [without_tensors(hyper) for hyper in hypers], loss):
            return
        params = state.all_params(groups)
        grads = [param.grad for param in params]
        if any(grad is not None and grad.is_sparse for grad in grads):
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
        moved, new, info = self._kind.rule(hypers[0], first["on_nonfinite"]).step(
            params,
            grads,
            loss,
            state.read(self._kind, groups, self.state),
            xp=xp,
            groups=[{name: hyper[name] for name in GROUP_HYPER} for hyper in hypers],
            group_of=[index for index, group in enumerate(groups) for _ in group["params"]],
            fresh=[self.state[param]["step"] == 0 for param in params],
        )
        state.write(groups, self.state, moved, new, info)
