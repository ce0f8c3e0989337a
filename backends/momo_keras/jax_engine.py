"""The steps on JAX, as `momo_jax` takes them: block by block, with nothing large between the phases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import Array

from momo_core import KINDS, Rule, State
from momo_jax.step import BlockStep, UpdateStep
from momo_jax.xla import applied

from .engine import Engine, Stepped


class JaxEngine(Engine):
    """The steps of one optimizer on JAX."""

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
        stepped = super().step(rule, rows, params, grads, loss, **groups)
        assert stepped
        updates, state, info = stepped
        moved = [applied(param, update) for param, update in zip(params, updates, strict=True)]
        return moved, state, info

    def means(self, params: Sequence[Array], grads: Sequence[Array], state: State) -> dict[str, Any]:
        """As `Engine.means`."""
        by = BlockStep if KINDS.get(self.kind.name) is self.kind else UpdateStep
        return super().means(params, grads, state) | {"by": by}


engine = JaxEngine
