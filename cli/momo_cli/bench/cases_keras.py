"""Cases of Keras, on the backend of the process: the step of an optimizer, alone and with the gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from math import prod
from typing import Any

import keras
import numpy as np

from momo_keras.driver import construct, devices
from momo_spec import load_spec

from .cases import ADAM_WORDS, Case, Shapes, UnavailableError, count, needed, words_of
from .keras_fit import BATCHES, fit_case, follow_each_other

BACKEND = keras.backend.backend()
PACKAGES = ("keras", BACKEND)
SAME = {"adam": "Adam", "adamw": "AdamW"}
"""Of Keras's optimizers those that are a rule of ours; Adam stands next to the others."""
USUAL = "Adam"

Compiled = tuple[Callable[[], object], Callable[[], object], Callable[[], int | None]]
"""The step, what waits for it, and the bytes that it needs for itself."""


def facts() -> dict[str, object]:
    """What the figures depend on."""
    return {"backend": BACKEND}


def cases(rule: str, shapes: Shapes, device: str, *, brief: bool) -> Iterator[Case]:
    """The peer of a rule and the rule; Keras's Adam for no rule, no peer if `brief`."""
    check(device)
    peer = "" if brief else SAME.get(rule, USUAL)
    if peer:
        yield keras_case(peer, shapes)
    if rule:
        name = f"momo_keras {load_spec(rule).frameworks['keras'].entry}"
        yield made(name, construct(rule, needed(rule)), shapes, words_of(rule), peer and f"keras {peer}")
        if peer and follow_each_other(shapes):
            for batch in BATCHES:
                yield keras_fit(peer, shapes, batch)
                optimizer = construct(rule, needed(rule))
                yield fit_case(name, optimizer, shapes, batch, f"keras-{BACKEND}", f"keras {peer}")


def check(device: str) -> None:
    """Raise UnavailableError where there is no such device."""
    if device not in devices():
        raise UnavailableError(f"Keras finds no GPU with {BACKEND}")


@lru_cache(maxsize=3)
def keras_case(name: str, shapes: Shapes) -> Case:
    """An optimizer of Keras, kept for the next rule on the same set."""
    return made(f"keras {name}", getattr(keras.optimizers, name)(), shapes, ADAM_WORDS, "")


@lru_cache(maxsize=len(BATCHES))
def keras_fit(name: str, shapes: Shapes, batch: int) -> Case:
    """The training step of an optimizer of Keras, kept for the next rule on the same set."""
    optimizer = getattr(keras.optimizers, name)()
    return fit_case(f"keras {name}", optimizer, shapes, batch, f"keras-{BACKEND}", "")


def made(name: str, optimizer: Any, shapes: Shapes, words: int | None, peer: str) -> Case:
    """A case of a Keras optimizer."""
    generator = np.random.default_rng(0)
    params = [keras.Variable(generator.standard_normal(shape, np.float32)) for shape in shapes]
    optimizer.build(params)
    options = {"loss": keras.ops.convert_to_tensor(np.float32(1))} if name.startswith("momo") else {}
    step, wait, temporaries = COMPILED[BACKEND](optimizer, params, gradients(shapes), options)
    return Case(
        name,
        f"keras-{BACKEND}",
        step,
        wait,
        count(shapes),
        lambda: sum(bytes_of(variable) for variable in optimizer.variables),
        temporaries,
        words,
        peer,
    )


@lru_cache(maxsize=3)
def gradients(shapes: Shapes) -> list[Any]:
    """Gradients that no step changes."""
    generator = np.random.default_rng(1)
    return [keras.ops.convert_to_tensor(generator.standard_normal(each, np.float32) / 100) for each in shapes]


def bytes_of(variable: Any) -> int:
    """Bytes of a variable."""
    return int(prod(variable.shape) * np.dtype(variable.dtype).itemsize)


def in_tensorflow(optimizer: Any, params: list[Any], grads: list[Any], options: dict[str, Any]) -> Compiled:
    """A function, which Keras leaves to XLA where there is a GPU."""
    import tensorflow as tf

    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    step = tf.function(lambda: optimizer.apply(grads, params, **options), jit_compile=has_gpu)
    return step, tf.test.experimental.sync_devices, lambda: None


def in_jax(optimizer: Any, params: list[Any], grads: list[Any], options: dict[str, Any]) -> Compiled:
    """A jitted function whose variables are donated."""
    import jax

    from .cases_jax import temporaries

    def update(values: Any, state: Any, grads: Any, options: Any) -> Any:
        return optimizer.stateless_apply(state, grads, values, **options)

    kept: dict[str, Any] = {
        # Copies, because the variables keep theirs.
        "values": [variable.value.copy() for variable in params],
        "state": [variable.value.copy() for variable in optimizer.variables],
    }

    def step() -> None:
        if "compiled" not in kept:
            jitted = jax.jit(update, donate_argnums=(0, 1))
            kept["compiled"] = jitted.lower(kept["values"], kept["state"], grads, options).compile()
        kept["values"], kept["state"] = kept["compiled"](kept["values"], kept["state"], grads, options)

    return (
        step,
        lambda: jax.block_until_ready((kept["values"], kept["state"])),  # type: ignore[no-untyped-call]
        lambda: temporaries(kept["compiled"]),
    )


def in_torch(optimizer: Any, params: list[Any], grads: list[Any], options: dict[str, Any]) -> Compiled:
    """Nothing is compiled."""
    import torch

    from .cases_torch import peak_temporaries, wait

    def step() -> None:
        with torch.no_grad():
            optimizer.apply(grads, params, **options)

    device = params[0].value.device.type
    return step, lambda: wait(device), lambda: peak_temporaries(step, device)


COMPILED = {"tensorflow": in_tensorflow, "jax": in_jax, "torch": in_torch}
