"""A rule: a direction times a step-size model, with its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arrays import Array, Namespace, as_scalar, cast, find_namespace, leaf_dtype, scalar_zero
from .direction import Direction, Leaf, Scalars
from .model import Model
from .reduction import Reduction
from .state import Info, State
from .step import Step
from .validate import (
    HyperTable,
    check_any,
    check_arrays,
    check_gradients,
    check_hyper,
    check_loss,
    check_option,
)


@dataclass(frozen=True)
class Rule:
    """
    An optimizer as pure functions on a list of arrays.

    Attributes
    ----------
    name : str
        Name in the specification.
    direction, model
        What the rule is made of.
    hyper : mapping
        Hyper-parameters by canonical name.
    on_nonfinite : "skip", "raise" or "propagate"
        What a step does about a loss, gradient or result that is not finite.
        ``"raise"`` reads a value on the host.
    """

    name: str
    direction: Direction
    model: Model
    hyper: Mapping[str, Any]
    on_nonfinite: str = "skip"

    def init(self, params: Sequence[Array], *, xp: Namespace | None = None) -> State:
        """
        State before the first step.

        Parameters
        ----------
        params : sequence of arrays, real floating
        xp : namespace, optional
            Found from the arrays when not given.

        Raises
        ------
        TypeError
            If an array is not real floating.
        ValueError
            If there is no array.
        """
        check_any(params)
        xp = xp or find_namespace(params)
        check_arrays(params, xp=xp)
        scalars = self.init_scalars(scalar_zero(params, xp=xp), xp=xp)
        return State(tuple(self.init_leaf(param, xp=xp) for param in params), scalars)

    def init_scalars(self, zero: Array, *, xp: Namespace) -> Scalars:
        """Scalar state before the first step, of the dtype and on the device of `zero`, shape ()."""
        initial = {**self.direction.scalar_state, **self.model.scalar_state}
        scalars = {
            name: as_scalar(self.hyper[start] if isinstance(start, str) else start, zero, xp=xp)
            for name, start in initial.items()
        }
        return {**scalars, "skipped_steps": xp.zeros_like(zero, dtype=xp.int32)}

    def init_leaf(self, param: Array, *, xp: Namespace) -> Leaf:
        """State of one tensor before its first gradient."""
        dtype = leaf_dtype(param, xp=xp)
        zero = xp.sum(xp.zeros_like(param, dtype=dtype))
        zeros = {name: xp.zeros_like(param, dtype=dtype) for name in self.direction.leaf_state}
        wide, init_leaf = cast(param, dtype, xp=xp), self.direction.init_leaf
        starts = {name: zeros[name] + wide for name in self.direction.starts_at_param}
        return {
            **zeros,
            **starts,
            **(init_leaf(wide, xp=xp) if init_leaf else {}),
            **{name: as_scalar(value, zero, xp=xp) for name, value in self.direction.tensor_state.items()},
        }

    def step(
        self,
        params: Sequence[Array],
        grads: Sequence[Array | None],
        loss: Any,
        state: State,
        *,
        xp: Namespace | None = None,
        hyper: Mapping[str, Any] | None = None,
        groups: Sequence[Mapping[str, Any]] | None = None,
        group_of: Sequence[int] | None = None,
        fresh: Sequence[Array] | None = None,
        reduction: Reduction | None = None,
        store: Callable[[Array, Array], Array] | None = None,
        by: type[Step] = Step,
    ) -> tuple[list[Array], State, Info]:
        """
        Take one step; the inputs stay as they are.

        Parameters
        ----------
        params : sequence of arrays
        grads : sequence of arrays or None
            Gradients, of the shapes of `params`.  None leaves a tensor out of the step:
            it is neither moved nor averaged nor in the sums.
        loss : number or array of one element
            The loss whose gradients these are; None for a rule that needs none.
        state : State
        xp : namespace, optional
            Found from the arrays when not given.
        hyper : mapping, optional
            Hyper-parameters of this step by canonical name, a scheduled rate for example.
        groups : sequence of mappings, optional
            ``learning_rate`` and ``weight_decay`` of each parameter group.
        group_of : sequence of int, optional
            Group of each tensor.
        fresh : sequence of bool arrays, shape (), optional
            Whether this is a tensor's first gradient; without it, whether this is the
            first step.
        reduction : Reduction, optional
            Adds the sums of tensors whose parts several devices hold, and averages the loss.
        store : callable, optional
            ``(param, new_param) -> stored``, the rounding of whoever writes the result.
        by : type
            What takes the step; another one than `Step` may write in place.

        Returns
        -------
        params : list of arrays
        state : State
        info : Info

        Raises
        ------
        TypeError, ValueError
            If the loss or a gradient has the wrong type or shape.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the step is not finite.
        """
        xp = xp or find_namespace(params)
        loss = check_loss(loss, needed=self.model.needs_loss, xp=xp)
        check_gradients(params, grads)
        settings = {**self.hyper, **(hyper or {})}
        run = by(self, params, grads, state, xp, settings, reduction or Reduction(xp))
        if not run.moving:
            return list(params), state, run.idle()
        run.begin(loss, groups, group_of, fresh)
        run.measure()
        run.accumulate()
        run.apply(store)
        return run.commit()


@dataclass(frozen=True)
class Kind:
    """
    An optimizer of the specification, without values for its hyper-parameters.

    Attributes
    ----------
    name : str
        Name in the specification.
    direction, model
        What its rules are made of.
    table : HyperTable
        Domains and defaults of the hyper-parameters.
    """

    name: str
    direction: Direction
    model: Model
    table: HyperTable

    def check(self, hyper: Mapping[str, Any], on_nonfinite: str = "skip") -> None:
        """
        Check hyper-parameters, all or a part of them.

        Raises
        ------
        InvalidTypeError, InvalidValueError
        """
        check_option(on_nonfinite)
        check_hyper(self.table, hyper)

    def rule(self, hyper: Mapping[str, Any], on_nonfinite: str = "skip") -> Rule:
        """A rule with these hyper-parameters, unchecked, and the defaults of the others."""
        defaults = {name: domain.default for name, domain in self.table.hyper.items()}
        return Rule(self.name, self.direction, self.model, {**defaults, **hyper}, on_nonfinite)

    def checked_rule(self, hyper: Mapping[str, Any], on_nonfinite: str = "skip") -> Rule:
        """
        A rule with these hyper-parameters.

        Raises
        ------
        InvalidTypeError, InvalidValueError
        """
        self.check(hyper, on_nonfinite)
        return self.rule(hyper, on_nonfinite)
