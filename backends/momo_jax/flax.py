"""
Flax: a train state that hands the loss to the optimizer.

Needs the package ``flax``.  `flax.nnx.Optimizer` needs none of this: ``update(model, grads, value=loss)``.
"""

from __future__ import annotations

from typing import Any

import optax
from flax.training import train_state

from .state import PyTree


class TrainState(train_state.TrainState):  # type: ignore[misc]
    """
    `flax.training.train_state.TrainState` for an optimizer that needs the loss.

    It is made and used like Flax's, with any optimizer of optax.
    """

    def apply_gradients(self, *, grads: PyTree, value: Any = None, **changes: Any) -> TrainState:
        """
        Take one step.

        Parameters
        ----------
        grads : tree
            Gradients of the structure of ``params``.
        value : number or array of one element, optional
            The loss whose gradients these are; an optimizer that needs none is not given it.
        **changes
            Other fields to replace.

        Returns
        -------
        TrainState

        Raises
        ------
        ValueError, TypeError
            What the optimizer raises, without a loss or with one that is no scalar for example.
        """
        tx = self.tx
        if isinstance(tx, optax.GradientTransformation):  # `MultiSteps` is none, and takes the loss
            tx = optax.with_extra_args_support(tx)

        def update(grads: PyTree, state: PyTree, params: PyTree) -> tuple[PyTree, PyTree]:
            moves, new = tx.update(grads, state, params, value=value)
            return moves, new

        informed = self.replace(tx=optax.GradientTransformation(tx.init, update))
        new: TrainState = super(TrainState, informed).apply_gradients(grads=grads, tx=self.tx, **changes)
        return new
