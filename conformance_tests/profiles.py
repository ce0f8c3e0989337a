"""
What the profiles of the tests leave out, visibly: the nightly one runs everything.

``MOMO_PROFILE=nightly python -m pytest``
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest

PROFILE = os.environ.get("MOMO_PROFILE", "ci")
only_nightly = pytest.mark.skipif(
    PROFILE != "nightly", reason="not run: a case like others that do, MOMO_PROFILE=nightly runs all"
)

PARTS = ("sgdm", "momo", "momo_adam", "am_adamw", "momo_am_adam", "momo_adagrad", "schedule_free_sps")
"""Rules in which every model, every kind of metric and of momentum occurs."""


def mostly(values: Iterable[Any], chosen: Sequence[Any]) -> list[Any]:
    """Parameters of a test, of which only the chosen ones run by day."""
    rows = ((value, value if isinstance(value, tuple) else (value,)) for value in values)
    return [pytest.param(*row, marks=[] if value in chosen else only_nightly) for value, row in rows]


def every_other(values: Iterable[Any]) -> list[Any]:
    """Parameters of a test, of which every other one runs by day."""
    return [
        pytest.param(value, marks=only_nightly if number % 2 else []) for number, value in enumerate(values)
    ]


def checkered(rows: Sequence[Any], columns: Sequence[Any]) -> list[Any]:
    """Parameters of a test from two lists, of which by day every other pair runs, as on a chessboard."""
    return [
        pytest.param(row, column, marks=only_nightly if (i + j) % 2 else [])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]


def pairwise(*lists: Sequence[Any]) -> list[Any]:
    """Parameters of a test from lists of three values or more, of which by day every pair occurs."""
    return [
        pytest.param(*row, marks=[only_nightly] if sum(place) % 3 else [])
        for place, row in zip(product(*map(range, map(len, lists))), product(*lists), strict=True)
    ]
