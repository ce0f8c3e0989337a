"""
Steps by the generated kernels: unless ``fused=False``, where Numba is installed and the tensors suit.

Numba is imported by the first step that the kernels can take, not before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from momo_core import Kind

from . import state
from .fused_steps import FusedSteps, unusable
from .loss import LossRecorder
from .sharding import is_alone
from .suitable import UnsuitableError, check_params

SWITCH = "MOMO_TORCH_FUSED"
"""Environment variable: with the value 0, optimizers that are made without ``fused`` use no kernels."""


class FusedOptimizer(LossRecorder):
    """An optimizer that may leave its steps to kernels."""

    _fused: bool | None = None
    _kernels: FusedSteps
    _process_group: Any

    @property
    def implementation(self) -> str:
        """What took the last step: ``"fused"``, or ``"generic"`` and why; ``"none"`` before the first."""
        return self._kernels.implementation

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_fused": self._fused}

    def _prepare_kernels(self, kind: Kind, fused: bool | None) -> None:
        """
        Start anew, with nothing remembered of earlier steps.

        Raises
        ------
        InvalidValueError
            If `fused` is True, and there are no kernels.
        """
        self._fused, self._kernels = fused, FusedSteps(kind, excluded(fused))
        if fused:
            self._kernels.require()

    def _check_kernels(self) -> None:
        """
        Check that kernels take the parameters, if they have to.

        Raises
        ------
        InvalidValueError
        """
        if self._fused:
            try:
                check_params(state.all_params(self.param_groups))
            except UnsuitableError as reason:
                raise unusable(reason) from reason

    def _step_by_kernels(self, hypers: Sequence[Mapping[str, Any]], loss: Any) -> bool:
        """Take a step, and say whether it was taken; if not, nothing has changed."""
        if self._kernels.obstacle:
            return False
        alone = is_alone(self._process_group)
        return self._kernels.take(self.param_groups, self.state, hypers, loss, alone=alone)


def excluded(fused: bool | None) -> str:
    """Why kernels may not take steps; empty if they may."""
    if fused is None and os.environ.get(SWITCH) == "0":
        return f"{SWITCH}=0"
    return "fused=False" if fused is False else ""
