"""The driver contract for `momo_core` itself, on any Array-API namespace."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import array_api_compat.numpy
import array_api_strict
import numpy as np

import momo_core

DTYPES = ("float64", "float32")
MODES = ("eager",)


def devices() -> tuple[str, ...]:
    return ("cpu",)


def run(
    optimizer: str,
    hyper: dict[str, Any],
    params: list[np.ndarray],
    steps: list[dict[str, Any]],
    *,
    dtype: str,
    device: str = "cpu",
    mode: str = "",
    xp: ModuleType = array_api_compat.numpy,
) -> list[dict[str, Any]]:
    def array(value: np.ndarray) -> Any:
        return xp.asarray(np.asarray(value), dtype=getattr(xp, dtype))

    current = [array(param) for param in params]
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state = rule.init(current, xp=xp)
    trajectory = []
    for step in steps:
        grads = [None if grad is None else array(grad) for grad in step["grads"]]
        current, state, info = rule.step(
            current, grads, step.get("loss"), state, xp=xp, hyper=step.get("hyper")
        )
        shown = {name: float(value) for name, value in info._asdict().items() if value is not None}
        trajectory.append(
            {
                "params": [np.array(np.asarray(param), dtype=np.float64) for param in current],
                "info": shown | {"skipped": bool(info.skipped)},
                "skipped_steps": int(state.scalars["skipped_steps"]),
            }
        )
    return trajectory


def run_strict(*arguments: Any, **options: Any) -> list[dict[str, Any]]:
    return run(*arguments, **options, xp=array_api_strict)
