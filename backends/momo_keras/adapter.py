"""
The base class of the Keras optimizers.

The mathematics is in `momo_core`; this file knows how Keras keeps the settings and the
state of an optimizer, and where it asks for a step.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from momo_core import Info, Rule
from momo_core.validate import as_real, check_arrays

from .engine import engine_of
from .moves import MovedOptimizer
from .namespaces import namespace, outside_functions, value_of
from .options import KerasOptions
from .portable import load_portable_state, portable_state
from .slots import Slots

_NOT_EAGER = (
    'on_nonfinite="raise" reads a value in every step, which compiled code cannot: use '
    '`compile(run_eagerly=True)`, or "skip" and watch `skipped_steps`'
)


def _shown(name: str, doc: str) -> property:
    return property(lambda self: self._slots.shown.get(name), doc=doc)


class ModelBasedOptimizer(MovedOptimizer):
    """
    Base of the optimizers of this package.

    What the last step did is in variables of shape (), together in `last_info`; they are
    None before `build`, or where the rule has no such quantity.
    """

    names: ClassVar[Mapping[str, str]]

    step_size = _shown("step_size", "Factor of the direction, before weight decay; 0 in a skipped step.")
    truncation = _shown("truncation", "Share of the base optimizer's step that was taken, in [0, 1].")
    lower_bound_estimate = _shown("lower_bound_estimate", "Lower bound after the step, known or estimated.")
    predicted_loss = _shown("predicted_loss", "Loss that the model predicts, times its weight.")
    skipped = _shown("skipped", "Whether the last step was skipped because something was not finite.")
    skipped_steps = _shown("skipped_steps", "Number of skipped steps.")

    def __init__(self, settings: Mapping[str, Any], on_nonfinite: str, options: KerasOptions) -> None:
        plain = {name: value for name, value in settings.items() if not _is_open(name, value)}
        self._kind.check({self.names[name]: value for name, value in plain.items()}, on_nonfinite)
        own = {**settings, **{name: _as_python(value) for name, value in plain.items()}}
        rate, decay = own.pop("learning_rate"), own.pop("weight_decay")
        super().__init__(learning_rate=rate, weight_decay=decay, **options)
        for name, value in own.items():
            setattr(self, name, value)
        self.on_nonfinite = on_nonfinite
        self._slots = Slots()
        self._engine = engine_of(self._kind)

    portable_state = portable_state
    load_portable_state = load_portable_state

    @property
    def last_info(self) -> Info:
        """What the last step did, as variables of shape ()."""
        return self._slots.last_info

    @property
    def implementation(self) -> str:
        """What took the last step: ``"fused"``, or ``"generic"`` and why; ``"none"`` before the first."""
        return self._engine.implementation

    def build(self, variables: Sequence[Any]) -> None:
        """Create the state, the same variables whatever the options of the rule."""
        if self.built:
            return
        with outside_functions():
            check_arrays([value_of(variable) for variable in variables], xp=namespace())
            super().build(variables)
            self._slots = self._engine.slots = Slots.create(self, self._rule(), variables)
            self._load_waiting()

    def get_config(self) -> dict[str, Any]:
        """All settings, for `from_config`."""
        own = {name: getattr(self, name) for name in self._own_names()}
        return {**super().get_config(), **own, "on_nonfinite": self.on_nonfinite}

    def _own_names(self) -> list[str]:
        """Names of the settings that Keras's base class does not keep."""
        return [name for name in self.names if name not in ("learning_rate", "weight_decay")]

    def _rule(self) -> Rule:
        own = {self.names[name]: getattr(self, name) for name in self._own_names()}
        return self._kind.rule(own, self.on_nonfinite)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Nothing: the weight decay is part of the step."""

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        if self.on_nonfinite == "raise":
            self._require_eager()
        rate = learning_rate if isinstance(learning_rate, numbers.Real) else value_of(learning_rate)
        decayed = {"learning_rate": rate, "weight_decay": self.weight_decay or 0.0}
        self._take_step(trainable_variables, list(grads), self._transit.loss, decayed)

    def _take_step(self, variables: Sequence[Any], grads: list[Any], loss: Any, decayed: Any) -> None:
        """Let the engine compute everything, then write what it has not written in place."""
        rows = [self._get_variable_index(variable) for variable in variables]
        values = [value_of(variable) for variable in variables]
        stepped = self._engine.step(
            self._rule(),
            rows,
            values,
            grads,
            loss,
            groups=[decayed, {**decayed, "weight_decay": 0.0}],
            group_of=[0 if self._use_weight_decay(variable) else 1 for variable in variables],
        )
        if stepped is None:
            return
        params, state, info = stepped

        def assign() -> None:
            for variable, param in zip(variables, params, strict=False):
                self.assign(variable, param)
            self._slots.write_leaves(rows, state, self.assign)

        self._engine.write(info, assign)
        self._slots.write_scalars(rows, state, info, self.assign)

    def _require_eager(self) -> None:
        """Raise ValueError where values cannot be read."""
        try:
            bool(value_of(self._iterations) >= 0)
        except TypeError as error:
            raise ValueError(_NOT_EAGER) from error


def _is_open(name: str, value: Any) -> bool:
    """Whether a setting has no value to check: a schedule, or no weight decay."""
    return (name == "learning_rate" and callable(value)) or (name == "weight_decay" and value is None)


def _as_python(value: Any) -> float | bool | str | None:
    """A checked setting as Keras saves it."""
    return value if isinstance(value, bool | str) else as_real(value)
