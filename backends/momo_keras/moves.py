"""
A Keras optimizer that knows what happens to the variables after its own update.

With moving averages Keras overwrites them, after that it applies constraints.  Both go on
in a step that the optimizer skipped, and both make the predicted loss stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .loss import LossOptimizer
from .namespaces import copy_of, namespace, value_of
from .slots import Slots


class MovedOptimizer(LossOptimizer):
    """Base of optimizers that skip steps and predict the loss."""

    _slots: Slots

    def _apply_summed(self, grads: Sequence[Any], trainable_variables: Any) -> None:
        self._transit.landing = None
        super()._apply_summed(grads, trainable_variables)
        if self._transit.landing is not None:
            self._hold(*self._transit.landing)
            self._follow(*self._transit.landing)
        self._transit.landing = self._transit.skipped_before = None

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """At the end of `fit`, with ``use_ema``: give the variables their moving averages."""
        before = [copy_of(variable) for variable in var_list] if self.use_ema else []
        super().finalize_variable_values(var_list)
        if self.use_ema:
            self._follow(var_list, before)
            # Keras leaves variable and average in one buffer, which JAX refuses in the next `fit`.
            for variable in var_list:
                self.assign(variable, copy_of(variable))

    def _backend_apply_gradients(self, grads: Sequence[Any], trainable_variables: Sequence[Any]) -> None:
        counter = self._slots.scalars["skipped_steps"]
        self._transit.skipped_before = copy_of(counter)
        super()._backend_apply_gradients(grads, trainable_variables)
        # Keras adds 1 after this.  A skipped step starts its round of micro-steps again.
        skipped = value_of(counter) - self._transit.skipped_before
        self._iterations.assign_sub((self.gradient_accumulation_steps or 1) * skipped)
        constrained = [variable for variable in trainable_variables if variable.constraint is not None]
        if constrained and self._transit.landing is None:
            self._land(constrained)

    def _update_model_variables_moving_average(self, trainable_variables: Sequence[Any]) -> None:
        averages = self._model_variables_moving_average if self.use_ema else []
        kept = [average for average in averages if average is not None]
        before = [copy_of(average) for average in kept]
        super()._update_model_variables_moving_average(trainable_variables)
        self._hold(kept, before)
        if kept and self.ema_overwrite_frequency:
            self._land(trainable_variables)

    def _land(self, variables: Sequence[Any]) -> None:
        """Remember where the update left the variables."""
        self._transit.landing = list(variables), [copy_of(variable) for variable in variables]

    def _hold(self, variables: Sequence[Any], before: Sequence[Any]) -> None:
        """Take back what happened to variables, if the step was skipped."""
        skipped = value_of(self._slots.scalars["skipped_steps"]) > self._transit.skipped_before
        for variable, old in zip(variables, before, strict=True):
            self.assign(variable, namespace().where(skipped, old, value_of(variable)))

    def _follow(self, variables: Sequence[Any], before: Sequence[Any]) -> None:
        """Correct the predicted loss for what happened to variables."""
        rows = [self._get_variable_index(variable) for variable in variables]
        after = [value_of(variable) for variable in variables]
        self._slots.follow(rows, before, after, self.assign)
