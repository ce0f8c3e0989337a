"""How far a number of roundings may carry a result: what a comparison allows is counted, not chosen."""

from __future__ import annotations

from typing import Any

import numpy as np

from momo_spec.bounds import UNIT_ROUNDOFF


def gamma(count: int, dtype: str = "float64") -> float:
    """Largest relative error of `count` roundings in turn: ``n u / (1 - n u)``."""
    error = count * UNIT_ROUNDOFF[dtype]
    return error / (1 - error)


def assert_rounded(found: Any, exact: Any, count: int, dtype: str = "float64", *, terms: Any = None) -> None:
    """
    `found` is `exact` but for at most `count` roundings of each value.

    Parameters
    ----------
    found, exact : array_like
    count : int
        Roundings that an operand of the computation passes, one after the other: n products and
        their sum in any order are n.
    dtype : str
        Format that rounds.
    terms : array_like, optional
        Sum of the magnitudes that a value is the sum of; its own magnitude where nothing cancels.
    """
    found, exact = np.asarray(found, dtype=np.float64), np.asarray(exact, dtype=np.float64)
    size = exact if terms is None else np.asarray(terms, dtype=np.float64)
    allowed = gamma(count, dtype) * np.abs(size)
    error = np.abs(found - exact)
    assert found.shape == exact.shape
    assert np.all(error <= allowed), f"off by {np.max(error)}, {np.max(allowed)} allowed"
