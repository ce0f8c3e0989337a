"""
The steps on torch, as `momo_torch` takes them: by its kernels, else by its sweeps over chunks.

Both write in place, on the memory of the variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from keras.src.backend.common.stateless_scope import in_stateless_scope  # Keras exports no such question
from torch import Tensor

from momo_core import Kind, Rule, State
from momo_torch.engine import engine as chunked
from momo_torch.engine import is_traced
from momo_torch.fused import excluded
from momo_torch.fused_steps import FusedSteps
from momo_torch.state import Group, scalar_keys, shown

from .engine import Engine, Stepped
from .namespaces import value_of
from .slots import Slots


class TorchEngine(Engine):
    """The steps of one optimizer on torch."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._kernels = FusedSteps(kind, excluded(None))
        self._memory: Memory | None = None

    @property
    def implementation(self) -> str:
        """As in `momo_torch`."""
        return self._kernels.implementation

    @torch.no_grad()
    def step(
        self,
        rule: Rule,
        rows: Sequence[int],
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        loss: Any,
        **groups: Any,
    ) -> Stepped | None:
        """As `Engine.step`."""
        if not self._kernels.obstacle and self._taken(rule, rows, params, grads, loss, **groups):
            return None
        return super().step(rule, rows, params, grads, loss, **groups)

    def means(self, params: Sequence[Tensor], grads: Sequence[Tensor], state: State) -> dict[str, Any]:
        """As `Engine.means`."""
        if self._elsewhere():
            return super().means(params, grads, state)
        return chunked(self.kind, params, grads, state, None)

    def _taken(
        self,
        rule: Rule,
        rows: Sequence[int],
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        loss: Any,
        groups: Sequence[Group],
        group_of: Sequence[int],
    ) -> bool:
        """Take a step by the kernels, and say whether it was taken; if not, nothing has changed."""
        obstacle = self._elsewhere() or mixed(params, grads)
        if obstacle:
            self._kernels.implementation = f"generic ({obstacle})"
            return False
        if self._memory is None or not self._memory.is_of(rows, params):
            self._memory = Memory(self.kind, self.slots, rows, params, group_of)
        return self._memory.step(self._kernels, rule, grads, loss, groups)

    def _elsewhere(self) -> str:
        """Why a step may not write where the arrays are that it is given; empty if it may."""
        if is_traced():
            return "the step is traced"
        if in_stateless_scope():
            return "the step is stateless"
        # Such an average is a new array in the state.
        return "an average starts at its variable" if self.slots.starts_at_param else ""


def mixed(params: Sequence[Tensor], grads: Sequence[Tensor]) -> str:
    """Why PyTorch would not take gradients as those of parameters; empty if it would."""
    alike = all(
        grad.dtype == param.dtype and grad.device == param.device
        for param, grad in zip(params, grads, strict=True)
    )
    return "" if alike else "gradients of another dtype or device"


class Memory:
    """
    The memory of variables, as the tensors, parameter groups and states of an optimizer of PyTorch.

    Parameters
    ----------
    kind : Kind
    slots : Slots
    rows : sequence of int
        The model variables.
    params : sequence of tensors
        Their memory.
    group_of : sequence of int
        Group of each of them.
    """

    def __init__(
        self, kind: Kind, slots: Slots, rows: Sequence[int], params: Sequence[Tensor], group_of: Sequence[int]
    ) -> None:
        self.rows, self.params = list(rows), list(params)
        self.pointers = list(map(Tensor.data_ptr, params))
        self.started = value_of(slots.started)
        self.counters = torch.zeros(len(self.started), device=self.started.device)
        members = [[param for param, of in zip(params, group_of, strict=True) if of == i] for i in range(2)]
        self.groups: list[Group] = [{"params": some} for some in members]
        owned = {
            param: {"step": self.counters[row]}
            | {name: value_of(slot) for name, slot in slots.leaves[row].items()}
            for row, param in zip(rows, params, strict=True)
        }
        self.states = {param: owned[param] for some in members for param in some}
        named = {shown(name): value_of(slot) for name, slot in slots.shown.items()}
        # Keras shows the bound among the scalars; a variable for it would change what is saved.
        unshown = torch.zeros_like(named["weight"])
        self.groups[0] |= {name: named.get(name, unshown) for name in scalar_keys(kind)}

    def is_of(self, rows: Sequence[int], params: Sequence[Tensor]) -> bool:
        """Whether this is the memory of these variables; a model may have been moved to another."""
        return list(rows) == self.rows and list(map(Tensor.data_ptr, params)) == self.pointers

    def step(
        self, kernels: FusedSteps, rule: Rule, grads: Sequence[Tensor], loss: Any, groups: Sequence[Group]
    ) -> bool:
        """Take a step by the kernels, and say whether it was taken; if not, nothing has changed."""
        self.groups[0]["on_nonfinite"] = rule.on_nonfinite
        self.counters.copy_(self.started)
        hypers = [{**rule.hyper, **group} for group in groups]
        with self._given(grads):
            taken = kernels.take(self.groups, self.states, hypers, loss, alone=True)
        if taken:
            self.started.copy_(self.counters)
        return taken

    @contextmanager
    def _given(self, grads: Sequence[Tensor]) -> Iterator[None]:
        """With these gradients, for the time of a step; then those of the caller are back."""
        own = [param.grad for param in self.params]
        try:
            self._give(grads)
            yield
        finally:
            self._give(own)

    def _give(self, grads: Sequence[Tensor | None]) -> None:
        for param, grad in zip(self.params, grads, strict=True):
            param.grad = grad


engine = TorchEngine
