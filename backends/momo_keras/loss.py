"""A Keras optimizer that sees the loss: `scale_loss` is shown it before `apply`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from momo_core import KINDS, Kind, MissingLossError
from momo_core.arrays import as_scalar
from momo_core.validate import check_gradients, check_loss

from .checkpoint import SavedOptimizer
from .distribution import collectively
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
    """

    captured: Any = None
    loss: Any = None
    skipped_before: Any = None
    landing: tuple[list[Any], list[Any]] | None = None


class LossOptimizer(SavedOptimizer):
    """Base of optimizers whose step needs the loss: `_transit` has it in `_backend_update_step`."""

    _slots: Slots

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._transit = Transit()

    def scale_loss(self, loss: Any) -> Any:
        """Keep the loss for the next `apply`; Keras's trainers show the loss of the batch here."""
        self.keep_loss(ops.stop_gradient(loss))
        return super().scale_loss(loss)

    def keep_loss(self, loss: Any) -> None:
        """Keep the loss for the next `apply`; None for none."""
        self._transit.captured = loss

    def take_loss(self) -> Any:
        """The loss that was kept, which is kept no longer; None without one."""
        loss, self._transit.captured = self._transit.captured, None
        return loss

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
            If there is no loss, it is not a scalar, or a gradient has another shape than its
            variable; nothing is written then.
        TypeError
            If the loss is not real; nothing is written then.
        FloatingPointError
            With ``on_nonfinite="raise"``, if the loss, a gradient or the result is not finite.
        """
        kept = self.take_loss()
        checked = self._checked(kept if loss is None else loss)
        grads = [dense(grad) for grad in grads]
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
        if grads and (trainable_variables or self.built):
            check_gradients(trainable_variables or self._trainable_variables, grads)

        def apply(summed: list[Any]) -> None:
            *summed_grads, self._transit.loss = summed
            self._apply_summed(summed_grads, trainable_variables)
            self._transit.loss = None  # tracers of JAX must not outlive the step

        collectively(apply, [*grads, checked])

    def _apply_summed(self, grads: Sequence[Any], trainable_variables: Any) -> None:
        """`apply`, with gradients and loss that are summed over the replicas."""
        super().apply(grads, trainable_variables)

    def stateless_apply(
        self, optimizer_variables: Any, grads: Any, trainable_variables: Any, loss: Any = None
    ) -> Any:
        """`apply` as a pure function of the values of the variables, for JAX."""
        if loss is not None:
            self.keep_loss(loss)
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

    def _backend_increment_gradient_accumulators(
        self, grads: Sequence[Any], acc_grads: Sequence[Any]
    ) -> None:
        # Keras's own for TensorFlow expects to be called in a replica.
        for grad, so_far in zip(grads, acc_grads, strict=True):
            self.assign(so_far, value_of(so_far) + grad)

    def _average_loss(self, loss_sum: Any) -> None:
        """Make the loss of this step an array, the mean over the micro-steps so far."""
        so_far, steps = value_of(loss_sum), self.gradient_accumulation_steps or 1
        loss = as_scalar(self._transit.loss, so_far, xp=namespace())
        if steps > 1:
            first = value_of(self._iterations) % steps == 0
            loss = namespace().where(first, loss, so_far + loss)
            self.assign(loss_sum, loss)
        self._transit.loss = loss / steps
