"""A Keras optimizer that sees the loss: `scale_loss` is shown it before `apply`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
from keras import ops

from momo_core import KINDS, Kind, MissingLossError
from momo_core.arrays import as_scalar
from momo_core.validate import check_loss

from .namespaces import dense, namespace, value_of
from .slots import Slots

_NO_LOSS = (
    "{name} needs the loss of this step. `fit` hands it over; in a loop of your own call "
    "`apply(grads, variables, loss=loss)`, or `scale_loss(loss)` before `apply`. Keras's "
    "LossScaleOptimizer, which mixed_float16 puts around every optimizer, does not pass it on: use "
    "`momo_keras.LossScaleOptimizer({name}(...))` or `compile(auto_scale_loss=False)`. Nor does "
    "MultiOptimizer, and one step size belongs to all variables together: do without it."
)


@dataclass
class Transit:
    """
    What travels from one call to a later one; a plain object, which Keras does not track.

    Attributes
    ----------
    captured : array or None, shape ()
        Loss that `scale_loss` saw and no step has used yet.
    loss : float, array of shape () or None
        Loss of the running step.
    skipped_before : array or None, shape ()
        Number of skipped steps before the running one.
    landing : tuple of variables and arrays, or None
        Variables that Keras may move after the update, and where the update left them.
    loaded : mapping
        State that was loaded before there were variables for it.
    """

    captured: Any = None
    loss: Any = None
    skipped_before: Any = None
    landing: tuple[list[Any], list[Any]] | None = None
    loaded: Mapping[str, Any] = field(default_factory=dict)


class LossOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Base of optimizers whose step needs the loss: `_transit` has it in `_backend_update_step`."""

    rule_name: ClassVar[str]
    _slots: Slots

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._transit = Transit()

    def scale_loss(self, loss: Any) -> Any:
        """Keep the loss for the next `apply`; Keras's trainers show the loss of the batch here."""
        self._transit.captured = ops.stop_gradient(loss)
        return super().scale_loss(loss)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None, loss: Any = None) -> None:
        """
        Take one step.

        Parameters
        ----------
        grads : sequence of arrays or None
            Gradients of the loss, times ``loss_scale_factor`` where that is set.
        trainable_variables : sequence of variables, optional
            Those of `build`, or some of them, in the order of `grads`.
        loss : number or array of one element, optional
            Without it, what `scale_loss` was shown; not scaled.

        Raises
        ------
        ValueError
            If there is no loss, or it is not a scalar; nothing is written then.
        TypeError
            If the loss is not real; nothing is written then.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the loss, a gradient or the result is not finite.
        """
        transit = self._transit
        given, transit.captured = transit.captured if loss is None else loss, None
        transit.loss = self._checked(given)
        super().apply([None if grad is None else dense(grad) for grad in grads], trainable_variables)
        transit.loss = None  # tracers of JAX must not outlive the step

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any, loss: Any = None
    ) -> Any:
        """`apply` as a pure function of the values of the variables, for JAX."""
        if loss is not None:
            self._transit.captured = loss
        return super().stateless_apply(optimizer_variables, grads, trainable_variables)

    @property
    def _kind(self) -> Kind:
        return KINDS[self.rule_name]

    def _checked(self, loss: Any) -> Any:
        if loss is None and self._kind.model.needs_loss:
            raise MissingLossError(_NO_LOSS.format(name=type(self).__name__), "E_LOSS_MISSING")
        if hasattr(loss, "shape"):
            loss = value_of(loss)
        return check_loss(loss, needed=self._kind.model.needs_loss, xp=namespace())

    def _backend_apply_gradients(self, grads: Sequence[Any], trainable_variables: Sequence[Any]) -> None:
        # Before the update: on JAX, Keras undoes in a micro-step all that the update wrote.
        if self._transit.loss is not None:
            self._average_loss(self._slots.loss_sum)
        super()._backend_apply_gradients(grads, trainable_variables)

    def _average_loss(self, loss_sum: Any) -> None:
        """Make the loss of this step an array, the mean over the micro-steps so far."""
        so_far, steps = value_of(loss_sum), self.gradient_accumulation_steps or 1
        loss = as_scalar(self._transit.loss, so_far, xp=namespace())
        if steps > 1:
            first = value_of(self._iterations) % steps == 0
            loss = namespace().where(first, loss, so_far + loss)
            self.assign(loss_sum, loss)
        self._transit.loss = loss / steps
