"""
The arithmetics in which the specification can be evaluated.

=============  =======================================================================
`Exact`        rational numbers; a square root must be rational
`Dyadic`       `Exact`, and every result must fit in a number of significant bits
`Precise`      50 decimal digits
`Float64`      binary64
`Perturbed`    binary64 with random relative errors of a given unit roundoff
=============  =======================================================================

Arrays are NumPy arrays, of objects for the first three.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

Value = Any
"""A scalar of the arithmetic, a bool, or an array of such."""


class NotExactError(ArithmeticError):
    """A result that the arithmetic cannot represent."""


class Arithmetic:
    """The operations of the equation language; subclasses say how numbers are stored."""

    def number(self, value: float) -> Value:
        """Convert a binary64 number, once and without error."""
        return value

    def array(self, values: Any) -> Value:
        """Convert an array of binary64 numbers."""
        return np.array(values, dtype=np.float64)

    def rounded(self, value: Value) -> Value:
        """Hook that every arithmetic result passes."""
        return value

    def stored(self, value: Value) -> Value:
        """Hook that new parameters pass."""
        return value

    def zeros(self, shape: tuple[int, ...]) -> Value:
        """Array of zeros."""
        return self.array(np.zeros(shape))

    def apply(self, name: str, arguments: list[Value]) -> Value:
        """Evaluate one operation of the language; NumPy may warn, of a division by zero for example."""
        if name in _COMPARE:
            return _COMPARE[name](*arguments)
        if name in _CHOOSE:
            return getattr(self, _CHOOSE[name])(*arguments)
        return self.rounded(getattr(self, _COMPUTE[name])(*arguments))

    def _add(self, left: Value, right: Value) -> Value:
        return left + right

    def _subtract(self, left: Value, right: Value) -> Value:
        return left - right

    def _multiply(self, left: Value, right: Value) -> Value:
        return left * right

    def _divide(self, left: Value, right: Value) -> Value:
        return np.divide(left, right)

    def _power(self, left: Value, right: Value) -> Value:
        return left**right

    def _sqrt(self, value: Value) -> Value:
        return np.sqrt(value)

    def total(self, terms: Value, axis: int | None = None) -> Value:
        """Sum of all terms or along an axis, in any order."""
        return self.rounded(np.sum(terms, axis=axis))

    def _sum(self, value: Value) -> Value:
        return self.total(value)

    def _negate(self, value: Value) -> Value:
        return -value

    def _abs(self, value: Value) -> Value:
        return abs(value)

    def _where(self, condition: Value, yes: Value, no: Value) -> Value:
        if isinstance(condition, np.ndarray):
            return np.where(condition, yes, no)
        return yes if condition else no

    def _min(self, left: Value, right: Value) -> Value:
        return self._where(left < right, left, right)

    def _max(self, left: Value, right: Value) -> Value:
        return self._where(left > right, left, right)


class Float64(Arithmetic):
    """Binary64."""


class Exact(Arithmetic):
    """Rational numbers; infinities and NaN stay floats."""

    def number(self, value: float) -> Value:
        """Convert a binary64 number, once and without error."""
        return Fraction(value) if math.isfinite(value) else value

    def array(self, values: Any) -> Value:
        """Convert an array of binary64 numbers; one of this arithmetic stays as it is."""
        return _converted(values, self.number)

    def _divide(self, left: Value, right: Value) -> Value:
        return _elementwise(_divide_exact, left, right)

    def _sqrt(self, value: Value) -> Value:
        return _elementwise(_sqrt_exact, value)


class Dyadic(Exact):
    """
    Rational numbers of at most `bits` significant bits.

    Sums are checked by the sum of their magnitudes, so that a trajectory that passes
    is the same to the bit in every order of summation and in every binary format of at
    least that precision.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def rounded(self, value: Value) -> Value:
        """Raise NotExactError unless the value fits."""
        _elementwise(self._check, value)
        return value

    def total(self, terms: Value, axis: int | None = None) -> Value:
        """Sum of all terms or along an axis; raise NotExactError unless every order fits."""
        if axis is not None:
            return np.apply_along_axis(self.total, axis, terms)
        flat = list(np.asarray(terms).flat)
        grid = [abs(term) for term in flat if isinstance(term, Fraction)]
        unit = Fraction(1, max((term.denominator for term in grid), default=1))
        if sum(grid, Fraction(0)) / unit >= 2**self.bits:
            raise NotExactError("a sum needs too many bits in some order")
        return self.rounded(sum(flat, Fraction(0)))

    def _check(self, value: Value) -> Value:
        if isinstance(value, Fraction):
            odd = abs(value.numerator)
            odd //= odd & -odd or 1
            power_of_two = value.denominator & (value.denominator - 1) == 0
            if not power_of_two or odd.bit_length() > self.bits:
                raise NotExactError(f"{value} has no {self.bits} significant bits")
        return value


class Precise(Arithmetic):
    """Floating point of 50 decimal digits, by mpmath."""

    def __init__(self, digits: int = 50) -> None:
        import mpmath  # of the extra "spec", which readers of the specification do without

        self._context = mpmath.MPContext()
        self._context.dps = digits

    def number(self, value: float) -> Value:
        """Convert a binary64 number, once and without error."""
        return self._context.mpf(float(value))

    def array(self, values: Any) -> Value:
        """Convert an array of binary64 numbers; one of this arithmetic stays as it is."""
        return _converted(values, self.number)

    def _divide(self, left: Value, right: Value) -> Value:
        return _elementwise(self._divide_scalar, left, right)

    def _divide_scalar(self, left: Value, right: Value) -> Value:
        return left / right if right else self.number(_by_zero(left))

    def _sqrt(self, value: Value) -> Value:
        return _elementwise(self._context.sqrt, value)


class Perturbed(Arithmetic):
    """
    Binary64 whose results carry random relative errors (Monte-Carlo arithmetic).

    Parameters
    ----------
    unit_roundoff : float
        Of the format that is imitated, 2**-24 for float32.
    seed : int
        Of the random errors.
    storage : float, optional
        Unit roundoff of the format of the parameters, where that is coarser.
    """

    def __init__(self, unit_roundoff: float, *, seed: int, storage: float = 0.0) -> None:
        self.unit_roundoff, self.storage = unit_roundoff, storage
        self._errors = _errors(np.random.default_rng(seed))

    def number(self, value: float) -> Value:
        """Convert a binary64 number with one rounding error."""
        return self.rounded(float(value))

    def rounded(self, value: Value) -> Value:
        """Multiply by ``1 + unit_roundoff * xi``, xi uniform in [-1, 1]."""
        return value * (1.0 + self.unit_roundoff * self._error(getattr(value, "shape", ())))

    def _error(self, shape: tuple[int, ...]) -> Value:
        if not shape:
            return next(self._errors)
        return np.array(list(islice(self._errors, math.prod(shape)))).reshape(shape)

    def stored(self, value: Value) -> Value:
        """Multiply by ``1 + storage * xi`` where the parameters are coarser than the arithmetic."""
        if self.storage <= self.unit_roundoff:
            return value
        return value * (1.0 + self.storage * self._error(np.shape(value)))

    def total(self, terms: Value, axis: int | None = None) -> Value:
        """Sum with an error for its order, and one for its last rounding."""
        exact, magnitude = terms.sum(axis=axis), np.abs(terms).sum(axis=axis)
        order = np.sqrt(terms.size // exact.size) * self.unit_roundoff * magnitude
        return self.rounded(exact + order * self._error(exact.shape))


def _errors(random: np.random.Generator) -> Iterator[np.float64]:
    """Numbers uniform in [-1, 1]; drawn many at a time, which changes none of them."""
    while True:
        yield from random.uniform(-1.0, 1.0, size=1024)


_COMPARE: dict[str, Callable[[Value, Value], Value]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_CHOOSE = {name: f"_{name}" for name in ("where", "min", "max", "abs", "negate", "sum")}
_COMPUTE = {"+": "_add", "-": "_subtract", "*": "_multiply", "/": "_divide", "**": "_power", "sqrt": "_sqrt"}


def _elementwise(function: Callable[..., Value], *values: Value) -> Value:
    if any(isinstance(value, np.ndarray) for value in values):
        with np.errstate(all="ignore"):
            return np.asarray(np.frompyfunc(function, len(values), 1)(*values), dtype=object)
    return function(*values)


def _converted(values: Any, number: Callable[[float], Value]) -> Value:
    """An array of objects."""
    given = np.asarray(values)
    return given if given.dtype == object else _elementwise(number, given.astype(np.float64))


def _by_zero(numerator: Value) -> float:
    if not numerator > 0 and not numerator < 0:
        return math.nan
    return math.inf if numerator > 0 else -math.inf


def _divide_exact(left: Value, right: Value) -> Value:
    if isinstance(left, Fraction) and math.isinf(right):
        return Fraction(0)
    return left / right if right else _by_zero(left)


def _sqrt_exact(value: Value) -> Value:
    if not math.isfinite(value):
        return value
    root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    if root * root != value:
        raise NotExactError(f"the square root of {value} is not rational")
    return root
