"""What the user asked for, checked, and the optimizer it names as the spec describes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}


@dataclass(frozen=True)
class Config:
    """
    The options of one run that decide its numbers.

    `hyper` holds the hyper-parameters the user chose, under the names of the spec; the rest keep
    their defaults, which every backend brings along itself.
    """

    optimizer: str
    dataset: str
    steps: int
    batch_size: int
    hidden: int
    seed: int
    dtype: str
    device: str
    hyper: dict[str, float | bool] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON types."""
        return asdict(self)
