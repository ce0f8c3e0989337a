"""The equation language and the arithmetics that it is evaluated in."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance_tests.roundings import assert_rounded
from momo_spec.arithmetic import Arithmetic, Dyadic, Exact, Float64, NotExactError, Perturbed, Precise
from momo_spec.evaluate import Evaluator
from momo_spec.hexfloat import BitPatternError, decode, decode_array, encode, encode_array
from momo_spec.language import EquationError, Number, Operation, names, parse_equation, parse_expression
from momo_spec.load import load_spec

ACCEPTED = {
    "a = 1": ([], "1"),
    "a = b + c * d": (["b", "c", "d"], "+"),
    "a = -(b - 2.5e-3) / c ** 2": (["b", "c"], "/"),
    "a = where(b <= inf, min(c, 1), max(d, -inf))": (["b", "c", "d"], "where"),
    "a = sqrt(abs(b))": (["b"], "sqrt"),
    "a = sum(b * c)": (["b", "c"], "sum"),
    "a = where(True, b != c, False)": (["b", "c"], "where"),
}
REFUSED = [
    "a == b",
    "b",
    "a, b = c",
    "a = ",
    "a = b +",
    "a = b; c",
    "a = b < c < d",
    "a = b and c",
    "a = not b",
    "a = b // c",
    "a = b % c",
    "a = b @ c",
    "a = +b",
    "a = b[0]",
    "a = b.c",
    "a = 'b'",
    "a = 1j",
    "a = None",
    "a = lambda: b",
    "a = b if c else d",
    "a = exp(b)",
    "a = min(b)",
    "a = min(b, c, d)",
    "a = sum(b, axis=0)",
    "a = min(*b)",
    "a = __import__('os')",
    "a = (b := 1)",
    "a = [b]",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_accepts(text: str) -> None:
    variables, operator = ACCEPTED[text]
    equation = parse_equation(text)
    assert (equation.target, equation.text) == ("a", text)
    assert list(names(equation.expression)) == variables
    if isinstance(equation.expression, Operation):
        assert equation.expression.operator == operator


@pytest.mark.parametrize("text", REFUSED)
def test_refuses(text: str) -> None:
    with pytest.raises(EquationError):
        parse_equation(text)


def test_constants() -> None:
    assert parse_expression("inf") == Number(math.inf)
    assert parse_expression("False") == Number(False)


@np.errstate(all="ignore")
def value(text: str, arithmetic: Arithmetic, **scope: Any) -> Any:
    """Evaluate an expression on its own."""
    evaluator = Evaluator(load_spec("momo"), arithmetic=arithmetic)
    converted = {
        name: arithmetic.array(number) if isinstance(number, list) else arithmetic.array(number)[()]
        for name, number in scope.items()
    }
    return evaluator._value(parse_expression(text), converted)


@pytest.mark.parametrize("arithmetic", [Exact(), Precise(), Float64()], ids=lambda a: type(a).__name__)
def test_division_by_zero_follows_ieee_754(arithmetic: Arithmetic) -> None:
    assert value("a / b", arithmetic, a=1.0, b=0.0) == math.inf
    assert value("a / b", arithmetic, a=-1.0, b=0.0) == -math.inf
    assert math.isnan(value("a / b", arithmetic, a=0.0, b=0.0))
    assert value("a / b", arithmetic, a=1.0, b=math.inf) == 0
    quotients = value("a / b", arithmetic, a=[1.0, 0.0], b=[0.0, 2.0])
    assert float(quotients[0]) == math.inf
    assert quotients[1] == 0


@pytest.mark.parametrize("arithmetic", [Exact(), Precise(), Float64()], ids=lambda a: type(a).__name__)
def test_where_ignores_the_other_side(arithmetic: Arithmetic) -> None:
    assert value("where(a == 0, 7, 1 / a)", arithmetic, a=0.0) == 7
    chosen = value("where(a == 0, 7, 1 / a)", arithmetic, a=[0.0, 2.0])
    assert [float(number) for number in chosen] == [7.0, 0.5]
    assert value("where(max(a, 0) > 1, 2, where(False, a, 3))", arithmetic, a=1.0) == 3


def test_infinities_order() -> None:
    for arithmetic in (Exact(), Precise(), Float64()):
        assert value("min(a, b)", arithmetic, a=math.inf, b=2.0) == 2
        assert value("max(a, b)", arithmetic, a=-math.inf, b=2.0) == 2
        assert value("a < inf", arithmetic, a=2.0)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """Random expressions in x and y without a root."""
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(["x", "y", "2", "0.5", "3"]))
    left, right = draw(expressions(depth=depth - 1)), draw(expressions(depth=depth - 1))
    form = draw(
        st.sampled_from(["({} + {})", "({} - {})", "({} * {})", "({} / {})", "min({}, {})", "max({}, {})"])
    )
    return form.format(left, right)


LARGEST_DENOMINATOR = 2**7 * 6**8
"""Of an expression with eight numbers up to 6: an operation multiplies the heights, a sum doubles that."""


@given(expressions(), st.integers(-6, 6), st.integers(-6, 6))
def test_exact_and_precise_agree(text: str, x: int, y: int) -> None:
    """50 digits tell one rational number of such a denominator from the next."""
    exact, precise = (value(text, a, x=float(x), y=float(y)) for a in (Exact(), Precise()))
    if not math.isfinite(exact):
        return
    assert Fraction(str(precise)).limit_denominator(LARGEST_DENOMINATOR) == exact


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=5))
def test_precise_and_binary64_agree(numbers: list[float]) -> None:
    text = "sum(x * x) + sqrt(sum(abs(x)))"
    precise, found = (float(value(text, a, x=numbers)) for a in (Precise(), Float64()))
    # A product or the root, the sum of all, the sum of both, and one for `precise`; nothing cancels.
    assert_rounded(found, precise, len(numbers) + 2)


def test_dyadic_detects_what_would_round() -> None:
    eight = Dyadic(8)
    assert value("a * b", eight, a=15.0, b=17.0) == 255
    for text in ("a * b + 2", "1 / 3", "a / b", "a + b / 4096"):
        with pytest.raises(NotExactError):
            value(text, eight, a=15.0, b=17.0)
    with pytest.raises(NotExactError, match="rational"):
        value("sqrt(a)", eight, a=2.0)


def test_dyadic_detects_a_sum_that_depends_on_the_order() -> None:
    terms = [200.0, 200.0, -200.0, -200.0, 1.0]
    assert value("sum(a)", Dyadic(11), a=terms) == 1
    with pytest.raises(NotExactError, match="some order"):
        value("sum(a)", Dyadic(8), a=terms)


def test_perturbed_is_random_small_and_repeatable() -> None:
    unit = 2.0**-24
    runs = [value("sum(a * a)", Perturbed(unit, seed=seed), a=[1.0, 2.0, 3.0]) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert all(0 < abs(run - 14) < 14 * 8 * unit for run in runs)


def test_exact_keeps_fractions() -> None:
    assert value("(a / 3) * 3", Exact(), a=1.0) == Fraction(1)
    assert isinstance(value("a / b", Exact(), a=1.0, b=math.inf), Fraction)


@given(st.floats())
def test_bit_patterns_round_trip(number: float) -> None:
    for short in (False, True):
        back = decode(encode(number, short=short))
        assert (
            math.isnan(back) if math.isnan(number) else np.array(back).tobytes() == np.array(number).tobytes()
        )


def test_bit_patterns_of_arrays() -> None:
    assert encode(1.5) == "f64:3ff8000000000000"
    assert encode(1.5, short=True) == "f32:3fc00000"
    assert encode(0.1, short=True).startswith("f64")
    array = np.array([[1.0, -0.0], [math.inf, 2.0**-1074]])
    np.testing.assert_array_equal(decode_array(encode_array(array)), array)
    assert decode_array(encode(2.0)).shape == ()


@pytest.mark.parametrize("text", ["1.5", "f64:3ff8", "f16:3e00", "f32:3fc0000g", "f64:3ff80000 0000000"])
def test_bad_bit_patterns(text: str) -> None:
    with pytest.raises(BitPatternError):
        decode(text)
