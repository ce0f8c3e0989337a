"""A step whose sweeps over the tensors are generated kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from momo_core import Info, State
from momo_core.arrays import all_finite, infinite_unless_finite
from momo_core.direction import Leaf, Scalars
from momo_core.overflow import growth_of, stays_finite
from momo_core.phases import SUMS
from momo_core.step import Store

from .calls import Swept, row, sweep, table
from .step import UpdateStep

PARTS = 64
"""So many calls share the writing of a step: what one returns is read while the next ones work."""

SMALL = 1 << 16
"""Elements that are written by one call in any case."""


class FusedStep(UpdateStep):
    """
    The same by sweeps that add up first, and write when the step is known to be finite.

    The sums prove nearly always that nothing can overflow; where they do not, a sweep that writes nothing
    computes the change of the model first.
    """

    def begin(self, *arguments: Any) -> None:
        """As in the core."""
        super().begin(*arguments)
        self.kinds = list({id(group): group for group in self.groups}.values())
        decays = any(group.decay is not None for group in self.kinds)
        self.calls = table()[self.rule.name, decays]
        self.own = self._own({name: jnp.zeros_like(self.like) for name in self.calls.chosen})
        self.columns = [
            [self.params[index] for index in self.moving],
            [self.grads[index] for index in self.moving],
            *([leaf[name] for leaf in self.leaves] for name in self.calls.averages),
        ]

    def measure(self) -> None:
        """As in the core."""
        choose = self.rule.direction.choose
        if choose is None:
            return
        assert self.calls.measure
        swept = self._read(self.calls.measure, self._yes)
        if self.by_tensor:
            self.checked.append(jnp.sum(infinite_unless_finite(swept.each, xp=jnp)))
            chosen = choose(self.scope, list(swept.each), self.hyper, xp=jnp)
            self.scope |= {name: jnp.sum(values) / len(self.moving) for name, values in chosen.items()}
        else:
            chosen = self.choose_shared([list(swept.sums)], self.moving[:1])[0]
        self.own = self._own(chosen)

    def accumulate(self) -> None:
        """As in the core."""
        call = self.calls.accumulate
        swept = self._read(call, self._yes)
        self.sums = dict(zip(call.sums, swept.sums, strict=True))
        zero = jnp.zeros_like(self.like)
        watched = [f"size_{name}" for name in self.rule.direction.watched]
        self.solve_from([[self.sums.get(name, zero) for name in (*SUMS, *watched)]], self.moving[:1])

    def apply(self, store: Store | None) -> None:
        """As in the core; all is written here, or nothing."""
        del store
        likely = all_finite(self.checked, xp=jnp)
        certain = self._stays_finite()
        foreseen = self._read(self.calls.foresee, likely & ~certain).sums[0]
        self.predict_from([[foreseen]], self.moving[:1])
        self.finite = all_finite(self.checked, xp=jnp)
        self.written, change = self._write()
        self.predict(change)

    def commit(self) -> tuple[list[Any], State, Info]:
        """As in `UpdateStep`."""
        updates: list[Any] = [None] * len(self.params)
        leaves = list(self.state.leaves)
        for index, (update, leaf) in zip(self.moving, self._results(), strict=True):
            updates[index] = jnp.where(self.finite, update, -jnp.zeros_like(update))
            leaves[index] = {name: leaf[name] for name in leaves[index]}
        return updates, *self.report(leaves, self.finite)

    def _results(self) -> Iterator[tuple[Array, Leaf]]:
        """Update and state of each tensor with a gradient."""
        start = 0
        for swept in self.written:
            for at, update in enumerate(swept.updates):
                old = self.leaves[start + at]
                numbers = zip(self.calls.tensor_state, swept.new[:, at], strict=True)
                leaf = {name: jnp.where(self.finite, new, old[name]) for name, new in numbers}
                averages = zip(self.calls.averages, swept.averages, strict=True)
                yield update, leaf | {name: column[at] for name, column in averages}
            start += len(swept.updates)

    def _read(self, call: Any, wanted: Array) -> Swept:
        """A sweep over all tensors that only adds up."""
        nothing = jnp.zeros((len(call.sums),), self.like.dtype)
        return sweep(call, self._scalars(), self.own, nothing, self.columns, wanted=wanted)

    def _write(self) -> tuple[list[Swept], Array]:
        """The writing sweep over parts of the tensors, and by how much it changes the model."""
        call, scalars = self.calls.update, self._scalars()
        written, change = [], jnp.zeros((len(call.sums),), self.like.dtype)
        for part in parts([param.size for param in self.columns[0]]):
            swept = sweep(
                call,
                scalars,
                self.own[part],
                # Each part needs the sums of the last one: otherwise XLA would have all updates in memory
                # before it adds the first one to a parameter.
                change,
                [column[part] for column in self.columns],
                wanted=self.finite,
                numbers=len(self.calls.tensor_state),
                writes=True,
            )
            written.append(swept)
            change = swept.sums
        return written, change[0]

    def _scalars(self) -> Array:
        """Numbers that all tensors share; what a sweep does not need may be unknown yet."""
        values = [
            self.scope[name] if name in self.scope else self.hyper.get(name, 0) for name in self.calls.scalars
        ]
        return row(values, self.like)

    def _own(self, chosen: Scalars) -> Array:
        """The numbers that each tensor has for itself, shape (tensors, numbers)."""
        columns = [self._column(name, chosen).astype(self.like.dtype) for name in self.calls.own]
        return jnp.stack(columns, axis=1) if columns else jnp.zeros((len(self.moving), 0), self.like.dtype)

    def _column(self, name: str, chosen: Scalars) -> Array:
        """A number of each tensor."""
        if name == "fresh":
            return jnp.stack(self.fresh)
        if name in chosen:
            return jnp.broadcast_to(chosen[name], (len(self.moving),))
        if name in self.calls.tensor_state:
            return jnp.stack([leaf[name] for leaf in self.leaves])
        values = [getattr(group, name) for group in self.kinds]
        numbers = row([0 if value is None else value for value in values], self.like)
        return numbers[np.array([list(map(id, self.kinds)).index(id(group)) for group in self.groups])]

    @property
    def _yes(self) -> Array:
        return jnp.ones((), bool)

    def _stays_finite(self) -> Array:
        """Whether nothing that is still to be computed can overflow."""
        growth = growth_of(self.kinds, number=jnp.asarray, largest=lambda each: reduce(jnp.maximum, each))
        largest = float(jnp.finfo(self.like.dtype).max)
        found: Array = stays_finite(
            growth,
            self.scope,
            param=self.sums["size_param"],
            grad_avg=self.sums["size_grad_avg"],
            direction=self.sums.get("size_direction", self.sums["size_grad_avg"]),
            largest_stored=largest,
            largest=largest,
            number=jnp.asarray,
        )
        return found


def parts(sizes: Sequence[int]) -> Iterator[slice]:
    """Divide tensors of these sizes, in order, into parts of about the same number of elements."""
    enough = max(sum(sizes) // PARTS, SMALL)
    start, held = 0, 0
    for index, size in enumerate(sizes):
        held += size
        if held >= enough or index == len(sizes) - 1:
            yield slice(start, index + 1)
            start, held = index + 1, 0
