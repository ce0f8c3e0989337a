"""
From a rule of `momo_core` to an optax gradient transformation.

The mathematics is in the core; this file knows pytrees, tracing, schedules and how
optax stores a result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from momo_core import KINDS, Info, InvalidValueError, Kind, MissingLossError, Rule, State

from .groups import GROUPS, Mask, group_of
from .mesh import check_axes, same_everywhere
from .state import MomoState, PyTree, by_leaf, by_name, check_names, flatten, gradients
from .step import BlockStep, UpdateStep
from .stepping import stepped

if TYPE_CHECKING:
    import optax


def transformation(
    name: str | Kind,
    hyper: Mapping[str, Any],
    *,
    schedulable: Collection[str],
    on_nonfinite: str,
    weight_decay_mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """
    Make the transformation of an optimizer.

    Parameters
    ----------
    name : str or Kind
        Of an optimizer of the specification, or one of a user's own.
    hyper : mapping
        Hyper-parameters by canonical name.  A traced number cannot be checked here and
        is taken as it is, as is what a schedule returns.
    schedulable : collection of str
        Hyper-parameters that may be a callable of the count of steps.
    on_nonfinite : "skip", "raise" or "propagate"
    weight_decay_mask : tree of bool or callable, optional

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If a hyper-parameter is of the wrong type or outside of its domain.
    """
    import optax

    kind = KINDS[name] if isinstance(name, str) else name
    schedules = {key: value for key, value in hyper.items() if key in schedulable and callable(value)}
    known = {
        key: value
        for key, value in hyper.items()
        if key not in schedules
        and (kind.table.hyper[key].kind == "flag" or not isinstance(value, jax.core.Tracer))
    }
    kind.check(known, on_nonfinite)
    by = BlockStep if KINDS.get(kind.name) is kind else UpdateStep
    made = _Transformation(kind.rule(hyper, on_nonfinite), schedules, weight_decay_mask, by)
    return optax.GradientTransformationExtraArgs(made.init, made.update)


@dataclass(frozen=True)
class _Transformation:
    """The two functions of a gradient transformation."""

    rule: Rule
    schedules: Mapping[str, optax.Schedule]
    mask: Mask
    step: type[UpdateStep]

    def init(self, params: PyTree) -> MomoState:
        """State before the first step; `params` are real floating, or the tree is empty."""
        leaves, treedef = flatten(params)
        group_of(self.mask, params)
        # optax asks for the state of a tree without leaves, to find the averages in it.
        start = self.rule.init(leaves or [jnp.zeros(())], xp=jnp)
        scalars = same_everywhere(start.scalars)
        _, _, info = self.rule.step([], [], 0.0, start._replace(scalars=scalars), xp=jnp)
        averages, tensors = by_name(self.rule, start.leaves[: len(leaves)], treedef, scalars["weight"])
        # Made from a scalar of the core, the arrays are on the mesh of the parameters.
        count = jnp.zeros_like(scalars["skipped_steps"])
        seen = jnp.broadcast_to(info.skipped, (len(leaves),))
        return MomoState(
            count,
            averages,
            same_everywhere(tensors),
            scalars,
            seen,
            info.step_size,
            info.truncation,
            info.beta,
            info.skipped,
        )

    def update(
        self,
        updates: PyTree,
        state: MomoState,
        params: PyTree | None = None,
        *,
        value: Any = None,
        **extra_args: Any,
    ) -> tuple[PyTree, MomoState]:
        """
        One step.

        Parameters
        ----------
        updates : tree
            Gradients of the structure of `params`.  None in the place of a gradient
            leaves that tensor out of the step, and is returned there.
        state : MomoState
        params : tree
        value : number or array of one element
            The loss whose gradients these are.
        **extra_args
            For other transformations of a chain.

        Returns
        -------
        updates : tree
            Of the dtypes of `params`, for `optax.apply_updates`; -0.0 in a skipped step,
            which leaves every parameter as it is.
        state : MomoState

        Raises
        ------
        ValueError, TypeError
            If `params` or `value` is missing or of the wrong type or shape, `state` is of
            another rule, or the devices of a mesh were not averaged over.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the step is not finite.
        """
        import optax

        del extra_args
        if params is None:
            raise ValueError("params is missing: call update(grads, state, params, value=loss)")
        if value is None and self.rule.model.needs_loss:
            message = "the loss is missing: call update(grads, state, params, value=loss); see momo_jax.flax"
            raise MissingLossError(message, "E_LOSS_MISSING")
        check_names(state, self.rule)
        leaves, treedef = flatten(params)
        grads = gradients(updates, treedef)
        check_axes(leaves, grads, value if self.rule.model.needs_loss else None)
        has_grad = [grad is not None for grad in grads]
        moves, new, info = self._step(leaves, grads, value, state, treedef, group_of(self.mask, params))
        taken = ~info.skipped & any(has_grad)
        averages, tensors = by_name(self.rule, new.leaves, treedef, new.scalars["weight"])
        return treedef.unflatten(moves), MomoState(
            count=jnp.where(taken, optax.safe_increment(state.count), state.count),
            averages=averages,
            tensors=tensors,
            scalars=new.scalars,
            seen=state.seen | (taken & jnp.asarray(has_grad, dtype=bool)),
            step_size=info.step_size,
            truncation=info.truncation,
            beta=info.beta,
            skipped=info.skipped,
        )

    def _step(
        self,
        params: list[Array],
        grads: list[Array | None],
        loss: Any,
        state: MomoState,
        treedef: Any,
        groups: list[int] | None,
    ) -> tuple[list[Array | None], State, Info]:
        """What to add to each parameter, None without a gradient; the core's state and info."""
        try:
            moves, new, info = stepped(
                self.rule,
                params,
                grads,
                loss,
                State(by_leaf(state, params, treedef), state.scalars),
                hyper={name: schedule(state.count) for name, schedule in self.schedules.items()},
                groups=GROUPS if groups else None,
                group_of=groups,
                fresh=~state.seen,
                by=self.step,
            )
        except jax.errors.TracerBoolConversionError as error:
            message = "on_nonfinite='raise' reads the result of the step: not possible in jit, scan or vmap"
            raise InvalidValueError(message, "E_ON_NONFINITE") from error
        return [None if grad is None else move for grad, move in zip(grads, moves, strict=True)], new, info
