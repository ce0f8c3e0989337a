"""A step of a rule as XLA compiles it well: with nothing of the size of the model between the phases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from momo_core import Info, State, phases
from momo_core.direction import Leaf
from momo_core.step import Step, Store

from .blocks import BLOCK, LARGE, SHARE, WithoutSums, by_blocks
from .xla import applied, as_update

Result = TypeVar("Result")
Tensor = tuple[Any, Any, Leaf]
"""Parameters, gradient and state of a tensor."""


class Moved(NamedTuple):
    """A tensor after its move: its state, what to add to its parameters, and what the model loses."""

    leaf: Leaf
    update: Array
    change: Array


class UpdateStep(Step):
    """A step that returns what to add to the parameters, in their place."""

    def measure(self) -> None:
        """As in the core."""
        self.again = [self._is_averaged_again(self.params[index]) for index in self.moving]
        if self.rule.direction.choose is None:
            return
        measured = self._swept(self._measured)
        pairs = zip(self.again, self.leaves, measured, strict=True)
        self.leaves = [old if again else leaf for again, old, (leaf, _) in pairs]
        self.choose_from([sums for _, sums in measured])

    def accumulate(self) -> None:
        """As in the core."""
        self.work = self._swept(self._accumulated)
        self.solve_from([work.sums for work in self.work], self.moving)

    def apply(self, store: Store | None) -> None:
        """As in the core; the updates are rounded as `optax.apply_updates` rounds."""
        del store
        self.after = self._swept(self._moved)
        self.predict_from([[moved.change] for moved in self.after], self.moving)

    def commit(self) -> tuple[list[Any], State, Info]:
        """The updates, -0.0 where the step is skipped and None without a gradient; the state and info."""
        finite = self.decide()
        updates: list[Any] = [None] * len(self.params)
        for index, moved in zip(self.moving, self.after, strict=True):
            updates[index] = jnp.where(finite, moved.update, -jnp.zeros_like(moved.update))
        leaves = list(self.state.leaves)
        for index, leaf in zip(self.moving, self._leaves(finite, updates), strict=True):
            leaves[index] = leaf
        return updates, *self.report(leaves, finite)

    def _leaves(self, finite: Array, updates: Sequence[Any]) -> list[Leaf]:
        """State of each moving tensor after the step."""
        old = [self.state.leaves[index] for index in self.moving]
        written = iter(self._written(finite, updates))
        return [
            next(written) if again else phases.choose(finite, moved.leaf, leaf, xp=jnp)
            for again, moved, leaf in zip(self.again, self.after, old, strict=True)
        ]

    def _written(self, finite: Array, updates: Sequence[Any]) -> list[Leaf]:
        """
        State of each tensor that is averaged again.

        Behind a condition, XLA writes it in place; it must not do so before the update has read
        the old state.
        """
        again = [position for position, again in enumerate(self.again) if again]
        if not again:
            return []
        tensors = self._tensors_and_grads()
        old = [tensors[position][2] for position in again]
        pairs = [(self.params[self.moving[position]], updates[self.moving[position]]) for position in again]
        ready = finite & _computed([applied(param, update) for param, update in pairs], self.like)

        def new() -> list[Leaf]:
            leaves = [self._moved(position, jnp, tensors[position]).leaf for position in again]
            return [{name: leaf[name] for name in kept} for leaf, kept in zip(leaves, old, strict=True)]

        return list(jax.lax.cond(ready, new, lambda: old))

    def _is_averaged_again(self, param: Array) -> bool:
        """Whether each phase averages a tensor for itself, block by block."""
        del param
        return False

    def _swept(self, phase: Callable[[int, Any, Tensor], Result]) -> list[Result]:
        """A phase on each tensor."""
        longest, last = self._longest(), self.like
        swept = []
        for position, (tensor, again) in enumerate(zip(self._tensors_and_grads(), self.again, strict=True)):
            if again:
                result, last = by_blocks(partial(phase, position), tensor, longest, last)
            else:
                result = phase(position, jnp, tensor)
            swept.append(result)
        return swept

    def _longest(self) -> int:
        """Elements of the largest block."""
        size: int = sum(self.params[index].size for index in self.moving)
        return max(min(BLOCK, size // SHARE), 1)

    def _tensors_and_grads(self) -> list[Tensor]:
        return [
            (self.params[index], self.grads[index], leaf)
            for index, leaf in zip(self.moving, self.leaves, strict=True)
        ]

    def _measured(self, position: int, xp: Any, tensor: Tensor) -> tuple[Leaf, list[Array]]:
        return phases.measure(
            self.rule.direction,
            *tensor,
            self.coefficients[position],
            self.groups[position],
            self.fresh[position],
            xp=xp,
        )

    def _accumulated(self, position: int, xp: Any, tensor: Tensor) -> phases.Accumulated:
        param, grad, leaf = tensor
        if self.again[position]:
            leaf, _ = self._measured(position, WithoutSums(), tensor)
        return phases.accumulate(
            self.rule.direction,
            param,
            grad,
            leaf,
            self.coefficients[position],
            self.groups[position],
            self.fresh[position],
            slope=self.rule.model.needs_loss,
            xp=xp,
        )

    def _moved(self, position: int, xp: Any, tensor: Tensor) -> Moved:
        param, work = tensor[0], self.work[position]
        if self.again[position]:
            work = self._accumulated(position, WithoutSums(), tensor)
        leaf, new = phases.apply(self.rule.direction, param, work, self.scope, self.groups[position], xp=xp)
        update = as_update(param, new)
        stored = applied(param, update)
        change = phases.model_change(param, stored, leaf["grad_avg"], self.like.dtype, xp=xp)
        return Moved(leaf, update, change)


class BlockStep(UpdateStep):
    """
    The same for a direction that works on each element for itself.

    Large tensors are averaged again in each phase: for the sums of `measure` and `accumulate`, for the
    change of the model, for the update, and for what is written.  A step is all or nothing, and memory is
    what it costs: to keep the averages until it is known to be finite costs more than they do.
    """

    def _is_averaged_again(self, param: Array) -> bool:
        return _is_large(param)


def _is_large(param: Array) -> bool:
    """Whether memory is what a tensor costs, on the one CPU that holds it."""
    if not isinstance(param, jax.core.Tracer) or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    return param.size >= LARGE and bool(jax.typeof(param).sharding.mesh.empty)


def _computed(arrays: Sequence[Array], like: Array) -> Array:
    """True; XLA knows it when all of the arrays are computed."""
    marks = jnp.stack([array[(0,) * array.ndim].astype(like.dtype) for array in arrays])
    return jnp.all((marks <= jnp.inf) | (marks != marks))
