"""Time against the number of parameters."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from .cases import Shapes
from .worker import Found

TENSORS = 10
SIZES = (10**4, 10**5, 10**6, 10**7, 3 * 10**7, 10**8)
PAST_CACHE = 10**7
"""Parameters from which on their tensors fit into no cache of a core."""
WORDS = 12
"""Words of memory for each parameter: two optimizers, their parameters, the gradients, temporaries."""


def scaling_sets(free: int | None) -> tuple[dict[str, Shapes], dict[str, str]]:
    """
    Parameter sets of growing size, and why some are left out.

    Parameters
    ----------
    free : int, optional
        Bytes of free memory, None if unknown.
    """
    sets: dict[str, Shapes] = {}
    absent: dict[str, str] = {}
    for size in SIZES:
        need = 4 * WORDS * size
        if free is not None and need > free:
            absent[f"{size:,}"] = f"needs {need / 1e9:.1f} GB of memory, {free / 1e9:.1f} are free"
        else:
            sets[f"{size:,}"] = ((size // TENSORS,),) * TENSORS
    return sets, absent


def free_memory() -> int | None:
    """Bytes of memory that is free, None if the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


@dataclass(frozen=True)
class Growth:
    """
    How the time of a case grows.

    Attributes
    ----------
    name : str
    nanoseconds : dict of int to float
        For each parameter, by the number of parameters.
    """

    name: str
    nanoseconds: dict[int, float]

    @property
    def spread(self) -> float | None:
        """Largest over smallest time for each parameter past the cache, less 1; None below two sizes."""
        past = [value for size, value in self.nanoseconds.items() if size >= PAST_CACHE]
        return max(past) / min(past) - 1 if len(past) > 1 else None


def growths(found: Iterable[Found]) -> list[Growth]:
    """The figures by case."""
    by_name: dict[str, dict[int, float]] = {}
    for each in found:
        result = each.result
        by_name.setdefault(result.name, {})[result.parameters] = 1e9 * result.median / result.parameters
    return [Growth(name, dict(sorted(values.items()))) for name, values in by_name.items()]
