"""
Legs of a run: a framework takes over a saved state, goes a few steps and saves it again.

A leg runs in the process of its framework, so all that goes in and out is plain data and a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import momo_core
from conformance_tests.cells import KERAS_BACKENDS, process_pool

FRAMEWORKS = ("core", "torch", "jax", *(f"keras-{backend}" for backend in KERAS_BACKENDS))

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Leg:
    """
    What a leg is given.

    Attributes
    ----------
    framework : str
        One of `FRAMEWORKS`.
    steps : list of dict
        ``grads``, ``loss`` and ``hyper``, the learning rate of the step.
    saved : path or None
        State of the leg before; None starts anew.
    target : path
        Where to save.
    """

    framework: str
    optimizer: str
    hyper: dict[str, Any]
    dtype: str
    params: Arrays
    steps: list[dict[str, Any]]
    saved: Path | None
    target: Path


def run_leg(leg: Leg) -> list[tuple[Arrays, dict[str, float]]]:
    """Parameters (float64) and info after each step."""
    name, _, keras_backend = leg.framework.partition("-")
    if keras_backend:
        return process_pool(keras_backend).submit(_keras_leg, leg).result()
    return {"core": _core_leg, "torch": _torch_leg, "jax": _jax_leg}[name](leg)


def run_relay(
    frameworks: Sequence[str],
    shares: Sequence[int],
    optimizer: str,
    hyper: dict[str, Any],
    params: Arrays,
    steps: Sequence[dict[str, Any]],
    *,
    dtype: str,
    folder: Path,
) -> list[tuple[Arrays, dict[str, float]]]:
    """One run, of which each framework takes its share of the steps; the last one takes the rest."""
    rows: list[tuple[Arrays, dict[str, float]]] = []
    saved, rest = None, list(steps)
    for index, (framework, share) in enumerate(zip(frameworks, shares, strict=True)):
        count = len(rest) if index == len(frameworks) - 1 else share
        own, rest = rest[:count], rest[count:]
        now = rows[-1][0] if rows else params
        target = folder / f"{index}.safetensors"
        rows += run_leg(Leg(framework, optimizer, hyper, dtype, now, own, saved, target))
        saved = target
    return rows


def _follow(
    leg: Leg,
    load: Callable[[momo_core.PortableState], None],
    step: Callable[[dict[str, Any]], tuple[Arrays, momo_core.Info]],
    save: Callable[[], momo_core.PortableState],
) -> list[tuple[Arrays, dict[str, float]]]:
    """The same in every framework: load, go, save."""
    if leg.saved is not None:
        load(momo_core.load_state(leg.saved))
    rows = []
    for inputs in leg.steps:
        params, info = step(inputs)
        shown = {name: float(value) for name, value in info._asdict().items() if value is not None}
        rows.append(([np.asarray(param, np.float64).copy() for param in params], shown))
    momo_core.save_state(leg.target, save())
    return rows


def _core_leg(leg: Leg) -> list[tuple[Arrays, dict[str, float]]]:
    rule = momo_core.KINDS[leg.optimizer].checked_rule(leg.hyper)
    params: Any = [np.asarray(param, leg.dtype) for param in leg.params]
    state, taken = rule.init(params), [0] * (len(params) + 1)

    def load(saved: momo_core.PortableState) -> None:
        nonlocal state, taken
        state, taken = saved.restored(rule, params), [*saved.tensor_steps, saved.steps]

    def step(inputs: dict[str, Any]) -> tuple[Arrays, momo_core.Info]:
        nonlocal params, state, taken
        grads = [None if grad is None else np.asarray(grad, leg.dtype) for grad in inputs["grads"]]
        fresh = [np.asarray(count == 0) for count in taken[:-1]]
        with np.errstate(invalid="ignore"):
            params, state, info = rule.step(
                params, grads, inputs["loss"], state, hyper=inputs["hyper"], fresh=fresh
            )
        moved = [grad is not None and not info.skipped for grad in grads]
        taken = [count + now for count, now in zip(taken, [*moved, any(moved)], strict=True)]
        return params, info

    def save() -> momo_core.PortableState:
        return momo_core.PortableState.of(rule, state, steps=taken[-1], tensor_steps=taken[:-1])

    return _follow(leg, load, step, save)


def _torch_leg(leg: Leg) -> list[tuple[Arrays, dict[str, float]]]:
    import torch

    from momo_torch.driver import construct

    dtype = getattr(torch, leg.dtype)
    leaves = [torch.nn.Parameter(torch.tensor(param, dtype=dtype)) for param in leg.params]
    built = construct(leg.optimizer, leg.hyper, leaves)

    def step(inputs: dict[str, Any]) -> tuple[Arrays, momo_core.Info]:
        built.param_groups[0]["lr"] = inputs["hyper"].get("learning_rate", built.defaults["lr"])
        for leaf, grad in zip(leaves, inputs["grads"], strict=True):
            leaf.grad = None if grad is None else torch.tensor(grad, dtype=dtype)
        built.step(loss=inputs["loss"])
        return [leaf.detach().double().numpy() for leaf in leaves], built.last_info

    return _follow(leg, built.load_portable_state, step, built.portable_state)


def _jax_leg(leg: Leg) -> list[tuple[Arrays, dict[str, float]]]:
    import jax
    import optax

    import momo_jax
    from momo_jax.driver import make

    with jax.enable_x64(leg.dtype == "float64"):
        params = [jax.numpy.asarray(param, leg.dtype) for param in leg.params]
        built = make(leg.optimizer, leg.hyper)
        state = built.init(params)

        def load(saved: momo_core.PortableState) -> None:
            nonlocal state
            state = momo_jax.from_portable(saved, built, params)

        def step(inputs: dict[str, Any]) -> tuple[Arrays, momo_core.Info]:
            nonlocal params, state
            now = make(leg.optimizer, {**leg.hyper, **inputs["hyper"]})
            grads = [None if g is None else jax.numpy.asarray(g, leg.dtype) for g in inputs["grads"]]
            updates, state = now.update(grads, state, params, value=inputs["loss"])
            params = [
                param if update is None else optax.apply_updates(param, update)
                for param, update in zip(params, updates, strict=True)
            ]
            return params, state.info

        return _follow(leg, load, step, lambda: momo_jax.portable_state(state, built))


def _keras_leg(leg: Leg) -> list[tuple[Arrays, dict[str, float]]]:
    import keras

    from momo_keras import driver

    with driver.precision(leg.dtype) if leg.dtype == "float64" else nullcontext():
        variables = [keras.Variable(param, dtype=leg.dtype) for param in leg.params]
        built = driver.construct(leg.optimizer, leg.hyper)
        built.build(variables)
        rate = float(built.learning_rate.numpy())

        def step(inputs: dict[str, Any]) -> tuple[Arrays, momo_core.Info]:
            built.learning_rate = inputs["hyper"].get("learning_rate", rate)
            grads = [
                None if grad is None else keras.ops.convert_to_tensor(grad, leg.dtype)
                for grad in inputs["grads"]
            ]
            if any(grad is not None for grad in grads):  # Keras refuses a step without any gradient
                built.apply(grads, variables, loss=inputs["loss"])
            shown = [None if slot is None else slot.numpy() for slot in built.last_info]
            return [keras.ops.convert_to_numpy(variable) for variable in variables], momo_core.Info(*shown)

        return _follow(leg, built.load_portable_state, step, built.portable_state)
