"""Markers of checks outside of pytest: what they prove of reliability.toml, and when they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Check = TypeVar("_Check", bound=Callable[..., object])


def covers(*codes: str) -> Callable[[_Check], _Check]:
    """Mark a check with the cases it proves; the first sentence of its docstring is what holds."""

    def mark(check: _Check) -> _Check:
        check.reliability = codes  # type: ignore[attr-defined]
        return check

    return mark


def by_night(check: _Check) -> _Check:
    """Mark a check that is like others: it runs in the nightly profile alone."""
    return check
