"""
What each phase sees: every name is defined before it is used, exactly once, and is used.

A *scalar* phase sees numbers of the whole step.  A *per-leaf* phase sees the numbers and
arrays of one parameter tensor too, the phases of `REDUCING` turn arrays into numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .language import CONSTANTS, FUNCTIONS, Equation, Expression, Name, Operation, names
from .load import PER_LEAF, PHASES, OptimizerSpec

REDUCING = frozenset({"measure_sums", "sums", "displacement"})
"""Phases whose equations add up over all tensors; the only ones with `sum`."""

ENGINE_SCALARS = frozenset({"loss", "max_learning_rate"})
ENGINE_ARRAYS = frozenset({"param", "grad"})
ENGINE_HYPER = frozenset({"beta_scope"})
"""Hyper-parameters that the engine reads, and no equation."""

RESULTS = frozenset({"new_param", "step_size"})
"""What the engine reads: they must be defined and count as used."""


@dataclass
class _Scope:
    """Names that are visible so far, by kind."""

    scalars: set[str]
    numbers: set[str]
    arrays: set[str]
    states: set[str]
    defined: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)

    def visible(self, phase: str) -> set[str]:
        """Names that an equation of the phase may use."""
        if phase not in PER_LEAF:
            return self.scalars
        return self.scalars | self.numbers | (set() if phase == "leaf" else self.arrays)


def check_names(spec: OptimizerSpec) -> Iterator[str]:
    """Yield a message for each violation."""
    group = {name for name, hyper in spec.hyper.items() if hyper.scope == "group"}
    scope = _Scope(
        scalars=(set(spec.hyper) - group) | set(spec.scalar_state) | _engine_scalars(spec),
        numbers=group | set(spec.tensor_state) | {"fresh"},
        arrays=set(spec.leaf_state) | ENGINE_ARRAYS,
        states=set(spec.leaf_state) | set(spec.tensor_state) | set(spec.scalar_state),
    )
    reserved = {*spec.hyper, *ENGINE_SCALARS, *ENGINE_ARRAYS, "fresh", *FUNCTIONS, *CONSTANTS}
    for phase in PHASES:
        yield from _check_phase(spec, phase, scope, reserved)
    for name, expression in spec.info.items():
        yield from _unknown(f"info {name!r}", expression, scope.scalars)
        scope.used |= set(names(expression))
    yield from _check_use(spec, scope)


def _engine_scalars(spec: OptimizerSpec) -> set[str]:
    return set(ENGINE_SCALARS) if spec.needs_loss else set(ENGINE_SCALARS - {"loss"})


def _check_phase(spec: OptimizerSpec, phase: str, scope: _Scope, reserved: set[str]) -> Iterator[str]:
    visible = set(scope.visible(phase))
    for equation in spec.equations[phase]:
        where = f"{phase}: {equation.text!r}"
        yield from _unknown(where, equation.expression, visible)
        yield from _check_target(where, equation, scope, reserved)
        yield from _check_sum(where, phase, equation.expression, scope.arrays)
        scope.used |= set(names(equation.expression))
        if phase not in REDUCING:
            _define(scope, phase, equation)
            visible = scope.visible(phase)
    if phase in REDUCING:
        results = {equation.target for equation in spec.equations[phase]}
        scope.scalars |= results
        scope.used |= results


def _define(scope: _Scope, phase: str, equation: Equation) -> None:
    if phase not in PER_LEAF:
        scope.scalars.add(equation.target)
    elif _is_array(equation.expression, scope.arrays) or equation.target in scope.arrays:
        scope.arrays.add(equation.target)
    else:
        scope.numbers.add(equation.target)


def _unknown(where: str, expression: Expression, visible: set[str]) -> Iterator[str]:
    for name in sorted(set(names(expression)) - visible):
        yield f"{where}: {name!r} is not defined here"


def _check_target(where: str, equation: Equation, scope: _Scope, reserved: set[str]) -> Iterator[str]:
    scope.defined[equation.target] += 1
    if equation.target in reserved:
        yield f"{where}: {equation.target!r} cannot be assigned"
    if scope.defined[equation.target] > 1:
        yield f"{where}: {equation.target!r} is assigned twice"


def _check_sum(where: str, phase: str, expression: Expression, arrays: set[str]) -> Iterator[str]:
    sums = [node for node in _operations(expression) if node.operator == "sum"]
    if phase not in REDUCING:
        if sums:
            yield f"{where}: 'sum' outside of {' and '.join(sorted(REDUCING))}"
        return
    if not sums:
        yield f"{where}: no 'sum' in a phase of sums"
    if _is_array(expression, arrays):
        yield f"{where}: not a number, an array is left outside of 'sum'"
    for node in sums:
        if not _is_array(node.arguments[0], arrays):
            yield f"{where}: 'sum' of a number"


def _check_use(spec: OptimizerSpec, scope: _Scope) -> Iterator[str]:
    inits = {state.init for state in spec.scalar_state.values() if isinstance(state.init, str)}
    for name in sorted(set(spec.hyper) - scope.used - inits - ENGINE_HYPER):
        yield f"hyper {name!r} is never used"
    for name in sorted(scope.states - scope.used):
        yield f"state {name!r} is never used"
    for name in sorted(scope.states - set(scope.defined)):
        yield f"state {name!r} is never updated"
    for name in sorted(set(scope.defined) - scope.used - scope.states - RESULTS):
        yield f"{name!r} is computed and never used"
    for name in sorted(RESULTS - set(scope.defined)):
        yield f"{name!r} is never computed"


def _operations(expression: Expression) -> Iterator[Operation]:
    if isinstance(expression, Operation):
        yield expression
        for argument in expression.arguments:
            yield from _operations(argument)


def _is_array(expression: Expression, arrays: set[str]) -> bool:
    if isinstance(expression, Name):
        return expression.id in arrays
    if isinstance(expression, Operation):
        return expression.operator != "sum" and any(_is_array(a, arrays) for a in expression.arguments)
    return False
