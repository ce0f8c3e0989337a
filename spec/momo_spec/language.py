"""
The equation language of the specification.

An equation is ``name = expression``.  Expressions have numbers, names, the operators
``+ - * / **``, unary minus, one comparison (``< <= > >= == !=``) and the functions
``sum sqrt min max where abs``.  Nothing else is accepted, so that every
implementer can write an evaluator in an afternoon.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

FUNCTIONS = {"sum": 1, "sqrt": 1, "abs": 1, "min": 2, "max": 2, "where": 3}
CONSTANTS = {"inf": float("inf"), "True": True, "False": False}

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})


class EquationError(ValueError):
    """A text that is not an expression of the language."""


@dataclass(frozen=True)
class Number:
    """A literal; `value` is bool for ``True`` and ``False``."""

    value: float | bool


@dataclass(frozen=True)
class Name:
    """A variable."""

    id: str


@dataclass(frozen=True)
class Operation:
    """An operator or a function with its arguments."""

    operator: str
    arguments: tuple[Expression, ...]


Expression = Number | Name | Operation


@dataclass(frozen=True)
class Equation:
    """``target = expression``, with the text it was read from."""

    target: str
    expression: Expression
    text: str


def parse_equation(text: str) -> Equation:
    """
    Read ``name = expression``.

    Raises
    ------
    EquationError
        If the text is not an equation of the language.
    """
    target, separator, expression = text.partition(" = ")
    if not separator or not target.strip().isidentifier():
        raise EquationError(f"not an equation of the form 'name = expression': {text!r}")
    return Equation(target.strip(), parse_expression(expression), text)


def parse_expression(text: str) -> Expression:
    """
    Read an expression.

    Raises
    ------
    EquationError
        If the text has a construct that the language lacks.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise EquationError(f"{error.msg}: {text!r}") from error
    return _convert(tree.body, text)


def names(expression: Expression) -> Iterator[str]:
    """Yield the variables of an expression, from left to right, with repetitions."""
    if isinstance(expression, Name):
        yield expression.id
    elif isinstance(expression, Operation):
        for argument in expression.arguments:
            yield from names(argument)


def _convert(node: ast.expr, text: str) -> Expression:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return Number(value)
        case ast.Name(id=name):
            return Number(CONSTANTS[name]) if name in CONSTANTS else Name(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Operation("negate", (_convert(operand, text),))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _operation(_OPERATORS[type(operator)], [left, right], text)
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _OPERATORS:
            return _operation(_OPERATORS[type(operator)], [left, right], text)
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
            if FUNCTIONS.get(function) == len(arguments):
                return _operation(function, arguments, text)
    raise EquationError(f"not in the equation language: {ast.unparse(node)!r} in {text!r}")


def _operation(operator: str, arguments: list[ast.expr], text: str) -> Operation:
    return Operation(operator, tuple(_convert(argument, text) for argument in arguments))
