"""
Who takes the steps.

The mathematics is the core's, and so is `Rule.step`.  Which arrays it works on at once, and whether it
writes in place, is the framework's: where a folder beside this one has an answer, it is used here, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from momo_core import Info, Kind, Rule, State

from .namespaces import BACKEND, namespace, reduction
from .slots import Slots

_MODULES = {"torch": "torch_engine", "jax": "jax_engine", "tensorflow": "tensorflow_engine"}

Stepped = tuple[list[Any], State, Info]


class Engine:
    """
    The steps of one optimizer, by the core on whole arrays.

    Parameters
    ----------
    kind : Kind

    Attributes
    ----------
    slots : Slots
        Of the built optimizer.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind, self.slots = kind, Slots()
        self._stepped = False

    @property
    def implementation(self) -> str:
        """What took the last step: ``"fused"``, or ``"generic"`` and why; ``"none"`` before the first."""
        return f"generic (there are no kernels for {BACKEND})" if self._stepped else "none"

    def step(
        self,
        rule: Rule,
        rows: Sequence[int],
        params: Sequence[Any],
        grads: Sequence[Any],
        loss: Any,
        **groups: Any,
    ) -> Stepped | None:
        """
        `Rule.step`, or all of it in place.

        Parameters
        ----------
        rule : Rule
        rows : sequence of int
            The model variables of the step.
        params, grads : sequences of arrays
            Their values and gradients.
        loss : number, array of shape () or None
        **groups
            ``groups`` and ``group_of``, as for `Rule.step`.

        Returns
        -------
        params, state, info
            Of arrays that were written in place there is nothing; None if that is all.
        """
        self._stepped = True
        state = self.slots.state(rows, params)
        return rule.step(
            params,
            grads,
            loss,
            state,
            fresh=self.slots.fresh(rows),
            **self.means(params, grads, state),
            **groups,
        )

    def means(self, params: Sequence[Any], grads: Sequence[Any], state: State) -> dict[str, Any]:
        """By what a step on these arrays is taken: arguments of `Rule.step`."""
        del params, grads, state
        return {"xp": namespace(), "reduction": reduction()}

    def write(self, info: Info, assign: Callable[[], None]) -> None:
        """
        Write what `step` returned of the size of the variables.

        Parameters
        ----------
        info : Info
        assign : callable
            Writes it.
        """
        del info
        assign()


def engine_of(kind: Kind) -> Engine:
    """The engine of the Keras backend in use, which is imported here, when it is needed."""
    if BACKEND not in _MODULES:
        return Engine(kind)
    made: Engine = importlib.import_module(f".{_MODULES[BACKEND]}", __package__).engine(kind)
    return made
