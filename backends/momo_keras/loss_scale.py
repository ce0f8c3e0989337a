"""Loss scaling for mixed float16 that hands the loss to the optimizer inside."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="momo_keras")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):  # type: ignore[misc]
    """
    `keras.optimizers.LossScaleOptimizer` for an optimizer that needs the loss.

    Keras wraps every optimizer in its own one when a model with the policy
    ``mixed_float16`` is compiled, and that one never shows the loss to the optimizer
    inside.  So wrap it first: ``model.compile(optimizer=LossScaleOptimizer(MomoAdam()))``.
    """

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the dynamic scale; the optimizer inside is given the loss itself."""
        self.inner_optimizer.scale_loss(loss)
        return super().scale_loss(loss)
