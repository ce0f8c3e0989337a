"""
Division of many numbers by the same one, with its inverse: for the loops of the kernels.

A division takes several times as long as a product, and no compiler may replace it unless told that
the results need not be exact.  `quotient` in `momo_kernels.quotient` makes it of a product and two fused
multiply-adds, and its docstring says for which numbers the result is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .language import Equation, Expression, Name, Operation, names
from .simplify import ONE

QUOTIENT = "quotient"
"""Operator with three arguments: dividend, divisor, inverse of the divisor."""

_INVERSE = "inverse_"


def divided_by_inverses(
    loop: Iterable[Equation], elementwise: Collection[str]
) -> tuple[list[Equation], list[Equation]]:
    """
    Equations of a loop with quotients in the place of divisions by what is the same for all elements.

    Parameters
    ----------
    loop : iterable of Equation
    elementwise : collection of str
        Variables with a value for each element.

    Returns
    -------
    loop, once : list of Equation
        The loop, and the inverses, to be computed before it.

    Examples
    --------
    >>> from momo_spec.language import parse_equation
    >>> loop, once = divided_by_inverses([parse_equation("a = sqrt(v / w) / v")], {"v"})
    >>> loop[0].expression.arguments[0].arguments[0].operator
    'quotient'
    >>> [each.text for each in once]
    ['inverse_w = 1 / w']
    """
    divisors: dict[str, None] = {}
    changed = [
        Equation(each.target, _with_quotients(each.expression, elementwise, divisors), each.text)
        for each in loop
    ]
    once = [
        Equation(_INVERSE + name, Operation("/", (ONE, Name(name))), f"{_INVERSE}{name} = 1 / {name}")
        for name in divisors
    ]
    return changed, once


def _with_quotients(
    expression: Expression, elementwise: Collection[str], divisors: dict[str, None]
) -> Expression:
    """`expression` with quotients; their divisors go into `divisors`."""
    if not isinstance(expression, Operation):
        return expression
    parts = tuple(_with_quotients(each, elementwise, divisors) for each in expression.arguments)
    if expression.operator == "/" and _is_one_for_all(expression, elementwise):
        divisor = parts[1]
        assert isinstance(divisor, Name)
        divisors[divisor.id] = None
        return Operation(QUOTIENT, (*parts, Name(_INVERSE + divisor.id)))
    return Operation(expression.operator, parts)


def _is_one_for_all(division: Operation, elementwise: Collection[str]) -> bool:
    """Whether elements are divided by a variable with one value."""
    dividend, divisor = division.arguments
    is_shared = isinstance(divisor, Name) and divisor.id not in elementwise
    return is_shared and any(name in elementwise for name in names(dividend))
