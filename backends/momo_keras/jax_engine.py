"""The steps on JAX, as `momo_jax` takes them: by its kernels, else block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import Array

from momo_core import KINDS, Kind, Rule, State
from momo_jax.step import BlockStep, UpdateStep
from momo_jax.stepping import is_traced
from momo_jax.suitable import obstacle
from momo_jax.xla import applied

from .engine import Engine, Stepped


class JaxEngine(Engine):
    """The steps of one optimizer on JAX."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self._implementation = "none"
        self._rule: Rule | None = None

    @property
    def implementation(self) -> str:
        """As `Engine.implementation`."""
        return self._implementation

    def step(
        self,
        rule: Rule,
        rows: Sequence[int],
        params: Sequence[Array],
        grads: Sequence[Array],
        loss: Any,
        **groups: Any,
    ) -> Stepped | None:
        """As `Engine.step`; the steps of `momo_jax` return what to add."""
        self._rule = rule
        stepped = super().step(rule, rows, params, grads, loss, **groups)
        assert stepped
        updates, state, info = stepped
        moved = [applied(param, update) for param, update in zip(params, updates, strict=True)]
        return moved, state, info

    def means(self, params: Sequence[Array], grads: Sequence[Array], state: State) -> dict[str, Any]:
        """As `Engine.means`."""
        return super().means(params, grads, state) | {"by": self._taken_by(params, grads, state)}

    def _taken_by(self, params: Sequence[Array], grads: Sequence[Array], state: State) -> type[UpdateStep]:
        assert self._rule
        why = "not compiled"
        if is_traced(params):
            why = obstacle(self._rule, params, grads, state)
        self._implementation = f"generic ({why})" if why else "fused"
        if not why:
            from momo_jax.fused import FusedStep

            return FusedStep
        return BlockStep if KINDS.get(self.kind.name) is self.kind else UpdateStep


engine = JaxEngine
