"""What is timed: parameter sets, and cases that step on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from momo_spec import load_spec

Shapes = tuple[tuple[int, ...], ...]

PARAMETER_SETS: dict[str, Shapes] = {
    "13M in 50": ((512, 512),) * 50,
    "21M in 121": (*((416, 416),) * 120, (144, 1024)),
    "13.6k in 100": ((136,),) * 100,
}
"""Large tensors, more of them, and many small ones."""

REFERENCE = "torch AdamW fused"
ADAM_WORDS = 7
"""Words that a step of Adam in one sweep moves: the gradient, and in both directions x, m and v."""


class UnavailableError(Exception):
    """What was asked for cannot run on this machine."""


@dataclass(frozen=True)
class Case:
    """
    An optimizer on a parameter set.

    Attributes
    ----------
    name : str
    framework : str
    step : callable
        One step on gradients that stay; it may return before the step is over.
    wait : callable
        Returns when all steps are over.
    parameters : int
        Elements of all tensors.
    state_bytes : callable
        Bytes of the state, after the first step.
    temporaries : callable
        Takes a step, or looks at its compiled code: the most bytes that it holds for itself;
        None where that cannot be seen.
    words : int, optional
        The fewest words known to suffice for such a step, for each parameter.
    peer : str
        Name of the case that it is compared with; empty for none.
    """

    name: str
    framework: str
    step: Callable[[], object]
    wait: Callable[[], object]
    parameters: int
    state_bytes: Callable[[], int]
    temporaries: Callable[[], int | None]
    words: int | None = None
    peer: str = ""


def count(shapes: Shapes) -> int:
    """Elements of all tensors."""
    return sum(map(prod, shapes))


def words_of(rule: str) -> int | None:
    """Words that the generated kernels of a rule move for each parameter; None without kernels."""
    try:
        from momo_torch.plan import kernel_table

        kernels = kernel_table().get((rule, decays(rule)))
    except ImportError:
        return None
    return None if kernels is None else kernels.words


def decays(rule: str) -> bool:
    """Whether a rule has weight decay by default."""
    return load_spec(rule).hyper["weight_decay"].default != 0


def needed(rule: str) -> dict[str, float]:
    """Hyper-parameters by canonical name without which a rule would not take all steps of a run."""
    return {"total_steps": 1e6} if "total_steps" in load_spec(rule).hyper else {}
