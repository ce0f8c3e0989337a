"""
Evaluate an optimizer of the specification, step by step.

This is the oracle of the project: it reads the equations and shares no code with the
implementation in `momo_core`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .arithmetic import Arithmetic, Precise, Value
from .language import Equation, Expression, Name, Number
from .load import OptimizerSpec

Environment = dict[str, Value]


class Evaluator:
    """
    One run of an optimizer.

    Parameters
    ----------
    spec : OptimizerSpec
    hyper : mapping, optional
        Hyper-parameters by canonical name; the others keep their defaults.
    arithmetic : Arithmetic, optional
        50 decimal digits unless given.

    Attributes
    ----------
    scalars : dict
        Scalar state.
    leaves : list of dict
        State of each parameter tensor.
    skipped_steps : int
        Number of steps skipped because of a non-finite loss, gradient or result.
    last : dict
        Scalars of the last step by name, skipped or not; empty if no tensor had a gradient.
    last_leaves : list of dict
        Values of the last step of each tensor that had a gradient.
    """

    def __init__(
        self,
        spec: OptimizerSpec,
        hyper: Mapping[str, Any] | None = None,
        *,
        arithmetic: Arithmetic | None = None,
    ) -> None:
        unknown = set(hyper or {}) - set(spec.hyper)
        if unknown:
            raise TypeError(f"{spec.name} has no hyper-parameter {', '.join(sorted(unknown))}")
        self.spec = spec
        self.arithmetic = arithmetic or Precise()
        defaults = {name: entry.default for name, entry in spec.hyper.items()}
        self.hyper = {name: self._constant(value) for name, value in {**defaults, **(hyper or {})}.items()}
        self.scalars: Environment = {}
        self.leaves: list[Environment] = []
        self.skipped_steps = 0
        self.last: Environment = {}
        self.last_leaves: list[Environment] = []
        self._fresh: list[bool] = []

    def fork(self, arithmetic: Arithmetic | None = None) -> Evaluator:
        """Copy that goes its own way from here, in another arithmetic of the same numbers."""
        twin = copy.copy(self)
        twin.arithmetic = arithmetic or self.arithmetic
        twin.scalars = dict(self.scalars)
        twin.leaves, twin._fresh = list(self.leaves), list(self._fresh)
        return twin

    def start(self, params: Sequence[Any]) -> list[Value]:
        """Create the state; returns the parameters as arrays of the arithmetic."""
        self.scalars = {
            name: self.hyper[state.init] if isinstance(state.init, str) else self._constant(state.init)
            for name, state in self.spec.scalar_state.items()
        }
        self.leaves, self._fresh = [], []
        return self.add(params)

    def add(self, params: Sequence[Any]) -> list[Value]:
        """Create the state of more tensors; returns them as arrays of the arithmetic."""
        arrays = [self.arithmetic.array(param) for param in params]
        self.leaves += [self._start_leaf(array) for array in arrays]
        self._fresh += [True] * len(arrays)
        return arrays

    @np.errstate(all="ignore")
    def step(
        self,
        params: Sequence[Value],
        grads: Sequence[Any],
        loss: Any = None,
        *,
        hyper: Mapping[str, Any] | None = None,
        leaf_hyper: Sequence[Mapping[str, Any]] | None = None,
    ) -> tuple[list[Value], dict[str, Value]]:
        """
        Take one step.

        Parameters
        ----------
        params : sequence of arrays
            As returned by `start` or by the step before.
        grads : sequence of arrays or None
            Gradients; None leaves a tensor out of the step.
        loss : float, optional
            Loss that belongs to the gradients.
        hyper : mapping, optional
            Hyper-parameters of this step alone, a scheduled learning rate for example.
        leaf_hyper : sequence of mappings, optional
            Hyper-parameters of each tensor, for parameter groups.

        Returns
        -------
        params : list of arrays
        info : dict
            The step's scalars and ``skipped``.
        """
        present = [index for index, grad in enumerate(grads) if grad is not None]
        self.last, self.last_leaves = {}, []
        if not present:
            return list(params), {**self._info_at_rest(), "skipped": False}
        scope = {**self.hyper, **{k: self._constant(v) for k, v in (hyper or {}).items()}, **self.scalars}
        if loss is not None and self.spec.needs_loss:
            scope["loss"] = self.arithmetic.array(loss)[()]
        local = self._leaf_hyper(len(params), leaf_hyper)
        scope["max_learning_rate"] = max(leaf.get("learning_rate", scope["learning_rate"]) for leaf in local)
        leaves = [{**local[i], **self._leaf_scope(i, params[i], grads[i])} for i in present]
        checked = self._run(scope, leaves)
        self.last, self.last_leaves = scope, leaves
        if not all(_is_finite(value) for value in checked):
            self.skipped_steps += 1
            return list(params), {**self._info_at_rest(), "skipped": True}
        self.scalars = {name: scope[name] for name in self.scalars}
        updated = list(params)
        for index, leaf in zip(present, leaves, strict=True):
            self.leaves[index] = {name: leaf[name] for name in self.leaves[index]}
            self._fresh[index] = False
            updated[index] = leaf["new_param"]
        info = {name: self._value(expression, scope) for name, expression in self.spec.info.items()}
        return updated, {**info, "skipped": False}

    def _info_at_rest(self) -> dict[str, Value]:
        """Info of a step that changed nothing: the state as it was, nothing taken."""
        zero = self._constant(0.0)
        known = {**self.hyper, **self.scalars}
        return {
            name: known.get(expression.id, zero) if isinstance(expression, Name) else zero
            for name, expression in self.spec.info.items()
        }

    def _run(self, scope: Environment, leaves: list[Environment]) -> list[Value]:
        """Evaluate all phases in place; returns what must be finite."""
        equations = self.spec.equations
        self._evaluate(equations["begin"], scope)
        for leaf in leaves:
            leaf.update({**scope, **leaf})
            for phase in ("leaf", "measure"):
                self._evaluate(equations[phase], leaf)
        measured = self._choose(scope, leaves)
        for leaf in leaves:
            self._evaluate(equations["accumulate"], leaf)
        sums = self._total(equations["sums"], scope, leaves)
        self._evaluate(equations["solve"], scope)
        solved = {e.target: scope[e.target] for e in (*equations["sums"], *equations["solve"])}
        for leaf in leaves:
            leaf.update(solved)
            self._evaluate(equations["apply"], leaf)
            leaf["new_param"] = self.arithmetic.stored(leaf["new_param"])
        moves = self._total(equations["displacement"], scope, leaves)
        self._evaluate(equations["finish"], scope)
        loss = [scope["loss"]] if "loss" in scope else []
        finish = [scope[equation.target] for equation in equations["finish"]]
        return [*loss, *measured, *sums, *moves, *finish, *(leaf["new_param"] for leaf in leaves)]

    def _choose(self, scope: Environment, leaves: list[Environment]) -> list[Value]:
        """
        Choose coefficients from the measured sums, for all tensors together or for each.

        With ``beta_scope = "tensor"`` each tensor chooses from its own sums, and what the
        scalar phases see is the mean over the tensors.
        """
        sums, choose = self.spec.equations["measure_sums"], self.spec.equations["choose"]
        if scope.get("beta_scope") != "tensor":
            total = self._total(sums, scope, leaves)
            self._evaluate(choose, scope)
            for leaf in leaves:
                leaf.update({equation.target: scope[equation.target] for equation in (*sums, *choose)})
            return total
        for leaf in leaves:
            self._evaluate((*sums, *choose), leaf)
        count = self.arithmetic.number(float(len(leaves)))
        for equation in choose:
            terms = np.array([leaf[equation.target] for leaf in leaves])
            scope[equation.target] = self.arithmetic.apply(
                "/", [self.arithmetic.apply("sum", [terms]), count]
            )
        return [leaf[equation.target] for leaf in leaves for equation in sums]

    def _total(
        self, equations: Sequence[Equation], scope: Environment, leaves: list[Environment]
    ) -> list[Value]:
        """Add a sum over all leaves to the scope, for each equation."""
        for equation in equations:
            terms = np.array([self._value(equation.expression, leaf) for leaf in leaves])
            scope[equation.target] = self.arithmetic.apply("sum", [terms])
        return [scope[equation.target] for equation in equations]

    def _evaluate(self, equations: Sequence[Equation], scope: Environment) -> None:
        for equation in equations:
            scope[equation.target] = self._value(equation.expression, scope)

    def _value(self, expression: Expression, scope: Environment) -> Value:
        if isinstance(expression, Name):
            return scope[expression.id]
        if isinstance(expression, Number):
            return self._literal(expression.value)
        arguments = expression.arguments
        if expression.operator == "where":
            chosen = self._value(arguments[0], scope)
            if isinstance(chosen, bool | np.bool_):
                return self._value(arguments[1 if chosen else 2], scope)
        return self.arithmetic.apply(
            expression.operator, [self._value(argument, scope) for argument in arguments]
        )

    def _leaf_hyper(self, count: int, hyper: Sequence[Mapping[str, Any]] | None) -> list[Environment]:
        return [{name: self._constant(value) for name, value in own.items()} for own in hyper or [{}] * count]

    def _leaf_scope(self, index: int, param: Value, grad: Any) -> Environment:
        return {
            **self.leaves[index],
            "param": param,
            "grad": self.arithmetic.array(grad),
            "fresh": self._fresh[index],
        }

    def _start_leaf(self, array: Value) -> Environment:
        starts = {
            name: array if state.init == "param" else self._filled(array.shape, state.init)
            for name, state in self.spec.leaf_state.items()
        }
        return starts | {name: self._constant(state.init) for name, state in self.spec.tensor_state.items()}

    def _filled(self, shape: tuple[int, ...], init: float | str) -> Value:
        return self.arithmetic.array(np.full(shape, float(init)))

    def _literal(self, value: float | bool) -> Value:
        return value if isinstance(value, bool) else self.arithmetic.array(float(value))[()]

    def _constant(self, value: Any) -> Value:
        if isinstance(value, bool | np.bool_ | str):
            return value if isinstance(value, str) else bool(value)
        return self.arithmetic.number(float(value))


def _is_finite(value: Value) -> bool:
    return all(math.isfinite(item) for item in np.asarray(value).flat)
