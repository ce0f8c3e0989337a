"""Trees, steps and comparisons that the tests of `momo_jax` share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import momo_jax
from conformance_tests.comparisons import Trajectory
from momo_spec import load_spec, spec_names
from momo_spec.bounds import UNIT_ROUNDOFF, Rows, flattened, open_loop, open_loop_bound

SPECS = {spec.frameworks["jax"].entry: spec for spec in map(load_spec, spec_names())}
NAMES = list(SPECS)
CUT = [name for name, spec in SPECS.items() if spec.model == "cut"]
DECAYING = [name for name, spec in SPECS.items() if spec.hyper["weight_decay"].domain != "[0, 0]"]
PATHS = ["momo", "am_adamw", "momo_am_adam", "schedule_free_sps"]
"""Rules that go all ways through a step: plain, a choice for each tensor or for all, another move."""

KEPT = ("count", "averages", "tensors", "seen")
"""Fields of the state that say nothing about skipped steps."""

Make = Callable[..., Any]
Batch = tuple[Any, Any]
"""Gradients and loss of a step."""


def make_of(name: str) -> Make:
    made: Make = getattr(momo_jax, name)
    return made


def accepted(name: str, **options: Any) -> dict[str, Any]:
    """Those of the options that an optimizer knows and may set."""
    known = set(inspect.signature(make_of(name)).parameters)
    if name not in DECAYING:
        known.discard("weight_decay")
    return {option: value for option, value in options.items() if option in known}


def tree(dtype: Any = jnp.float32) -> dict[str, Any]:
    """Two tensors, one of them with a zero that has a sign."""
    return {
        "weights": jnp.array([[1.0, -2.0], [0.5, 3.0]], dtype),
        "bias": [jnp.array([0.25, -0.0], dtype), None],
    }


def batches(number: int = 4, dtype: Any = jnp.float32) -> list[Batch]:
    """Gradients of the shapes of `tree`, and losses."""
    random = np.random.default_rng(7)

    def batch() -> Batch:
        grads = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), dtype), tree())
        return grads, jnp.float32(random.uniform(3, 4))

    return [batch() for _ in range(number)]


def take(optimizer: Any, params: Any, state: Any, batch: Batch) -> tuple[Any, Any]:
    """A step with given gradients and loss."""
    grads, loss = batch
    updates, state = optimizer.update(grads, state, params, value=loss)
    return optax.apply_updates(params, updates), state


def go_on(optimizer: Any, params: Any, state: Any, steps: int = 2) -> tuple[Any, Any]:
    for batch in batches(steps, jax.tree.leaves(params)[0].dtype):
        params, state = take(optimizer, params, state, batch)
    return params, state


def walk(optimizer: Any, params: Any, steps: int = 4) -> tuple[Any, Any]:
    """The first steps."""
    return go_on(optimizer, params, optimizer.init(params), steps)


@cache
def jitted(name: str) -> Callable[..., tuple[Any, Any]]:
    """
    A compiled step ``(hyper, params, state, batch) -> (params, state)``, the same for all tests.

    `hyper` are the numbers of `settings`, traced.
    """

    def step(hyper: dict[str, Any], params: Any, state: Any, batch: Batch) -> tuple[Any, Any]:
        traces[name] = traces.get(name, 0) + 1
        return take(make_of(name)(**hyper, **flags(name)), params, state, batch)

    return jax.jit(step)


traces: dict[str, int] = {}
"""How often each step of `jitted` was traced."""


QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Compiler options for programs of which one step is run."""


def flags(name: str) -> dict[str, bool]:
    """Settings that are no numbers."""
    return accepted(name, adapt_lower_bound=True)


def settings(name: str, **others: float) -> dict[str, float]:
    """Numbers with which steps are cut and momentum is chosen; `jitted` takes them traced."""
    rate = 8.0 if needs_loss(name) else 0.05
    wanted = {"learning_rate": rate, "weight_decay": 0.0625, "eps": 1e-6, "lambd": 0.1}
    return accepted(name, **(wanted | others))


def float32_bound(name: str, hyper: Mapping[str, Any], params: Any, given: list[Batch]) -> Rows:
    """How far rounding errors may carry a float32 implementation, after each step."""
    spec, (start, steps) = SPECS[name], as_given(params, given)
    names = {public: canonical for canonical, public in spec.frameworks["jax"].names.items()}
    canonical = {names[public]: value for public, value in hyper.items()}
    reference, _ = open_loop(spec, canonical, start, steps)
    return open_loop_bound(spec, canonical, start, steps, reference, UNIT_ROUNDOFF["float32"])


def as_given(params: Any, given: list[Batch]) -> Trajectory:
    """The problem as plain float64 arrays."""
    arrays = [
        [np.float64(leaf) for leaf in jax.tree.leaves(part)] for part in (params, *(g for g, _ in given))
    ]
    losses = [float(loss) for _, loss in given]
    return arrays[0], [{"grads": g, "loss": loss} for g, loss in zip(arrays[1:], losses, strict=True)]


def flat(params: Any) -> Rows:
    """All parameters as one row."""
    return flattened(jax.tree.leaves(params))


def same(left: Any, right: Any) -> None:
    """Equal to the bit, and of the same types."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), strict=True)
        np.testing.assert_array_equal(np.signbit(one), np.signbit(other))


def types(state: Any) -> Any:
    """Shapes, dtypes, weak types and shardings."""
    return jax.tree.map(lambda leaf: (jax.typeof(leaf), leaf.weak_type), state)


def needs_loss(name: str) -> bool:
    return SPECS[name].needs_loss
