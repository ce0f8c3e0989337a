"""What the steps did, in the logs of `fit`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from momo_core.state import LOGGED

from .adapter import ModelBasedOptimizer


class InfoCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """
    Puts ``step_size``, ``truncation``, ``lower_bound`` and ``beta`` of the last step into the logs.

    They are then in the `History`, the progress bar, `CSVLogger` and `TensorBoard`, as far as the
    rule has them.  Callbacks are called in turn, so put this one before those that write.
    Optimizers of other packages are left alone.

    Parameters
    ----------
    each_batch : bool
        Whether also after each batch, and not only after each epoch.  This reads values on the
        host, and on JAX the whole state, in every batch.

    Examples
    --------
    ``model.fit(x, y, callbacks=[InfoCallback(), CSVLogger(file)])``
    """

    def __init__(self, each_batch: bool = False) -> None:
        super().__init__()
        if each_batch:  # Keras runs ahead of callbacks without a method of their own for batches
            self.on_train_batch_end = self.on_epoch_end

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Add the numbers of the last step."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if logs is not None and isinstance(optimizer, ModelBasedOptimizer):
            info = optimizer.last_info._asdict()
            logs.update({name: _number(info[name]) for name in LOGGED if info[name] is not None})


def _number(variable: Any) -> float:
    return float(ops.convert_to_numpy(variable))
