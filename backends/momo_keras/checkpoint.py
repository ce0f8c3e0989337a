"""What is saved of an optimizer says whose it is, and nothing is loaded that does not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from momo_core.portable_file import refuse

FORMAT = 1
"""Version of the order and the meaning of the variables."""

_HEADER = "header"


class SavedOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Base of optimizers that refuse the state of another one, where Keras drops or misreads it."""

    rule_name: ClassVar[str]
    _waiting: Sequence[np.ndarray] = ()
    """State that was loaded before there were variables for it."""

    def save_own_variables(self, store: Any) -> None:
        """Save the variables by their index, as every optimizer of Keras, and what they are of."""
        values = self._waiting or [variable.numpy() for variable in self.variables]
        for index, value in enumerate(values):
            store[str(index)] = value
        header = {"rule": self.rule_name, "format": FORMAT, "built": self.built or bool(self._waiting)}
        store[_HEADER] = np.frombuffer(json.dumps(header).encode(), np.uint8)

    def load_own_variables(self, store: Any) -> None:
        """
        Load the state; before `build` it is kept until then, where Keras would drop it.

        Raises
        ------
        ValueError
            If it is of another rule, of a newer format or of other variables; nothing is
            written then.
        """
        names = set(store.keys())
        header = json.loads(np.asarray(store[_HEADER]).tobytes()) if _HEADER in names else {}
        self._check_origin(header)
        saved = tuple(np.asarray(store[str(index)]) for index in range(len(names - {_HEADER})))
        if header["built"] and not self.built:
            self._waiting = saved
        elif header["built"] == self.built or int(self.iterations) > 0:
            self._assign_all(saved)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """
        Set all variables.

        Raises
        ------
        ValueError
            If their shapes are not those of the variables; nothing is written then.
        """
        self._assign_all([np.asarray(weight) for weight in weights])

    def _load_waiting(self) -> None:
        """Load what was kept; at the end of `build`."""
        waiting, self._waiting = self._waiting, ()
        if waiting:
            self._assign_all(waiting)

    def _check_origin(self, header: dict[str, Any]) -> None:
        if header.get("rule") != self.rule_name:
            refuse(f"a state of {header.get('rule')!r} cannot be loaded into {self.rule_name!r}", "RULE")
        if header["format"] > FORMAT:
            refuse(
                f"a state of format {header['format']} cannot be loaded, the newest known one is {FORMAT}",
                "FORMAT",
            )

    def _assign_all(self, saved: Sequence[np.ndarray]) -> None:
        shapes = [value.shape for value in saved]
        own = [tuple(variable.shape) for variable in self.variables]
        if shapes != own:
            refuse(f"a state of shapes {shapes} cannot be loaded into variables of shapes {own}", "SHAPE")
        for variable, value in zip(self.variables, saved, strict=True):
            variable.assign(value)
