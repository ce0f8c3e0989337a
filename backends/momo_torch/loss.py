"""The loss of a step: who handed it over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from momo_core import InvalidTypeError, MissingLossError

from .sharding import is_sharded, local

Loss = Tensor | float


def detached(loss: Any) -> Any:
    """The loss without its graph; of a DTensor the whole value."""
    if not isinstance(loss, Tensor):
        return loss
    loss = loss.detach()
    return loss.full_tensor() if is_sharded(loss) else loss


def check_closure(name: str, closure: Any) -> None:
    """
    Check that the closure is none of the losses that are given in its place.

    Raises
    ------
    InvalidTypeError
    """
    if not callable(closure):
        raise InvalidTypeError(
            f"{name}.step takes a closure, got {type(closure).__name__}: hand over the loss by its name, "
            "step(loss=loss)",
            "E_LOSS_TYPE",
        )


def missing_loss(name: str) -> MissingLossError:
    """The error of a step without a loss, which says what to do."""
    return MissingLossError(
        f"{name} needs the loss: call step(loss=loss) or step(closure), or "
        "record_loss(loss) where a trainer calls step(), as momo_torch.lightning and "
        "momo_torch.transformers do",
        "E_LOSS_MISSING",
    )


class LossRecorder(torch.optim.Optimizer):
    """An optimizer that takes the loss of its next step beforehand."""

    _recorded: Loss | None
    _scaler_asked: bool

    def record_loss(self, loss: Loss) -> None:
        """
        Hand over the loss where a trainer calls ``step()`` without it.

        Recorded losses add up, as the gradients of their ``backward`` calls do, so record
        the value that was backpropagated.  The next step uses the sum; that step,
        ``zero_grad`` and a step that a GradScaler skips clear it.
        """
        if self._scaler_asked:
            self._forget_loss()
        self._recorded = detached(loss) if self._recorded is None else self._recorded + detached(loss)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients and forget the recorded losses."""
        self._forget_loss()
        super().zero_grad(set_to_none)

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """No.  A GradScaler asks at the start of its every step, and then takes or skips it."""
        self._scaler_asked = True
        return False

    def _forget_loss(self) -> None:
        self._recorded = None
        self._scaler_asked = False

    def _given_loss(self, loss: Any, closed: Any) -> Any:
        """The explicit loss, else the recorded one, else that of the closure; where the scalars are."""
        if self._recorded is not None and torch.compiler.is_compiling():
            raise RuntimeError("compiled code cannot clear a recorded loss: call step(loss=loss)")
        candidates = (loss, self._recorded, closed)
        given = next((detached(candidate) for candidate in candidates if candidate is not None), None)
        return given.to(self.param_groups[0]["weight"].device) if isinstance(given, Tensor) else given


def changes_nothing(groups: Sequence[dict[str, Any]]) -> bool:
    """
    Whether a step without a loss may pass, because it would leave everything as it is.

    It may without any gradient, as when a trainer leaves a batch out; and with every learning
    rate 0 and every gradient zero, as checkpointing tools step to make an optimizer create its
    state.  Reads values on the host; a step with a loss never comes here.
    """
    grads = [param.grad for group in groups for param in group["params"] if param.grad is not None]
    return not grads or (
        all(float(group["lr"]) == 0 for group in groups)
        and not any(torch.count_nonzero(local(grad)) for grad in grads)
    )
