"""Cases of JAX: one jitted step whose parameters and state are donated."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import optax

import momo_jax
from momo_spec import load_spec

from .cases import ADAM_WORDS, Case, Shapes, UnavailableError, count, needed, words_of

PACKAGES = ("jax", "optax")
SAME = {
    "momo": ("contrib.momo", {}),
    "momo_adam": ("contrib.momo_adam", {}),
    "adam": ("adam", {"learning_rate": 1e-3}),
    "adamw": ("adamw", {"learning_rate": 1e-3}),
}
"""Of optax's optimizers those that are a rule of ours; AdamW stands next to the others."""
USUAL = "adamw"


def facts() -> dict[str, object]:
    """What the figures depend on."""
    return {"device": jax.devices()[0].device_kind}


def cases(rule: str, shapes: Shapes, device: str, *, brief: bool) -> Iterator[Case]:
    """The peer of a rule and the rule; optax's AdamW for no rule, no peer if `brief`."""
    if not rule:
        if not brief:
            yield optax_case(USUAL, shapes, device)
        return
    peer = "" if brief else f"optax {SAME.get(rule, SAME[USUAL])[0]}"
    if not brief:
        yield optax_case(rule if rule in SAME else USUAL, shapes, device)
    entry = load_spec(rule).frameworks["jax"]
    options = {entry.names[name]: value for name, value in needed(rule).items()}
    made = getattr(momo_jax, entry.entry)(**options)
    yield Stepper(made, shapes, device).case(f"momo_jax {entry.entry}", words_of(rule), peer)


@lru_cache(maxsize=3)
def optax_case(rule: str, shapes: Shapes, device: str) -> Case:
    """An optimizer of optax, kept for the next rule on the same set."""
    path, options = SAME[rule]
    made: Any = optax
    for part in path.split("."):
        made = getattr(made, part)
    words = ADAM_WORDS if rule == USUAL else words_of(rule)
    return Stepper(made(**options), shapes, device).case(f"optax {path}", words, "")


class Stepper:
    """
    Parameters and state that each step replaces.

    Parameters
    ----------
    optimizer : optax.GradientTransformation
    shapes : tuple of shapes
    device : "cpu" or "cuda"
    """

    def __init__(self, optimizer: Any, shapes: Shapes, device: str) -> None:
        self.optimizer = optax.with_extra_args_support(optimizer)
        with jax.default_device(device_of(device)):
            self.params = normal(0, shapes)
            self.grads = gradients(shapes, device)
            self.state = jax.jit(self.optimizer.init)(self.params)
            self.loss = jnp.float32(1)
        self.compiled: Any = None

    def step(self) -> None:
        """Take a step; the first one compiles."""
        if self.compiled is None:
            jitted = jax.jit(self._update, donate_argnums=(0, 1))
            self.compiled = jitted.lower(self.params, self.state, self.grads, self.loss).compile()
        self.params, self.state = self.compiled(self.params, self.state, self.grads, self.loss)

    def _update(self, params: Any, state: Any, grads: Any, loss: Any) -> tuple[Any, Any]:
        updates, state = self.optimizer.update(grads, state, params, value=loss)
        return optax.apply_updates(params, updates), state

    def case(self, name: str, words: int | None, peer: str) -> Case:
        """The case of this optimizer."""
        return Case(
            name,
            "jax",
            self.step,
            lambda: jax.block_until_ready((self.params, self.state)),  # type: ignore[no-untyped-call]
            count(tuple(param.shape for param in self.params)),
            lambda: sum(leaf.nbytes for leaf in jax.tree.leaves(self.state)),
            lambda: temporaries(self.compiled),
            words,
            peer,
        )


def temporaries(compiled: Any) -> int:
    """Bytes of a compiled function for itself, and for results that are not in place of arguments."""
    memory = compiled.memory_analysis()
    return int(memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes)


def device_of(name: str) -> jax.Device:
    """The device of a name."""
    try:
        return jax.devices("gpu" if name == "cuda" else name)[0]
    except RuntimeError as error:
        raise UnavailableError("JAX finds no GPU") from error


@lru_cache(maxsize=3)
def gradients(shapes: Shapes, device: str) -> list[jax.Array]:
    """Gradients, which no step donates."""
    with jax.default_device(device_of(device)):
        return [value / 100 for value in normal(1, shapes)]


def normal(seed: int, shapes: Shapes) -> list[jax.Array]:
    """Normal random numbers."""
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    return [jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
