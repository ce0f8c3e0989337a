"""Loss scaling for mixed float16 that hands the loss to the optimizer inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from .checkpoint import SavedOptimizer
from .distribution import collectively
from .loss import LossOptimizer
from .namespaces import dense, outside_functions


@keras.saving.register_keras_serializable(package="momo_keras")
class LossScaleOptimizer(SavedOptimizer, keras.optimizers.LossScaleOptimizer):  # type: ignore[misc]
    """
    `keras.optimizers.LossScaleOptimizer` for an optimizer that needs the loss.

    Keras wraps every optimizer in its own one when a model with the policy
    ``mixed_float16`` is compiled, and that one never shows the loss to the optimizer
    inside.  So wrap it first: ``model.compile(optimizer=LossScaleOptimizer(MomoAdam()))``.
    Its arguments are those of Keras's.

    Raises
    ------
    TypeError
        If the optimizer inside is none of this package.
    """

    def __init__(self, inner_optimizer: LossOptimizer, *arguments: Any, **options: Any) -> None:
        if not isinstance(inner_optimizer, LossOptimizer):
            raise TypeError("for an optimizer of Keras there is keras.optimizers.LossScaleOptimizer")
        super().__init__(inner_optimizer, *arguments, **options)

    @property
    def rule_name(self) -> str:  # type: ignore[override]
        """Name of the rule of the optimizer inside."""
        name: str = self.inner_optimizer.rule_name
        return name

    def build(self, var_list: Sequence[Any]) -> None:
        """Create the state of both optimizers."""
        if self.built:
            return
        with outside_functions():
            super().build(var_list)
            self._load_waiting()

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the dynamic scale; the optimizer inside is given the loss itself."""
        self.inner_optimizer.scale_loss(loss)
        return super().scale_loss(loss)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Take one step, or only lower the scale where a gradient is not finite."""
        super().apply(grads, trainable_variables)
        self.inner_optimizer.take_loss()

    def _tf_apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        # Keras's own would give every replica the loss of the last one.
        def apply(summed: list[Any]) -> None:
            *summed_grads, loss = summed
            self.inner_optimizer.keep_loss(loss)
            self._common_apply(summed_grads, trainable_variables)

        collectively(apply, [*(dense(grad) for grad in grads), self.inner_optimizer.take_loss()])
