"""
The Trainer of Hugging Face's transformers: the loss for the optimizer, its step size for the log.

A mixin, so that it goes with every subclass of `transformers.Trainer`; the package itself is not imported.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .trainers import logged, unwrapped


class LossMixin:
    """
    Records each loss that a `transformers.Trainer` backpropagates, and logs what the steps did.

    With it a step has the loss of its whole batch, with ``gradient_accumulation_steps`` and in
    every precision; ``step_size``, ``truncation``, ``lower_bound`` and ``beta`` stand beside
    ``loss`` in the log.  Optimizers of other packages are left alone.

    Examples
    --------
    ``class MomoTrainer(LossMixin, Trainer): ...``
    """

    optimizer: Any

    def training_step(self, *arguments: Any, **options: Any) -> Tensor:
        """Backpropagate a small batch; the loss that comes back is its part of the batch's."""
        loss: Tensor = super().training_step(*arguments, **options)  # type: ignore[misc]
        optimizer = unwrapped(self.optimizer)
        if optimizer is not None:
            optimizer.record_loss(loss)
        return loss

    def log(self, logs: dict[str, float], *arguments: Any, **options: Any) -> None:
        """Log, and beside a training loss what the last step did."""
        optimizer = unwrapped(self.optimizer)
        if optimizer is not None and "loss" in logs:
            logs = {**logs, **{name: value.item() for name, value in logged(optimizer).items()}}
        super().log(logs, *arguments, **options)  # type: ignore[misc]
