"""
Equations of the specification as LaTeX.

Hyper-parameters and state have the symbols of their specification, other variables are
words.  The result is for a block of mathematics in Markdown: it uses nothing beyond what
MathJax and KaTeX know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from .language import Equation, Expression, Name, Number, Operation
from .load import OptimizerSpec

ENGINE_SYMBOLS = {
    "param": "x",
    "new_param": "x^+",
    "grad": "g",
    "loss": "f",
    "max_learning_rate": r"\alpha_{\max}",
    "beta_k": r"\beta_k",
    "beta_t": r"\beta_t",
    "direction": "u",
    "step_size": r"\tau",
}
"""Symbols of what every optimizer has."""

COMPARISON, CASES, ADDITION, PRODUCT, POWER, ATOM = range(6)
"""How tightly an expression binds."""

_BINARY = {
    "<": ("<", COMPARISON),
    "<=": (r"\le", COMPARISON),
    ">": (">", COMPARISON),
    ">=": (r"\ge", COMPARISON),
    "==": ("=", COMPARISON),
    "!=": (r"\ne", COMPARISON),
    "+": ("+", ADDITION),
    "-": ("-", ADDITION),
    "*": (r"\cdot", PRODUCT),
}
_COMPOUND = re.compile(r" [-+*/] |\\sum|\\frac")
_FUNCTIONS = {"sum": r"\sum", "min": r"\min", "max": r"\max"}


def symbols(spec: OptimizerSpec) -> dict[str, str]:
    """
    LaTeX of the variables that have a symbol.

    A symbol that two variables of an optimizer share stands for neither of them, and one that is
    an expression itself would be misread in a product: these are left out and so become words.
    """
    states = {**spec.leaf_state, **spec.tensor_state, **spec.scalar_state}
    given = {name: hyper.symbol for name, hyper in spec.hyper.items() if hyper.symbol}
    given |= {name: state.symbol for name, state in states.items() if state.symbol}
    every = {**ENGINE_SYMBOLS, **given}
    uses = Counter(every.values())
    return {
        name: symbol for name, symbol in every.items() if uses[symbol] == 1 and not _COMPOUND.search(symbol)
    }


def word(name: str) -> str:
    r"""
    Write a variable without a symbol.

    >>> word("grad_avg")
    '\\mathrm{grad\\_avg}'
    """
    letters = name.replace("_", r"\_")
    return rf"\mathrm{{{letters}}}"


def number(value: float | bool) -> str:
    r"""
    Write a literal.

    >>> number(0.5), number(1e-8), number(float("inf"))
    ('0.5', '10^{-8}', '\\infty')
    """
    if isinstance(value, bool):
        return rf"\text{{{str(value).lower()}}}"
    if value == float("inf"):
        return r"\infty"
    mantissa, _, exponent = repr(value).removesuffix(".0").partition("e")
    if not exponent:
        return mantissa
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def expression_latex(expression: Expression, symbol: Mapping[str, str], level: int = COMPARISON) -> str:
    """
    LaTeX of an expression.

    Parameters
    ----------
    expression : Expression
    symbol : mapping of str to str
        LaTeX of the variables that have a symbol.
    level : int
        How tightly the place binds where the expression stands; what binds less gets
        parentheses.

    Returns
    -------
    str
    """
    match expression:
        case Name(name):
            text = symbol.get(name, word(name))
            # What has an exponent takes no second one.
            own = POWER if "^" in text else ATOM
        case Number(value):
            text = number(value)
            own = PRODUCT if "^" in text else ATOM
        case Operation(operator, arguments):
            text, own = _operation(operator, arguments, symbol)
    return text if own >= level else rf"\left({text}\right)"


def _operation(
    operator: str, arguments: tuple[Expression, ...], symbol: Mapping[str, str]
) -> tuple[str, int]:
    """LaTeX of an operation, and how tightly it binds."""
    plain = [expression_latex(argument, symbol) for argument in arguments]
    match operator:
        case "where":
            condition, yes, no = plain
            cases = rf"{yes} & \text{{if }} {condition} \\ {no} & \text{{otherwise}}"
            return rf"\begin{{cases}} {cases} \end{{cases}}", CASES
        case "/":
            return rf"\frac{{{plain[0]}}}{{{plain[1]}}}", POWER
        case "**":
            return rf"{expression_latex(arguments[0], symbol, ATOM)}^{{{plain[1]}}}", POWER
        case "sqrt":
            return rf"\sqrt{{{plain[0]}}}", ATOM
        case "abs":
            return rf"\left|{plain[0]}\right|", ATOM
        case "negate":
            return f"-{expression_latex(arguments[0], symbol, PRODUCT)}", ADDITION
    if operator in _FUNCTIONS:
        return rf"{_FUNCTIONS[operator]}\left({', '.join(plain)}\right)", POWER
    sign, level = _BINARY[operator]
    # All operators associate to the left: the right-hand side must bind more tightly.
    left, right = (expression_latex(argument, symbol, level + i) for i, argument in enumerate(arguments))
    return f"{left} {sign} {right}", level


def equation_latex(equation: Equation, spec: OptimizerSpec) -> str:
    r"""
    LaTeX of an equation, aligned at its sign.

    An arrow says that a state variable gets its new value: what is on the right is the old one.
    """
    symbol = symbols(spec)
    state = equation.target in {*spec.leaf_state, *spec.tensor_state, *spec.scalar_state}
    target = symbol.get(equation.target, word(equation.target))
    # A comparison gets parentheses, or it would look like a chain of equations.
    value = expression_latex(equation.expression, symbol, CASES)
    sign = r"\leftarrow" if state else "="
    return f"{target} &{sign} {value}"


def block(equations: Iterable[Equation], spec: OptimizerSpec) -> str:
    """Equations below each other, as one environment."""
    lines = " \\\\\n".join(equation_latex(equation, spec) for equation in equations)
    return f"\\begin{{aligned}}\n{lines}\n\\end{{aligned}}"
