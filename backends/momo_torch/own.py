"""Base class of optimizers with a direction of one's own."""

from __future__ import annotations

from typing import Any, ClassVar

from torch.optim.optimizer import ParamsT

from momo_core import Kind

from .adapter import ModelBasedOptimizer
from .optimizers import Momo

ARGUMENTS = {targets[0]: argument for argument, targets in Momo.names.items()}
"""Name in the specification to the argument in PyTorch, of all that comes with a model."""


class OwnOptimizer(ModelBasedOptimizer):
    """
    Base of optimizers with a direction of one's own.

    A subclass sets `kind`, an optimizer that `momo_core.own_kind` has made.

    Parameters
    ----------
    params : iterable of tensors or of dicts that define parameter groups
    on_nonfinite : "skip", "raise" or "propagate"
    process_group : torch.distributed.ProcessGroup, optional
    foreach, fused, capturable, maximize, differentiable : bool
        As for `Momo`; there are no kernels, so `fused` must not be True.  Tensors are always taken
        one by one: a direction of one's own may look at a tensor as a whole.
    **hyper
        ``lr``, ``weight_decay``, ``divide``, with a cut model ``lb``, ``use_fstar`` and
        ``reset_margin`` as for `Momo`, and those of the direction.

    Raises
    ------
    ValueError
        If a setting is outside of its domain.
    TypeError
        If a setting is unknown or has the wrong type.
    """

    kind: ClassVar[Kind]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        table = cls.kind.table.hyper
        public = [name for name, domain in table.items() if not domain.internal]
        cls.rule_name = cls.kind.name
        cls.names = {ARGUMENTS.get(name, name): (name,) for name in public}

    def __init__(
        self,
        params: ParamsT,
        *,
        on_nonfinite: str = "skip",
        process_group: Any = None,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = True,
        maximize: bool = False,
        differentiable: bool = False,
        **hyper: Any,
    ) -> None:
        if unknown := hyper.keys() - self.names.keys():
            raise TypeError(f"{type(self).__name__} has no argument {', '.join(sorted(unknown))}")
        table = self.kind.table.hyper
        defaults = {argument: table[name].default for argument, (name,) in self.names.items()}
        super().__init__(
            params,
            {**defaults, **hyper},
            on_nonfinite=on_nonfinite,
            process_group=process_group,
            foreach=foreach,
            fused=fused,
            capturable=capturable,
            maximize=maximize,
            differentiable=differentiable,
        )

    @property
    def _kind(self) -> Kind:
        return self.kind
