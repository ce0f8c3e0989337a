"""Division by a number whose inverse is known: the same bits as a division."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("numba", reason="not run: numba is not installed")

from conformance_tests.profiles import PROFILE, every_other
from momo_kernels.compiled import compiled
from momo_kernels.quotient import quotient

Floats = npt.NDArray[np.floating[Any]]
FORMATS = (np.float32, np.float64)
DIGITS = {np.float32: 24, np.float64: 53}
COUNT = 1 << (20 if PROFILE == "nightly" else 18)


@compiled
def quotients(dividends: Any, divisor: Any, inverse: Any) -> Any:
    """`quotient` in a loop, as the kernels have it."""
    results = dividends.copy()
    for i in range(dividends.size):
        results[i] = quotient(dividends[i], divisor, inverse)
    return results


def both(dividends: Floats, divisor: Any) -> tuple[Floats, Floats]:
    """`quotient` and the division."""
    number = dividends.dtype.type(divisor)
    with np.errstate(all="ignore"):
        return quotients(dividends, number, 1 / number), dividends / number


def assert_same_as_division(dividends: Floats, divisor: Any) -> None:
    np.testing.assert_array_equal(*both(dividends, divisor))


def divisors(dtype: Any) -> list[Any]:
    """Weights of averages, powers of two and their neighbours, and the ends of what is allowed."""
    weights = [1 - decay**step for decay in (0.5, 0.9, 0.99, 0.999) for step in (1, 2, 10, 1000)]
    powers = [dtype(2.0**power) for power in (0, -1, -2, -20)]
    near = [np.nextafter(power, dtype(direction)) for power in powers for direction in (0, 1)]
    ends = [np.finfo(dtype).smallest_normal, np.nextafter(np.finfo(dtype).smallest_normal, dtype(1))]
    return [dtype(value) for value in (*weights, *powers, *near, *ends)]


def from_exponents(dtype: Any, low: int, high: int, seed: int = 0) -> Floats:
    """Random digits with exponents from `low` to below `high`."""
    generator = np.random.default_rng(seed)
    digits = (1 + generator.random(COUNT)).astype(dtype)
    return np.ldexp(digits, generator.integers(low, high, COUNT)).astype(dtype)


@pytest.mark.parametrize("divisor", every_other(divisors(np.float32)))
def test_all_digits_of_float32(divisor: Any) -> None:
    """All digits of a dividend in float32, for both parities of the exponent."""
    first = np.float32(0.25).view(np.int32)
    dividends = np.arange(first, first + (1 << 24), dtype=np.int32).view(np.float32)
    assert_same_as_division(dividends, divisor)


@pytest.mark.parametrize("dtype", FORMATS)
def test_random_digits_where_the_result_is_promised(dtype: Any) -> None:
    """From the smallest dividend with that promise on, past the largest with a finite quotient."""
    limits = np.finfo(dtype)
    dividends = from_exponents(dtype, limits.minexp + DIGITS[dtype], limits.maxexp)
    lowest = np.ldexp(dtype(1), limits.minexp + DIGITS[dtype])
    dividends[:4] = 0, lowest, limits.max, np.inf
    for divisor in (*divisors(dtype), *from_exponents(dtype, -30, -1, seed=1)[:20]):
        assert_same_as_division(dividends, divisor)


@pytest.mark.parametrize("dtype", FORMATS)
def test_quotients_next_to_a_midpoint(dtype: Any) -> None:
    """Dividends whose quotients are next to halfway between two numbers, where rounding is decided last."""
    for divisor in divisors(dtype)[:-2]:
        numbers = np.sort(from_exponents(dtype, -4, 4, seed=2))
        middle = (numbers.astype(np.longdouble) + np.nextafter(numbers, dtype(99))) / 2
        near = (middle * np.longdouble(divisor)).astype(dtype)
        for dividends in (near, np.nextafter(near, dtype(0)), np.nextafter(near, dtype(99))):
            assert_same_as_division(dividends, divisor)


@pytest.mark.parametrize("dtype", FORMATS)
def test_quotients_at_the_largest_number(dtype: Any) -> None:
    """Whether a quotient is the largest number or infinite is decided as by the division."""
    for divisor in divisors(dtype):
        middle = dtype(np.finfo(dtype).max * np.longdouble(divisor))
        steps = np.arange(-1000, 1000).astype(dtype)
        with np.errstate(over="ignore"):
            dividends = middle + steps * np.spacing(np.nextafter(middle, dtype(0)))
        assert_same_as_division(dividends[np.isfinite(dividends)], divisor)


@pytest.mark.parametrize("dtype", FORMATS)
def test_exact_quotients_of_small_dividends(dtype: Any) -> None:
    """From twice the smallest normal number on, a quotient that is a number of the format is found."""
    half = DIGITS[dtype] // 2
    generator = np.random.default_rng(3)
    factors = generator.integers(1 << (half - 1), 1 << half, COUNT).astype(dtype)
    lowest = np.finfo(dtype).minexp + 1
    for digits in generator.integers(1 << (half - 1), 1 << half, 20):
        divisor = np.ldexp(dtype(digits), -half)
        products = factors * divisor
        above = 1 + np.arange(COUNT) % 30
        dividends = np.ldexp(products, lowest - np.frexp(products)[1] + above).astype(dtype)
        assert dividends.min() >= np.ldexp(dtype(1), lowest)
        assert_same_as_division(dividends, divisor)


@pytest.mark.parametrize("dtype", FORMATS)
def test_small_dividends_are_two_units_off_at_most(dtype: Any) -> None:
    """Below the promise, down to the smallest subnormal number."""
    limits = np.finfo(dtype)
    dividends = from_exponents(dtype, limits.minexp - DIGITS[dtype] + 1, limits.minexp + DIGITS[dtype])
    for divisor in divisors(dtype)[:-2]:
        ours, theirs = both(dividends, divisor)
        assert (np.abs(ours - theirs) <= 2 * np.spacing(theirs)).all()


@pytest.mark.parametrize("dtype", FORMATS)
def test_division_by_zero(dtype: Any) -> None:
    """As the division has it, a number over 0 is infinite, and 0 over 0 is none."""
    assert_same_as_division(np.array([0, 1, np.inf, np.nan], dtype), 0)
