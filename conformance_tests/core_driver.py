"""The driver contract for `momo_core` itself, on any Array-API namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import array_api_compat.numpy
import array_api_strict
import ml_dtypes
import numpy as np

import momo_core
from momo_spec.batch import Batch

# NumPy does not know bfloat16 as a floating dtype: the values are stored in float32.
STORAGE = {"float64": "float64", "float32": "float32", "float16": "float16", "bfloat16": "float32"}
MODES = {"eager": tuple(STORAGE)}
STRICT_MODES = {"eager": ("float64", "float32"), "no float64": ("float32",)}
"""On the CPU of array-api-strict, and on its device that has no float64."""

GROUPS = True


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
    mode: str = "eager",
    groups: Sequence[Mapping[str, float]] = (),
    group_of: Sequence[int] = (),
    xp: ModuleType = array_api_compat.numpy,
    place: Any = None,
) -> list[dict[str, Any]]:
    def array(value: np.ndarray) -> Any:
        return xp.asarray(np.asarray(value), dtype=getattr(xp, STORAGE[dtype]), device=place)

    current = [array(param) for param in params]
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state = rule.init(current, xp=xp)
    seen = [False] * len(params)
    trajectory = []
    for step in steps:
        loss, grads = loss_and_gradients(step, current)
        with np.errstate(invalid="ignore"):  # inf - inf in a step that is skipped
            current, state, info = rule.step(
                current,
                [None if grad is None else array(grad) for grad in grads],
                loss,
                state,
                xp=xp,
                hyper=step.get("hyper"),
                groups=groups or None,
                group_of=group_of or None,
                fresh=[~xp.astype(array(np.asarray(float(past))), xp.bool) for past in seen],
                store=round_to_bfloat16 if dtype == "bfloat16" else None,
            )
        if not info.skipped:
            seen = [past or grad is not None for past, grad in zip(seen, grads, strict=True)]
        shown = {name: float(value) for name, value in info._asdict().items() if value is not None}
        trajectory.append(
            {
                "params": [on_host(param) for param in current],
                "info": shown | {"skipped": bool(info.skipped)},
                "skipped_steps": int(state.scalars["skipped_steps"]),
            }
        )
    return trajectory


def loss_and_gradients(step: dict[str, Any], params: list[Any]) -> tuple[Any, list[Any]]:
    """As given, or those of a batch: the core has no derivatives."""
    if "batch" not in step:
        return step.get("loss"), step["grads"]
    return Batch(**step["batch"]).loss_and_gradients([on_host(param) for param in params])


def on_host(array: Any) -> np.ndarray:
    """A copy in float64."""
    if not isinstance(array, np.ndarray | np.generic):
        array = array.to_device(array_api_strict.Device("CPU_DEVICE"))
    return np.array(np.asarray(array), dtype=np.float64)


def run_strict(*arguments: Any, mode: str = "eager", **options: Any) -> list[dict[str, Any]]:
    place = array_api_strict.Device("no_float64") if mode == "no float64" else None
    return run(*arguments, **options, xp=array_api_strict, place=place)


def round_to_bfloat16(param: np.ndarray, new: np.ndarray) -> np.ndarray:
    return new.astype(ml_dtypes.bfloat16).astype(param.dtype)
