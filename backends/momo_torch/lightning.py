"""
Lightning: the loss of each step for the optimizer, and its step size for the logger.

Needs the package ``lightning`` or ``pytorch-lightning``, 2.x.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

try:
    from lightning.pytorch import Callback
except ImportError:
    from pytorch_lightning import Callback

from .trainers import logged, unwrapped

_SEVERAL = (
    "of several optimizers Lightning does not say which one a loss is for: call `optimizer.step(loss=loss)` "
    "in `training_step`, without LossCallback"
)


class LossCallback(Callback):  # type: ignore[misc]
    """
    Records each loss that Lightning backpropagates, and logs what the steps did.

    With it a step has the loss of its whole batch in automatic and manual optimization, with
    ``accumulate_grad_batches`` and in every precision.  Optimizers of other packages are left
    alone.

    Parameters
    ----------
    log : bool
        Whether ``step_size``, ``truncation``, ``lower_bound`` and ``beta`` go to the loggers,
        as far as the rule has them.

    Raises
    ------
    ValueError
        When training starts, if there are other optimizers besides one of this package.

    Examples
    --------
    ``Trainer(callbacks=[LossCallback()])``
    """

    def __init__(self, log: bool = True) -> None:
        super().__init__()
        self.log_steps = log

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Refuse what would mix up losses."""
        if len(trainer.optimizers) > 1 and any(map(unwrapped, trainer.optimizers)):
            raise ValueError(_SEVERAL)

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Tensor) -> None:  # noqa: ARG002
        """Record what is backpropagated, of which float16 has multiplied the loss by its scale."""
        optimizer, scaler = _only(trainer), getattr(trainer.precision_plugin, "scaler", None)
        if optimizer is not None:
            optimizer.record_loss(loss if scaler is None else loss / scaler.get_scale())

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:  # noqa: ARG002
        """Log the last step."""
        optimizer = _only(trainer)
        if self.log_steps and optimizer is not None:
            pl_module.log_dict(logged(optimizer), on_step=True, on_epoch=False)


def _only(trainer: Any) -> Any:
    """The optimizer, if it is one of this package."""
    return unwrapped(trainer.optimizers[0]) if trainer.optimizers else None
