"""
The base class of the PyTorch optimizers.

The mathematics is in `momo_core`; this file knows how `torch.optim.Optimizer` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

import torch
from torch.optim.optimizer import ParamsT, StateDict

from momo_core import KINDS, Info, Kind
from momo_core.state import GROUP_HYPER

from . import checkpoint, portable, state
from .engine import StreamedOptimizer, engine
from .fused import FusedOptimizer
from .loss import Loss, changes_nothing, check_closure, missing_loss
from .refusals import refuse_partial_optimizers, refuse_sparse
from .settings import (
    Conventions,
    Names,
    canonical_hyper,
    check_conventions,
    check_group,
    check_settings,
    drop_duplicates,
)
from .sharding import adding_ranks, local, local_grad, reduction_of


class ModelBasedOptimizer(FusedOptimizer, StreamedOptimizer):
    """
    Base of the optimizers of this package.

    A step reads no value on the host, unless ``on_nonfinite`` is "raise", and writes in place: a
    CUDA graph may capture it, and ``torch.compile(optimizer.step, fullgraph=True)`` compiles it
    once where learning rates are tensors, and once more where one is a number that changes.
    """

    rule_name: ClassVar[str]
    names: ClassVar[Names]

    def __init__(
        self,
        params: ParamsT,
        hyper: Mapping[str, Any],
        *,
        on_nonfinite: str,
        process_group: Any,
        **conventions: Unpack[Conventions],
    ) -> None:
        refuse_partial_optimizers(type(self).__name__)
        check_conventions(**conventions)
        defaults = {
            **hyper,
            "on_nonfinite": on_nonfinite,
            "rule": self.rule_name,
            "format": checkpoint.FORMAT,
            "capturable": True,
            "differentiable": False,
        }
        check_settings(self._kind, self.names, defaults)
        self._forget_loss()
        self._prepare_kernels(self._kind, conventions.get("fused"))
        self._foreach, self._process_group = conventions.get("foreach"), process_group
        super().__init__(params, defaults)

    def __setstate__(self, contents: dict[str, Any]) -> None:
        super().__setstate__(contents)
        self._forget_loss()
        self._prepare_kernels(self._kind, self._fused)
        self.__dict__.setdefault("_process_group", None)
        self._adds = adding_ranks(state.all_params(self.param_groups), self._process_group)

    @property
    def last_info(self) -> Info:
        """What the last step did, as tensors of shape ()."""
        return state.info(self.param_groups[0])

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
            check_group(self._kind, self.names, self.param_groups[0], group)
            self._check_kernels()
            self._start(group)
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

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
            If there are gradients and no loss, or it is not a scalar; nothing is written then.
        TypeError
            If the loss is not a real number, or is given in the place of the closure.
        RuntimeError
            If a gradient is sparse, or a compiled step finds a recorded loss.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the loss, a gradient or the result is not finite.
        """
        closed = loss
        if closure is not None:
            check_closure(type(self).__name__, closure)
            with torch.enable_grad():
                closed = closure()
        given = self._given_loss(loss, closed)
        if self._kind.model.needs_loss and given is None:
            if changes_nothing(self.param_groups):
                return closed
            raise missing_loss(type(self).__name__)
        self._take_step(given)
        self._forget_loss()
        return closed

    def load_state_dict(self, state_dict: StateDict) -> None:
        """
        Load a state that `state_dict` returned.

        Raises
        ------
        ValueError
            If it is the state of another rule, of a newer format or of other tensors, or
            a setting is invalid; nothing is loaded then.

        Warns
        -----
        UserWarning
            If it is of an older format; what it lacks takes its first value.
        """
        with checkpoint.loading(self, self._kind, self.names) as lacking:
            super().load_state_dict(state_dict)
        checkpoint.warn_of(lacking)

    portable_state = portable.portable_state
    load_portable_state = portable.load_portable_state

    @property
    def _kind(self) -> Kind:
        return KINDS[self.rule_name]

    def _start(self, group: dict[str, Any]) -> None:
        """State of a new group."""
        drop_duplicates(group)
        self._adds = adding_ranks(state.all_params(self.param_groups), self._process_group)
        state.start(self._kind.rule(canonical_hyper(group, self.names)), self.param_groups, self.state)

    def _take_step(self, loss: Any) -> None:
        """Let the core compute everything, then write it, unless the kernels do both."""
        groups, first = self.param_groups, self.param_groups[0]
        hypers = [canonical_hyper(group, self.names) for group in groups]
        if self._step_by_kernels(hypers, loss):
            return
        params = state.all_params(groups)
        held, grads = [local(param) for param in params], [local_grad(param) for param in params]
        refuse_sparse(type(self).__name__, grads)
        old = state.read(self._kind, groups, self.state)
        moved, new, info = self._kind.rule(hypers[0], first["on_nonfinite"]).step(
            held,
            grads,
            loss,
            old,
            **engine(self._kind, held, grads, old, self._foreach),
            groups=[{name: hyper[name] for name in GROUP_HYPER} for hyper in hypers],
            group_of=[index for index, group in enumerate(groups) for _ in group["params"]],
            fresh=(torch.stack([self.state[param]["step"] for param in params]) == 0).unbind(),
            reduction=reduction_of(self._process_group, self._adds),
        )
        state.write(groups, self.state, moved, new, info)
