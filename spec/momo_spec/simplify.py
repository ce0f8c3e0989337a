"""Simplify expressions of the specification where some variables are known numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .language import Equation, Expression, Name, Number, Operation

_CONSTANT: dict[str, Callable[[float, float], float | bool]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ZERO, ONE = Number(0), Number(1)


def simplified(expression: Expression, known: Mapping[str, Number]) -> Expression:
    """
    The same value with fewer operations, as long as all of them are finite.

    A product with the number 0 is 0, whatever the other factor.
    """
    if isinstance(expression, Name):
        return known.get(expression.id, expression)
    if isinstance(expression, Number):
        return expression
    return _operation(expression.operator, tuple(simplified(each, known) for each in expression.arguments))


def specialised(
    equations: Iterable[Equation], known: Mapping[str, Number]
) -> tuple[list[Equation], dict[str, Number]]:
    """Equations without the variables that are known or become known on the way; and all these."""
    found, kept = dict(known), []
    for equation in equations:
        expression = simplified(equation.expression, found)
        if isinstance(expression, Number):
            found[equation.target] = expression
        else:
            kept.append(replace(equation, expression=expression))
    return kept, found


def _operation(sign: str, arguments: tuple[Expression, ...]) -> Expression:
    if sign == "where":
        return _choice(*arguments)
    if sign == "sum" and arguments == (ZERO,):
        return ZERO
    if len(arguments) == 2:
        left, right = arguments
        if isinstance(left, Number) and isinstance(right, Number) and sign in _CONSTANT:
            return Number(_CONSTANT[sign](left.value, right.value))
        shorter = _shorter(sign, left, right)
        if shorter is not None:
            return shorter
    return Operation(sign, arguments)


def _choice(condition: Expression, yes: Expression, no: Expression) -> Expression:
    if isinstance(condition, Number):
        return yes if condition.value else no
    return yes if yes == no else Operation("where", (condition, yes, no))


def _shorter(sign: str, left: Expression, right: Expression) -> Expression | None:
    """One of the operands or zero, where that is the result."""
    if sign == "*" and ZERO in (left, right):
        return ZERO
    if sign == "/" and left == ZERO:
        return ZERO
    if (sign == "*" and left == ONE) or (sign == "+" and left == ZERO):
        return right
    if (sign in "*/" and right == ONE) or (sign in "+-" and right == ZERO):
        return left
    return None
