"""Equations become LaTeX that means the same."""

from __future__ import annotations

import re

import pytest

from momo_spec.language import parse_equation, parse_expression
from momo_spec.latex import block, equation_latex, expression_latex, number, symbols
from momo_spec.load import load_spec, spec_names

SYMBOL = {"a": "a", "b": "b", "c": "c", "power": "x^k"}


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a + b - c", "a + b - c"),
        ("a - (b + c)", r"a - \left(b + c\right)"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("(a + b) * c", r"\left(a + b\right) \cdot c"),
        ("a * b + c", r"a \cdot b + c"),
        ("a * b / c", r"\frac{a \cdot b}{c}"),
        ("a / b * c", r"\frac{a}{b} \cdot c"),
        ("a / (b + c)", r"\frac{a}{b + c}"),
        ("(a / b) ** 2", r"\left(\frac{a}{b}\right)^{2}"),
        ("a ** (b + 1)", "a^{b + 1}"),
        ("power ** 2", r"\left(x^k\right)^{2}"),
        ("sqrt(a) ** 2", r"\sqrt{a}^{2}"),
        ("-a + b", "-a + b"),
        ("a - -b", r"a - \left(-b\right)"),
        ("-(a + b)", r"-\left(a + b\right)"),
        ("-(a * b)", r"-a \cdot b"),
        ("a * -b", r"a \cdot \left(-b\right)"),
        ("abs(a - b)", r"\left|a - b\right|"),
        ("2 * sum(a * b)", r"2 \cdot \sum\left(a \cdot b\right)"),
        ("min(a, max(b, 0))", r"\min\left(a, \max\left(b, 0\right)\right)"),
        ("where(a >= b, a, 0)", r"\begin{cases} a & \text{if } a \ge b \\ 0 & \text{otherwise} \end{cases}"),
        ("grad_avg", r"\mathrm{grad\_avg}"),
    ],
)
def test_expression(text: str, latex: str) -> None:
    assert expression_latex(parse_expression(text), SYMBOL) == latex


def test_a_choice_within_an_expression_has_parentheses() -> None:
    latex = expression_latex(parse_expression("1 + where(a, b, c)"), SYMBOL)
    assert latex.startswith(r"1 + \left(\begin{cases}")
    assert latex.endswith(r"\end{cases}\right)")


@pytest.mark.parametrize(
    ("value", "latex"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.123456789, "0.123456789"),
        (1e-8, "10^{-8}"),
        (2.5e-8, r"2.5 \cdot 10^{-8}"),
        (float("inf"), r"\infty"),
        (True, r"\text{true}"),
    ],
)
def test_number(value: float | bool, latex: str) -> None:
    assert number(value) == latex


def test_state_gets_an_arrow_and_a_comparison_parentheses() -> None:
    spec = load_spec("momo")
    assert equation_latex(parse_equation("weight = 1"), spec) == r"\rho &\leftarrow 1"
    assert equation_latex(parse_equation("cap = loss"), spec) == r"\mathrm{cap} &= f"
    reset = equation_latex(parse_equation("reset = loss < beta"), spec)
    assert reset == r"\mathrm{reset} &= \left(f < \beta\right)"


@pytest.mark.parametrize("name", spec_names())
def test_no_symbol_stands_for_two_variables(name: str) -> None:
    given = symbols(load_spec(name))
    assert len(set(given.values())) == len(given)


@pytest.mark.parametrize("name", spec_names())
def test_all_equations_are_well_formed(name: str) -> None:
    """Every bracket and environment that opens closes, in order."""
    spec = load_spec(name)
    for equations in spec.equations.values():
        opened: list[str] = []
        for token in re.findall(
            r"\\left(?!arrow)|\\right|\\begin\{\w+\}|\\end\{\w+\}|[{}]", block(equations, spec)
        ):
            if token in (r"\left", "{") or token.startswith(r"\begin"):
                opened.append(token)
                continue
            expected = {r"\right": r"\left", "}": "{"}.get(token, token.replace(r"\end", r"\begin"))
            assert opened.pop() == expected, name
        assert opened == []
