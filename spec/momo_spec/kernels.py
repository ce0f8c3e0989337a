"""
Kernels: the equations of the tensors as Python source for a compiler of array loops.

A step takes two sweeps over all tensors, three where the momentum adapts: `measure` and
`accumulate` read and add up, and `apply` computes the same averages again and writes everything.
So nothing is written before the step is known to be finite, and no temporary arrays are needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .division import divided_by_inverses
from .language import COMPARISONS, Equation, Expression, Name, Number, Operation, names, parse_equation
from .load import OptimizerSpec
from .simplify import ONE, ZERO, simplified, specialised

OF_GROUP = ("relative_rate", "weight_decay", "decay", "step_scale", "shrink", "model_scale")
"""What the core computes for each parameter group; the kernels take it as it is."""

NO_DECAY = {"weight_decay": ZERO, "decay": ZERO, "shrink": ZERO, "step_scale": ONE, "model_scale": ONE}
"""`OF_GROUP` without weight decay."""


class Pass(NamedTuple):
    """
    What a sweep computes.

    Attributes
    ----------
    until : str
        The last phase whose equations it needs.
    sums : str
        The phase whose sums it adds.
    sizes : tuple of str
        Arrays whose absolute values it adds up.
    target, source : str
        The array that tells how a tensor moves, and what is written to it; empty if nothing is.
    """

    until: str
    sums: str
    sizes: tuple[str, ...]
    target: str = ""
    source: str = ""


IN_PLACE = {
    "measure": Pass("measure", "measure_sums", ()),
    "accumulate": Pass("accumulate", "sums", ("grad_avg", "direction")),
    "apply": Pass("apply", "displacement", ("new_param",), "param", "new_param"),
}
"""Sweeps that move the parameters."""

RETURNED = {
    "measure": Pass("measure", "measure_sums", ()),
    "accumulate": Pass("accumulate", "checked", ("grad_avg", "direction", "param")),
    "foresee": Pass("update", "change", ()),
    "update": Pass("update", "change", (), "update", "update"),
}
"""Sweeps that say what to add to the parameters; `foresee` only sees how that changes the model."""

ADDED = {
    "checked": ("norm_sq = relative_rate * sum(grad_avg * direction)",),
    "update": ("update = new_param - param", "stored_param = param + update"),
    "change": ("model_change = sum(grad_avg * (stored_param - param))",),
}
"""
Phases of a framework in which an optimizer returns what to add.

All that a step checks is in its sums, or in the sizes of its averages.
"""

_PHASES = ("leaf", "measure", "accumulate", "apply", "update")
_LITERALS = {0: "zero", 1: "one"}


Passes = Mapping[str, Pass]
"""Sweeps of a step by name, in order."""


class KernelError(ValueError):
    """An optimizer whose equations do not fit into the sweeps."""


@dataclass(frozen=True)
class Sweep:
    """
    One pass over the tensors.

    Attributes
    ----------
    name : str
        Of its `Pass`.
    loop : list of Equation
        For each element, in order.
    once : list of Equation
        For each tensor: numbers.
    arrays, scalars : list of str
        What `loop` needs of the tensor: arrays that it reads, numbers.
    writes : list of (str, str)
        Arrays, and the variables that are written to them.
    totals : dict of str to Expression
        Sums over the elements.
    sums : list of (str, Expression)
        What is made of them, for each part of a tensor; the parts add up.
    new : list of (str, str)
        State of shape () of a tensor, and the variables of its new values.
    """

    name: str
    loop: list[Equation]
    once: list[Equation]
    arrays: list[str]
    scalars: list[str]
    writes: list[tuple[str, str]]
    totals: dict[str, Expression]
    sums: list[tuple[str, Expression]]
    new: list[tuple[str, str]]

    @property
    def words(self) -> int:
        """Arrays read and arrays written."""
        return len(self.arrays) + len(self.writes)

    @property
    def sum_names(self) -> tuple[str, ...]:
        """Names of the sums."""
        return tuple(name for name, _ in self.sums)

    @property
    def parameters(self) -> str:
        """Arguments of the loop over a part of a tensor, as source."""
        return ", ".join(f"{name}s" for name in self.arrays) + "".join(f", {name}" for name in self.scalars)

    @property
    def inputs(self) -> list[str]:
        """Numbers that the sweep needs from outside."""
        sources = [*(equation.expression for equation in self.once), *(value for _, value in self.sums)]
        wanted = [*self.scalars, *(name for value in sources for name in names(value))]
        made = {equation.target for equation in self.once} | set(self.totals)
        return sorted(set(wanted) - made - set(_LITERALS.values()))


@dataclass(frozen=True)
class KernelSet:
    """
    The sweeps of an optimizer, for a step with weight decay or without.

    Attributes
    ----------
    spec : OptimizerSpec
    decays : bool
    sweeps : list of Sweep
    name : str
        Common to all optimizers with the same sweeps.
    """

    spec: OptimizerSpec
    decays: bool
    sweeps: list[Sweep]
    name: str

    @property
    def arrays(self) -> tuple[str, ...]:
        """The arrays of a tensor."""
        known = ("param", "grad", *self.averages)
        targets = (target for sweep in self.sweeps for target, _ in sweep.writes)
        return (*known, *(target for target in targets if target not in known))

    @property
    def averages(self) -> tuple[str, ...]:
        """The arrays that are kept for a tensor."""
        return tuple(self.spec.leaf_state)

    @property
    def own(self) -> tuple[str, ...]:
        """Numbers that each tensor has for itself."""
        candidates = (*OF_GROUP, "fresh", *self.spec.tensor_state, *self.chosen)
        return tuple(name for name in candidates if name in self._inputs)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Numbers that may be chosen for each tensor."""
        return tuple(equation.target for equation in self.spec.equations["choose"])

    @property
    def tensor_state(self) -> tuple[str, ...]:
        """State of shape () of a tensor."""
        return tuple(self.spec.tensor_state)

    @property
    def scalars(self) -> tuple[str, ...]:
        """Numbers that all tensors share."""
        return tuple(sorted(self._inputs - set(self.own)))

    @property
    def flags(self) -> set[str]:
        """The numbers that are true or false."""
        return {"fresh"} | {name for name, hyper in self.spec.hyper.items() if hyper.kind == "flag"}

    @property
    def words(self) -> int:
        """Words moved for each parameter in a step."""
        return sum(sweep.words for sweep in self.sweeps)

    @property
    def _inputs(self) -> set[str]:
        return {name for sweep in self.sweeps for name in sweep.inputs}


def kernel_sets(specs: Iterable[OptimizerSpec], passes: Passes = IN_PLACE) -> list[KernelSet]:
    """Sweeps of all optimizers that have them, without weight decay and with it."""
    sets: list[KernelSet] = []
    for spec in filter(fits, specs):
        for decays in (False, True):
            new = kernel_set(spec, decays, passes)
            names = [old.name for old in sets if (old.sweeps, old.arrays) == (new.sweeps, new.arrays)]
            sets.append(replace(new, name=names[0]) if names else new)
    return sets


def distinct(sets: Iterable[KernelSet]) -> list[KernelSet]:
    """The first set of each name."""
    return list({each.name: each for each in reversed(list(sets))}.values())[::-1]


def fits(spec: OptimizerSpec) -> bool:
    """Whether the parameters move along ``direction`` and the average of the gradients is kept."""
    assigned = {equation.target for equation in spec.equations["accumulate"]}
    return {"grad_avg", "direction"} <= assigned and "grad_avg" in spec.leaf_state


def kernel_set(spec: OptimizerSpec, decays: bool, passes: Passes = IN_PLACE) -> KernelSet:
    """
    Sweeps of an optimizer.

    Raises
    ------
    KernelError
        If an equation does not fit.
    """
    chosen = [name for name in passes if name != "measure" or spec.equations["choose"]]
    sweeps = [_sweep(spec, name, passes[name], {} if decays else NO_DECAY) for name in chosen]
    return KernelSet(spec, decays, sweeps, f"{spec.name}_decayed" if decays else spec.name)


def _equations(spec: OptimizerSpec, phase: str) -> list[Equation]:
    own: Sequence[Equation] = spec.equations.get("sums" if phase == "checked" else phase, [])
    added = map(parse_equation, ADDED.get(phase, ()))
    return [*own, *(new for new in added if new.target not in {equation.target for equation in own})]


def _sweep(spec: OptimizerSpec, name: str, what: Pass, known: dict[str, Number]) -> Sweep:
    before = _PHASES[: _PHASES.index(what.until) + 1]
    given = [
        equation for part in before for equation in _equations(spec, part) if equation.target not in OF_GROUP
    ]
    specialised_given, found = specialised(given, known)
    equations, tensor_state = _renamed(specialised_given, spec)
    totals: dict[str, Expression] = {}
    results = []
    for equation in _equations(spec, what.sums):
        value = _collected(simplified(equation.expression, found), totals)
        _check_linear(value, totals)
        if value != ZERO:
            results.append((equation.target, value))
    sizes = (*what.sizes, *(spec.leaf_state if what.sums == "checked" else ()))
    for array in dict.fromkeys(_aliased(array, equations) for array in sizes):
        totals[f"size_{array}"] = Operation("abs", (Name(array),))
        results.append((f"size_{array}", Name(f"size_{array}")))
    writes = [(what.target, what.source), *_averages(spec, equations)] if what.target else []
    new = tensor_state if what.target else []
    wanted = {variable for value in totals.values() for variable in names(value)}
    scalar_wanted = {variable for _, value in results for variable in names(value)} | {
        each for _, each in new
    }
    kept, needed = _sliced(equations, wanted | scalar_wanted | {variable for _, variable in writes})
    return _assembled(spec, name, kept, needed, writes, totals, results, new)


def _assembled(
    spec: OptimizerSpec,
    name: str,
    kept: list[Equation],
    needed: set[str],
    writes: list[tuple[str, str]],
    totals: dict[str, Expression],
    sums: list[tuple[str, Expression]],
    new: list[tuple[str, str]],
) -> Sweep:
    """Divide what is needed into arrays and numbers."""
    sources = ["param", "grad", *spec.leaf_state]
    elementwise = set(sources)
    sources += [target for target, _ in writes if target not in sources]
    loop, once = [], []
    for equation in kept:
        if elementwise & set(names(equation.expression)):
            elementwise.add(equation.target)
            loop.append(equation)
        else:
            once.append(equation)
    loop, inverses = divided_by_inverses(loop, elementwise)
    once += inverses
    used = [each for equation in loop for each in names(equation.expression)]
    used += [each for value in totals.values() for each in names(value)]
    scalars = list(dict.fromkeys(each for each in used if each not in elementwise))
    arrays = [each for each in sources if each in needed or each in {target for target, _ in writes}]
    return Sweep(name, loop, once, arrays, scalars, writes, totals, sums, new)


def _averages(spec: OptimizerSpec, equations: list[Equation]) -> list[tuple[str, str]]:
    """The averages, which are written under their own names."""
    assigned = {equation.target for equation in equations}
    return [(name, name) for name in spec.leaf_state if name in assigned]


def _renamed(equations: list[Equation], spec: OptimizerSpec) -> tuple[list[Equation], list[tuple[str, str]]]:
    """Give new values of the state of a tensor names of their own: its parts still read the old ones."""
    renamed: dict[str, str] = {}
    result = []
    for equation in equations:
        expression = _substituted(equation.expression, renamed)
        target = equation.target
        if target in spec.tensor_state:
            renamed[target] = target = f"new_{target}"
        result.append(Equation(target, expression, equation.text))
    return result, list(renamed.items())


def _substituted(expression: Expression, renamed: dict[str, str]) -> Expression:
    if isinstance(expression, Name):
        return Name(renamed.get(expression.id, expression.id))
    if isinstance(expression, Operation):
        parts = tuple(_substituted(each, renamed) for each in expression.arguments)
        return Operation(expression.operator, parts)
    return expression


def _aliased(array: str, equations: list[Equation]) -> str:
    """The variable that an array is another name of, or itself."""
    made = [equation.expression for equation in equations if equation.target == array]
    return made[-1].id if made and isinstance(made[-1], Name) else array


def _sliced(equations: Sequence[Equation], wanted: set[str]) -> tuple[list[Equation], set[str]]:
    """The equations that `wanted` needs, and what these need themselves."""
    needed = set(wanted)
    kept: list[Equation] = []
    for equation in reversed(equations):
        if equation.target in needed:
            kept.insert(0, equation)
            needed = (needed - {equation.target}) | set(names(equation.expression))
    return kept, needed


def _collected(expression: Expression, totals: dict[str, Expression]) -> Expression:
    """`expression` with a name for each of its sums, which go into `totals`."""
    if not isinstance(expression, Operation):
        return expression
    if expression.operator != "sum":
        parts = tuple(_collected(each, totals) for each in expression.arguments)
        return Operation(expression.operator, parts)
    summand = expression.arguments[0]
    known = [name for name, value in totals.items() if value == summand]
    name = known[0] if known else f"sum_{len(totals) + 1}"
    totals[name] = summand
    return Name(name)


def _check_linear(expression: Expression, totals: dict[str, Expression]) -> None:
    """
    Check that the values of an expression for the parts of a tensor add up to that of the tensor.

    Raises
    ------
    KernelError
    """
    if _degree(expression, totals) not in (1, None):
        raise KernelError("not linear in its sums")


def _degree(expression: Expression, totals: dict[str, Expression]) -> int | None:
    """Degree in the sums; None for zero, which has any degree."""
    match expression:
        case Name(name):
            return int(name in totals)
        case Number(value):
            return None if value == 0 else 0
    degrees = [_degree(each, totals) for each in expression.arguments]
    if expression.operator in ("*", "/"):
        left, right = degrees
        if expression.operator == "/" and right != 0:
            raise KernelError("a quotient of sums")
        return None if left is None or right is None else left + right
    if expression.operator == "where":
        degrees = degrees[1:]
    found = {degree for degree in degrees if degree is not None}
    if len(found) > 1 or (
        expression.operator in COMPARISONS | {"min", "max", "sqrt", "abs"} and found != {0}
    ):
        raise KernelError("not linear in its sums")
    return found.pop() if found else None


def python_source(expression: Expression) -> str:
    """
    Python source of an expression.

    >>> from momo_spec.language import parse_expression
    >>> python_source(parse_expression("where(d == 0, 0, max(a, b) * (1 + c))"))
    'zero if d == zero else (b if a < b else a) * (one + c)'
    """
    return ast.unparse(_python(expression))


def _python(expression: Expression) -> ast.expr:
    match expression:
        case Name(name):
            return ast.Name(name)
        case Number(value):
            if value not in _LITERALS:
                raise KernelError(f"no constant for {value}")
            return ast.Name(_LITERALS[int(value)])
    arguments: list[Any] = [_python(each) for each in expression.arguments]
    match expression.operator:
        case "negate":
            return ast.UnaryOp(ast.USub(), arguments[0])
        case "sqrt" | "abs" | "quotient" as function:
            return ast.Call(ast.Name(function), arguments, [])
        case "where":
            condition, yes, no = arguments
            return ast.IfExp(condition, yes, no)
        case "min" | "max" as function:
            left, right = arguments
            first, second = (left, right) if function == "min" else (right, left)
            return ast.IfExp(ast.Compare(left, [ast.Lt()], [right]), first, second)
    template = ast.parse(f"a {expression.operator} b", mode="eval").body
    if isinstance(template, ast.Compare):
        return ast.Compare(arguments[0], template.ops, [arguments[1]])
    assert isinstance(template, ast.BinOp)
    return ast.BinOp(arguments[0], template.op, arguments[1])
