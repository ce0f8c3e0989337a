"""The variables of an optimizer: its state, and what the last step did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from momo_core import Info, Rule, State
from momo_core.arrays import cast
from momo_core.phases import model_change

from .namespaces import namespace, value_of

Variable = Any
"""A `keras.Variable`."""

Assign = Callable[[Variable, Any], None]
"""``(variable, value)``: writes, as the backend of the optimizer does it."""


@dataclass(frozen=True)
class Slots:
    """
    Variables of a built optimizer.

    There is one set whatever the options, because Keras saves optimizer variables by index.

    Attributes
    ----------
    leaves : list of dict
        Averages of each model variable, of its shape, at least float32.
    scalars : dict
        Scalar state of the rule, shape (), at least float32; ``skipped_steps`` is int32.
    info : dict
        What the last step did and `scalars` does not tell, shape (): ``step_size``,
        ``truncation``, ``beta`` and ``skipped`` (bool).
    started : Variable of bool, shape (number of model variables,)
        Which of them have had a gradient.
    loss_sum : Variable, shape ()
        Sum of the losses of the micro-steps, with ``gradient_accumulation_steps``.
    starts_at_param : sequence of str
        Averages that start where the variable is at its first gradient.
    """

    leaves: list[dict[str, Variable]] = field(default_factory=list)
    scalars: dict[str, Variable] = field(default_factory=dict)
    info: dict[str, Variable] = field(default_factory=dict)
    started: Variable = None
    loss_sum: Variable = None
    starts_at_param: Sequence[str] = ()

    @classmethod
    def create(cls, optimizer: Any, rule: Rule, variables: Sequence[Variable]) -> Slots:
        """Add the variables to an optimizer, with the values before the first step."""
        wide = any(_dtype(variable) == "float64" for variable in variables)
        start = rule.init_scalars(np.zeros((), np.float64 if wide else np.float32), xp=np)

        def add(name: str, value: Any) -> Variable:
            return optimizer.add_variable(
                shape=value.shape,
                initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype),  # noqa: ARG005
                dtype=str(value.dtype),
                aggregation="only_first_replica",
                name=name,
            )

        zero, no = np.zeros_like(start["weight"]), np.asarray(False)
        shown = {"step_size": zero, "truncation": zero, "beta": zero, "skipped": no}
        given = [_given(rule, variable) for variable in variables]
        names = rule.direction.leaf_state
        leaves = [
            {
                **{name: _average(optimizer, variable, name) for name in names if name not in values},
                **{name: add(name, value) for name, value in values.items()},
            }
            for variable, values in zip(variables, given, strict=True)
        ]
        for leaf, variable in zip(leaves, variables, strict=True):
            for name in rule.direction.starts_at_param:
                leaf[name].assign(ops.cast(variable, leaf[name].dtype))
        return cls(
            leaves=leaves,
            scalars={name: add(name, np.asarray(value)) for name, value in start.items()},
            info={name: add(name, value) for name, value in shown.items()},
            started=add("started", np.zeros(len(variables), bool)),
            loss_sum=add("loss_sum", zero),
            starts_at_param=rule.direction.starts_at_param,
        )

    @property
    def shown(self) -> dict[str, Variable]:
        """All scalars by name."""
        return {**self.scalars, **self.info}

    @property
    def last_info(self) -> Info:
        """What the last step did, as variables."""
        named = {**self.shown, "lower_bound": self.scalars.get("lower_bound_estimate")}
        return Info(**{name: named.get(name) for name in Info._fields})

    def state(self, rows: Sequence[int], params: Sequence[Any]) -> State:
        """State of the rule for some of the model variables, given their values, as arrays."""
        leaves = [{name: value_of(slot) for name, slot in self.leaves[row].items()} for row in rows]
        if self.starts_at_param:
            self._start_at(params, leaves, self.fresh(rows))
        return State(tuple(leaves), {name: value_of(slot) for name, slot in self.scalars.items()})

    def _start_at(self, params: Sequence[Any], leaves: list[dict[str, Any]], fresh: Sequence[Any]) -> None:
        """Let averages start where the variables are: they may have been loaded after `build`."""
        xp = namespace()
        for leaf, param, first in zip(leaves, params, fresh, strict=True):
            for name in self.starts_at_param:
                leaf[name] = xp.where(first, cast(param, leaf[name].dtype, xp=xp), leaf[name])

    def fresh(self, rows: Sequence[int]) -> list[Any]:
        """Whether each of some model variables has its first gradient, as bool arrays of shape ()."""
        fresh = ~value_of(self.started)
        return [fresh[row] for row in rows]

    def write_leaves(self, rows: Sequence[int], state: State, assign: Assign) -> None:
        """Store the averages of some of the model variables after a step, but for what it wrote in place."""
        for row, leaf in zip(rows, state.leaves, strict=False):
            for name, value in leaf.items():
                assign(self.leaves[row][name], value)

    def write_scalars(self, rows: Sequence[int], state: State, info: Info, assign: Assign) -> None:
        """Store the other results of a step with some of the model variables."""
        for name, value in state.scalars.items():
            assign(self.scalars[name], value)
        for name, slot in self.info.items():
            assign(slot, getattr(info, name))
        moved = np.zeros(len(self.leaves), bool)
        moved[list(rows)] = True
        assign(self.started, value_of(self.started) | (ops.convert_to_tensor(moved) & ~info.skipped))

    def follow(self, rows: Sequence[int], old: Sequence[Any], new: Sequence[Any], assign: Assign) -> None:
        """Correct the predicted loss for a move of model variables that was not a step."""
        slot = self.scalars.get("predicted_loss")
        if slot is None:
            return
        predicted = value_of(slot)
        for row, before, after in zip(rows, old, new, strict=True):
            average = value_of(self.leaves[row]["grad_avg"])
            predicted += model_change(before, after, average, predicted.dtype, xp=namespace())
        assign(slot, predicted)


def _average(optimizer: Any, variable: Variable, name: str) -> Variable:
    """Zeros like a model variable, in its dtype but at least float32."""
    if _dtype(variable) in ("float32", "float64"):
        return optimizer.add_variable_from_reference(variable, name=name)
    layout = getattr(variable, "_layout", None)
    sharded = {} if layout is None else {"layout": layout}
    name = f"{variable.name}_{name}"
    return optimizer.add_variable(shape=variable.shape, dtype="float32", name=name, **sharded)


def _given(rule: Rule, variable: Variable) -> dict[str, Any]:
    """State of a model variable before its first gradient that is not zeros of its shape."""
    dtype = np.float64 if _dtype(variable) == "float64" else np.float32
    scalars = {name: np.asarray(value, dtype) for name, value in rule.direction.tensor_state.items()}
    init_leaf = rule.direction.init_leaf
    start = init_leaf(np.asarray(ops.convert_to_numpy(variable), dtype), xp=np) if init_leaf else {}
    return {**scalars, **{name: np.asarray(value, dtype) for name, value in start.items()}}


def _dtype(variable: Variable) -> str:
    return str(keras.backend.standardize_dtype(variable.dtype))
