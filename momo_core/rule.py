"""A rule: a direction times a step-size model, with its hyper-parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from . import phases
from .arrays import Array, Namespace, all_finite, as_scalar, cast, find_namespace, leaf_dtype, scalar_zero
from .direction import Direction, Leaf, Scalars
from .model import Model
from .validate import HyperTable, check_arrays, check_gradients, check_hyper, check_loss, check_option

GROUP_HYPER = ("learning_rate", "weight_decay")
"""Hyper-parameters that each parameter group may set for itself."""


class State(NamedTuple):
    """
    State of a rule.

    Attributes
    ----------
    leaves : tuple of dict
        Averages of each tensor, of its shape, at least float32.
    scalars : dict
        Arrays of shape (), of the widest of float32 and the dtypes of the tensors;
        ``skipped_steps`` is int32.
    """

    leaves: tuple[Leaf, ...]
    scalars: Scalars


class Info(NamedTuple):
    """
    What a step did; arrays of shape (), None where the rule has no such quantity.

    Attributes
    ----------
    step_size : array [param^2/loss]
        Factor of the direction, before weight decay; 0 in a skipped step.
    truncation : array [1]
        Share of the base optimizer's step that was taken, in [0, 1].
    lower_bound : array or None [loss]
        Lower bound after the step, known or estimated.
    predicted_loss : array or None [loss]
        What the averaged model predicts at the new parameters, times its weight.
    beta : array [1]
        Momentum coefficient of the step.
    skipped : array of bool
        True where a loss, gradient or result was not finite and nothing changed.
    """

    step_size: Array
    truncation: Array
    lower_bound: Array | None
    predicted_loss: Array | None
    beta: Array
    skipped: Array


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
        xp = xp or find_namespace(params)
        check_arrays(params, xp=xp)
        zero = scalar_zero(params, xp=xp)
        initial = {**self.direction.scalar_state, **self.model.scalar_state}
        scalars = {
            name: as_scalar(self.hyper[start] if isinstance(start, str) else start, zero, xp=xp)
            for name, start in initial.items()
        }
        scalars["skipped_steps"] = xp.zeros_like(zero, dtype=xp.int32)
        return State(tuple(self.init_leaf(param, xp=xp) for param in params), scalars)

    def init_leaf(self, param: Array, *, xp: Namespace) -> Leaf:
        """State of one tensor before its first gradient: zeros."""
        dtype = leaf_dtype(param, xp=xp)
        return {name: xp.zeros_like(param, dtype=dtype) for name in self.direction.leaf_state}

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
        reduce: Callable[[list[Array]], list[Array]] = list,
        store: Callable[[Array, Array], Array] | None = None,
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
        reduce : callable, optional
            Adds the partial sums of several devices: list of scalars in and out.
        store : callable, optional
            ``(param, new_param) -> stored``, the rounding of whoever writes the result.

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
        run = _Step(self, params, grads, state, xp, dict(self.hyper, **(hyper or {})))
        if not run.moving:
            return list(params), state, run.idle()
        run.begin(loss, groups, group_of)
        run.accumulate(fresh, reduce)
        run.apply(reduce, store)
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


class _Step:
    """One step on its way through the phases."""

    def __init__(
        self,
        rule: Rule,
        params: Sequence[Array],
        grads: Sequence[Array | None],
        state: State,
        xp: Namespace,
        hyper: dict[str, Any],
    ) -> None:
        self.rule, self.params, self.grads, self.state, self.xp = rule, params, grads, state, xp
        self.moving = [index for index, grad in enumerate(grads) if grad is not None]
        self.like = state.scalars["weight"]
        self.raw = hyper
        self.hyper = {name: self.number(value) for name, value in hyper.items() if name not in GROUP_HYPER}

    def number(self, value: Any) -> Any:
        """A flag as it is, a number as an array of the scalars' dtype."""
        return value if isinstance(value, bool) else as_scalar(value, self.like, xp=self.xp)

    def begin(
        self, loss: Any, groups: Sequence[Mapping[str, Any]] | None, group_of: Sequence[int] | None
    ) -> None:
        """Coefficients of the groups and of the averages."""
        xp = self.xp
        settings = [{**self.raw, **group} for group in groups or [{}]]
        self.group_of = group_of or [0] * len(self.params)
        rates = [self.number(setting["learning_rate"]) for setting in settings]
        largest = rates[0]
        for rate in rates[1:]:
            largest = xp.maximum(largest, rate)
        self.groups = [
            phases.group_coefficients(rate, largest, setting["weight_decay"], self.hyper, xp=xp)
            for rate, setting in zip(rates, settings, strict=True)
        ]
        self.coefficients = self.rule.direction.begin(self.state.scalars, self.hyper, xp=xp)
        self.scope = {**self.state.scalars, **self.coefficients, "max_learning_rate": largest}
        if loss is not None:
            self.scope["loss"] = as_scalar(loss, self.like, xp=xp)

    def accumulate(self, fresh: Sequence[Array] | None, reduce: Callable[[list[Array]], list[Array]]) -> None:
        """Average each tensor, add the sums, solve for the step size."""
        first = self.state.scalars["weight"] == 0
        self.work = [
            phases.accumulate(
                self.rule.direction,
                self.params[index],
                self.grads[index],
                self.state.leaves[index],
                self.coefficients,
                self.groups[self.group_of[index]],
                first if fresh is None else fresh[index],
                xp=self.xp,
            )
            for index in self.moving
        ]
        sums = reduce(phases.add_sums([work.sums for work in self.work]))
        self.checked = list(sums)
        named = dict(zip(phases.SUMS, sums, strict=False))
        self.scope |= self.rule.model.solve(self.scope, named, self.hyper, xp=self.xp)

    def apply(
        self,
        reduce: Callable[[list[Array]], list[Array]],
        store: Callable[[Array, Array], Array] | None,
    ) -> None:
        """Move each tensor and see what that does to the model."""
        xp, changes = self.xp, []
        self.moved = []
        for index, work in zip(self.moving, self.work, strict=True):
            param, group = self.params[index], self.groups[self.group_of[index]]
            new = phases.apply(param, work.direction, self.scope["step_size"], group, xp=xp)
            new = store(param, new) if store else cast(new, param.dtype, xp=xp)
            self.moved.append(new)
            changes.append([phases.model_change(param, new, work.leaf["grad_avg"], self.like.dtype, xp=xp)])
        change = reduce(phases.add_sums(changes))[0]
        self.checked.append(change)
        if "model_value" in self.scope:
            self.scope["predicted_loss"] = self.scope["model_value"] + change
            self.checked += [self.scope["loss"], self.scope["predicted_loss"]]

    def commit(self) -> tuple[list[Array], State, Info]:
        """The new parameters and state, or the old ones where something is not finite."""
        xp, old = self.xp, self.state
        finite = all_finite(self.checked, xp=xp)
        if self.rule.on_nonfinite == "raise" and not bool(finite):
            raise FloatingPointError(f"{self.rule.name}: a loss, gradient or result is not finite")
        if self.rule.on_nonfinite == "propagate":
            finite = xp.ones_like(finite)
        params, leaves = list(self.params), list(old.leaves)
        for index, new, work in zip(self.moving, self.moved, self.work, strict=True):
            params[index] = xp.where(finite, new, self.params[index])
            leaves[index] = phases.choose(finite, work.leaf, old.leaves[index], xp=xp)
        scalars = phases.choose(finite, self.scope, old.scalars, xp=xp)
        counter = old.scalars["skipped_steps"]
        scalars["skipped_steps"] = counter + xp.astype(~finite, counter.dtype)
        return params, State(tuple(leaves), scalars), self.info(scalars, finite)

    def info(self, scalars: Scalars, finite: Array) -> Info:
        """What the step did."""
        zero = self.xp.zeros_like(self.like)
        taken = {
            name: self.xp.where(finite, self.scope[name], zero)
            for name in ("step_size", "truncation", "beta_k")
        }
        return Info(
            step_size=taken["step_size"],
            truncation=taken["truncation"],
            lower_bound=scalars.get("lower_bound_estimate"),
            predicted_loss=scalars.get("predicted_loss"),
            beta=taken["beta_k"],
            skipped=~finite,
        )

    def idle(self) -> Info:
        """A step without any gradient: nothing happens."""
        self.scope = {name: self.xp.zeros_like(self.like) for name in ("step_size", "truncation", "beta_k")}
        return self.info(self.state.scalars, self.like == self.like)
