"""Gradient transformations with a direction of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from momo_core import Kind

from .adapter import transformation
from .groups import Mask

if TYPE_CHECKING:
    import optax


def own_optimizer(
    kind: Kind, *, on_nonfinite: str = "skip", weight_decay_mask: Mask = None, **hyper: Any
) -> optax.GradientTransformationExtraArgs:
    """
    The transformation of an optimizer with a direction of one's own.

    Parameters
    ----------
    kind : momo_core.Kind
        As `momo_core.own_kind` makes it.
    on_nonfinite : "skip", "raise" or "propagate"
    weight_decay_mask : tree of bool or callable, optional
        Which tensors decay; see `momo`.
    **hyper
        Hyper-parameters by canonical name; ``learning_rate`` may be a schedule.

    Raises
    ------
    TypeError
        If a hyper-parameter is unknown.
    InvalidTypeError, InvalidValueError
        If a hyper-parameter is of the wrong type or outside of its domain.
    """
    if unknown := hyper.keys() - kind.table.hyper.keys():
        raise TypeError(f"{kind.name} has no hyper-parameter {', '.join(sorted(unknown))}")
    return transformation(
        kind,
        hyper,
        schedulable=("learning_rate",),
        on_nonfinite=on_nonfinite,
        weight_decay_mask=weight_decay_mask,
    )
