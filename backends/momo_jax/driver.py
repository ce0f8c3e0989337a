"""Runs the optimizers of this package for the conformance suite; plain data in and out."""

from __future__ import annotations

import itertools
import operator
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import jax
import numpy as np
import optax

import momo_jax
from momo_core import KINDS
from momo_spec import load_spec

from .suitable import SWITCH, lacking

DTYPES = ("float64", "float32", "float16", "bfloat16")
FUSED = "fused jit"
MODES = {"eager": DTYPES, "jit": DTYPES, "scan": DTYPES, FUSED: ("float64", "float32")}
"""Operation by operation, compiled without kernels, also as a loop, and compiled with the kernels."""

GROUPS = False

Carry = tuple[list[jax.Array], momo_jax.MomoState]
Step = Callable[[Carry, dict[str, Any]], tuple[Carry, dict[str, Any]]]


def devices() -> tuple[str, ...]:
    """Names of the devices that this machine has."""
    return ("cpu", "cuda") if any(device.platform == "gpu" for device in jax.devices()) else ("cpu",)


def run(
    optimizer: str,
    hyper: dict[str, Any],
    params: list[np.ndarray],
    steps: list[dict[str, Any]],
    *,
    dtype: str,
    device: str = "cpu",
    mode: str = "eager",
) -> list[dict[str, Any]]:
    """
    Take steps with given gradients and losses, or batches.

    Parameters
    ----------
    optimizer : str
        Name in the specification.
    hyper : dict
        Hyper-parameters by canonical name.
    params : list of arrays
    steps : list of dict
        ``grads`` and ``loss``, or a ``batch`` that they follow from, and perhaps ``hyper``, which holds for
        that step.
    dtype : str
        One of `DTYPES`.
    device : str
        One of `devices()`.
    mode : str
        One of `MODES`.

    Returns
    -------
    list of dict
        ``params`` (float64), ``info`` and ``skipped_steps`` after each step.
    """
    with jax.enable_x64(dtype == "float64"), jax.default_device(_device(device)), _kernels(mode == FUSED):
        start = [jax.numpy.asarray(param, dtype=dtype) for param in params]
        carry = start, make(optimizer, hyper).init(start)
        inputs = [_inputs(step, dtype) for step in steps]
        take = _step_of(optimizer, tuple(hyper.items()), mode)
        return list(_RUNNERS[mode](take, carry, inputs))


def missing(optimizer: str, mode: str) -> str:
    """Why a mode does not take an optimizer; empty if it does."""
    return lacking(KINDS[optimizer]) if mode == FUSED else ""


@contextmanager
def _kernels(used: bool) -> Iterator[None]:
    """Trace with kernels or without."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = str(int(used))
    try:
        yield
    finally:
        del os.environ[SWITCH]
        os.environ |= {} if before is None else {SWITCH: before}


def _device(name: str) -> jax.Device:
    return jax.devices("gpu" if name == "cuda" else name)[0]


def make(optimizer: str, hyper: dict[str, Any], **options: Any) -> optax.GradientTransformationExtraArgs:
    """The optimizer by the names of its public arguments."""
    target = load_spec(optimizer).frameworks["jax"]
    constructor = getattr(momo_jax, target.entry)
    made: optax.GradientTransformationExtraArgs = constructor(
        **{target.names[name]: value for name, value in hyper.items()}, **options
    )
    return made


def _inputs(step: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The step with gradients of the dtype."""
    hyper = step.get("hyper", {})
    if "batch" in step:
        batch = {name: jax.numpy.asarray(part, dtype=dtype) for name, part in step["batch"].items()}
        return {"batch": batch, "hyper": hyper}
    grads = [None if grad is None else jax.numpy.asarray(grad, dtype=dtype) for grad in step["grads"]]
    return {"grads": grads, "loss": step.get("loss"), "hyper": hyper}


def _loss(layers: list[jax.Array], inputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Mean squared error of a linear network; without matrix products, whose precision is a setting."""
    outputs = inputs
    for layer in layers:
        outputs = (outputs[:, :, None] * layer).sum(axis=1)
    return ((outputs - targets) ** 2).mean()


@lru_cache(maxsize=16)
def _step_of(optimizer: str, hyper: tuple[tuple[str, Any], ...], mode: str) -> Step:
    """One step as a function that can be traced, the same function for the same arguments."""
    del mode  # Traced for one mode, a function is not traced again for another.

    def take(carry: Carry, step: dict[str, Any]) -> tuple[Carry, dict[str, Any]]:
        params, state = carry
        # An optimizer holds no state: one made with this step's values goes on where the last stopped.
        made = make(optimizer, {**dict(hyper), **step["hyper"]})
        if "batch" in step:
            loss, grads = jax.value_and_grad(_loss)(params, **step["batch"])
        else:
            loss, grads = step["loss"], step["grads"]
        updates, state = made.update(grads, state, params, value=loss)
        moved = [
            param if update is None else optax.apply_updates(param, update)
            for param, update in zip(params, updates, strict=True)
        ]
        shown = {name: value for name, value in state.info._asdict().items() if value is not None}
        return (moved, state), {"params": moved, "info": shown, "skipped_steps": state.skipped_steps}

    return take


def _one_by_one(take: Step, carry: Carry, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        carry, result = take(carry, step)
        yield _plain(result)


def _jitted(take: Step, carry: Carry, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return _one_by_one(_compiled(take), carry, steps)


def _scanned(take: Step, carry: Carry, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A scan over each run of steps of the same structure."""
    for _, same in itertools.groupby(steps, key=jax.tree.structure):
        stretch = list(same)
        stacked = jax.tree.map(lambda *values: jax.numpy.asarray(values), *stretch)
        carry, results = jax.lax.scan(take, carry, stacked, length=len(stretch))
        for index in range(len(stretch)):
            yield _plain(jax.tree.map(operator.itemgetter(index), results))


_compiled = lru_cache(maxsize=16)(jax.jit)
_RUNNERS = dict(zip(MODES, (_one_by_one, _jitted, _scanned, _jitted), strict=True))


def _plain(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "params": [np.asarray(param).astype(np.float64) for param in result["params"]],
        "info": {name: value.item() for name, value in result["info"].items()},
        "skipped_steps": int(result["skipped_steps"]),
    }
