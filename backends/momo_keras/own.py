"""Base class of optimizers with a direction of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from momo_core import Kind

from .adapter import ModelBasedOptimizer
from .options import KerasOptions


class OwnOptimizer(ModelBasedOptimizer):
    """
    Base of optimizers with a direction of one's own.

    A subclass sets `kind`, an optimizer that `momo_core.own_kind` has made.  Decorate it with
    `keras.saving.register_keras_serializable`, so that models with it can be saved and loaded.

    Parameters
    ----------
    learning_rate : float, a LearningRateSchedule or a callable without arguments
    on_nonfinite : "skip", "raise" or "propagate"
    **hyper
        ``weight_decay``, ``proximal_decay``, with a cut model ``lower_bound``,
        ``adapt_lower_bound`` and ``reset_margin`` as for `Momo`, those of the direction, and the
        options of every Keras optimizer, ``clipnorm`` for example.

    Raises
    ------
    ValueError
        If a setting is outside of its domain, or Keras does not know it.
    TypeError
        If a setting has the wrong type.
    """

    kind: ClassVar[Kind]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        table = cls.kind.table.hyper
        cls.rule_name = cls.kind.name
        cls.names = {name: name for name, domain in table.items() if not domain.internal}

    def __init__(
        self, learning_rate: float | Callable[..., Any] = 1.0, *, on_nonfinite: str = "skip", **hyper: Any
    ) -> None:
        defaults = {name: self.kind.table.hyper[name].default for name in self.names}
        settings = {**defaults, "learning_rate": learning_rate}
        settings |= {name: hyper.pop(name) for name in self.names if name in hyper}
        super().__init__(settings, on_nonfinite, cast("KerasOptions", hyper))

    @property
    def _kind(self) -> Kind:
        return self.kind
