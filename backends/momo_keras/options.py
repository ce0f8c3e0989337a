"""The options that every Keras optimizer has."""

from __future__ import annotations

from typing import TypedDict


class KerasOptions(TypedDict, total=False):
    """Keyword arguments of `keras.optimizers.Optimizer`, see there."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None
