"""Division by a number whose inverse is known, for the loops of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_DTYPES: dict[Any, type[np.floating[Any]]] = {types.float32: np.float32, types.float64: np.float64}


@intrinsic  # type: ignore[untyped-decorator]
def quotient(typing_context: Any, dividend: Any, divisor: Any, inverse: Any) -> Any:
    """
    dividend / divisor, where inverse = 1 / divisor: a product, and Markstein's correction of it.

    The three operations take less time than a division, of which the loops have others.

    Parameters
    ----------
    dividend : float
        0 or more.
    divisor : float, of the same type
        0, or between the smallest normal number and 1.
    inverse : float, of the same type
        1 / divisor as a division rounds it.

    Notes
    -----
    Let p be the digits of the format, u = 2^-p, and t its smallest normal number.  The result is that of
    the division, bit for bit, for each dividend from 2^p t on, and for 0.  From 2 t on it also is wherever
    a / b is a number of the format.  A smaller dividend has a remainder that may not be one: the result
    is at most two units in the last place from that of the division.

    Proof.  Scale a and b to [1, 2).  Let y be the inverse, |y - 1/b| <= u/2, q = a y rounded, r = a - b q,
    and s the distance of numbers at a / b: u if a < b, otherwise 2 u.

    1. If q is a neighbour of a / b, r is a multiple of 2 u s and less than 2 s, so a number of the format.
       Say q < a / b; the midpoint is q + s/2.  No quotient is a midpoint, and r and b s/2 are numbers of
       one spacing: either r >= (b + 2 u) s/2, or r <= (b - 2 u) s/2.  As b (b + 2 u) < 4, the error of y
       is less than 1/b - 1/(b + 2 u), and than 1/(b - 2 u) - 1/b, so r y and r / b are on the same side of
       s/2.  This needs an inverse that is rounded correctly, whatever the digits of b: the case of all
       ones fails only where the inverse comes from an iteration.  If a = b, q is 1 or 1 - u: r y corrects it.
    2. If a >= b, q is a neighbour, as |a y - a / b| < u = s/2.  If a < b, that is a u/2 at most, and q may be
       the second number from a / b.  Then a / b is within (a - 1) u/2 of the number between, and at least
       2 u^2 from a midpoint.  |r (y - 1/b)| <= 3 u^2 / 2 points away from the nearer one, and r is
       rounded by 2 u^2 at most, times y < 1.  So q + r y rounds to the number between, as a / b does.
    3. If a y overflows, q is the largest number instead.  Then r y is a / b - q, and q + r y is rounded
       to the largest number or to infinity, as a / b is.

    Sources: P. Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor",
    IBM J. Res. Dev. 34 (1990); N. Brisebarre, J.-M. Muller, S. K. Raina, "Accelerating correctly rounded
    floating-point division when the divisor is known in advance", IEEE Trans. Comput. 53 (2004).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        top, bottom, inverted = arguments
        largest = ir.Constant(top.type, float(np.finfo(_DTYPES[signature.return_type]).max))
        product = builder.fmul(top, inverted)
        first = builder.select(builder.fcmp_ordered("<", product, largest), product, largest)
        remainder = builder.fma(builder.fneg(first), bottom, top)
        return builder.fma(remainder, inverted, first)

    return dividend(dividend, divisor, inverse), generate
