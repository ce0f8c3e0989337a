"""
Very long runs in float32: no drift beyond what rounding errors explain, no counter at its end.

The bound is computed for the run itself by Monte-Carlo arithmetic.  In half of the runs an operation
makes a new error at each step, in the other half the same one at each step: that is how the error of
a constant such as ``1 - learning_rate * weight_decay`` adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from conformance_tests.monte_carlo import perturbed
from conformance_tests.profiles import mostly
from momo_spec import load_spec
from momo_spec.bounds import SAMPLES, UNIT_ROUNDOFF, rounding_bound

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
driver = pytest.importorskip("momo_jax.driver")
jnp = jax.numpy

pytestmark = pytest.mark.xdist_group("soak")

STEPS, EVERY = 100_000, 100
UNIT = UNIT_ROUNDOFF["float32"]
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(8, 6)).astype(np.float32)
RIGHT = (ROWS @ RANDOM.normal(size=6) + RANDOM.normal(size=8)).astype(np.float32)
"""Equations without a common solution: the gradients never vanish."""
SAMPLE_OF = RANDOM.integers(0, len(ROWS), size=(STEPS // EVERY, EVERY)).astype(np.int32)

Carry = tuple[Any, Any]


@dataclass(frozen=True)
class Case:
    """An optimizer with settings that float32 represents, so that all runs have the same ones."""

    optimizer: str
    own: dict[str, Any]

    def build(self) -> Any:
        spec = load_spec(self.optimizer)
        hyper = {name: entry.default for name, entry in spec.hyper.items() if not entry.internal} | self.own
        rounded = {
            name: float(np.float32(value)) if isinstance(value, float) else value
            for name, value in hyper.items()
        }
        return driver.make(self.optimizer, rounded)


CASES = {
    "MoMo": Case("momo", {"learning_rate": 2.0**-5}),
    "MoMo, bias correction, estimator": Case(
        "momo", {"learning_rate": 2.0**-5, "bias_correction": True, "adapt_lower_bound": True}
    ),
    "MoMo-Adam, estimator": Case("momo_adam", {"learning_rate": 2.0**-7, "adapt_lower_bound": True}),
    "AM-SGD": Case("am_sgd", {"learning_rate": 2.0**-5}),
    "AM-AdamW": Case("am_adamw", {"learning_rate": 2.0**-7}),
}


def step_of(optimizer: Any, carry: Carry, sample: Any) -> Carry:
    """One step on the squared residual of one equation."""
    param, state = carry
    row, right = jnp.asarray(ROWS, param.dtype)[sample], jnp.asarray(RIGHT, param.dtype)[sample]
    residual = jnp.sum(row * param) - right
    updates, state = optimizer.update(row * residual, state, param, value=residual * residual / 2)
    return optax.apply_updates(param, updates), state


def shown(carry: Carry) -> dict[str, Any]:
    """What is compared: the parameters, and each scalar of the state."""
    param, state = carry
    return {"params": param, **{name: value[None] for name, value in state.scalars.items()}}


def start_of(optimizer: Any, dtype: str) -> Carry:
    param = jnp.zeros(6, dtype)
    return param, optimizer.init(param)


def walk(step: Callable[[Carry, Any], Carry], start: Carry) -> tuple[Carry, dict[str, np.ndarray]]:
    """The end of a run, and what is shown after every `EVERY` steps."""

    def stretch(carry: Carry, samples: Any) -> tuple[Carry, Any]:
        carry, _ = jax.lax.scan(lambda now, sample: (step(now, sample), None), carry, samples)
        return carry, shown(carry)

    end, rows = jax.jit(partial(jax.lax.scan, stretch))(start, SAMPLE_OF)
    return end, jax.tree.map(np.asarray, rows)


def noisy_walks(optimizer: Any, start: Carry) -> dict[str, np.ndarray]:
    """`SAMPLES` runs in float64 with errors of the size of float32's; shape (runs, rows, ...)."""
    noisy, count = perturbed(partial(step_of, optimizer), UNIT, start, SAMPLE_OF[0, 0])

    def errors(key: Any, shape: tuple[int, ...]) -> Any:
        return jax.random.uniform(key, shape, jnp.float32, -1, 1).astype(jnp.float64)

    def one(key: Any, repeats: Any) -> Any:
        same = errors(key, (count,))

        def stretch(carry: Carry, inputs: Any) -> tuple[Carry, Any]:
            samples, own_key = inputs
            noise = jnp.where(repeats, same, errors(own_key, (EVERY, count)))
            carry, _ = jax.lax.scan(
                lambda now, each: (noisy(each[1], now, each[0]), None), carry, (samples, noise)
            )
            return carry, shown(carry)

        return jax.lax.scan(stretch, start, (SAMPLE_OF, jax.random.split(key, len(SAMPLE_OF))))[1]

    keys = jax.random.split(jax.random.key(0), SAMPLES)
    rows = jax.jit(jax.vmap(one))(keys, np.arange(SAMPLES) % 2 == 0)
    return jax.tree.map(np.asarray, rows)


@cache
def reference_and_bounds(name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each quantity what it is in float64, and how far rounding errors may lead from there."""
    with jax.enable_x64(True):
        optimizer = CASES[name].build()
        start = start_of(optimizer, "float64")
        _, double = walk(partial(step_of, optimizer), start)
        noisy = noisy_walks(optimizer, start)
    return {name: (row, rounding_bound(row, noisy[name], UNIT)) for name, row in double.items()}


def errors_over_bounds(name: str, single: dict[str, np.ndarray]) -> dict[str, float]:
    """For each quantity, its largest error in float32 over its bound."""
    ratios = {}
    for quantity, (reference, bound) in reference_and_bounds(name).items():
        error = np.linalg.norm(single[quantity].astype(np.float64) - reference, axis=1)
        ratios[quantity] = float(np.max(error / np.where(bound > 0, bound, np.finfo(float).tiny)))
    return ratios


@pytest.mark.parametrize("name", mostly(CASES, ["MoMo"]))
def test_a_hundred_thousand_steps_in_float32(name: str, record_property: Any) -> None:
    """
    After 100 000 steps in float32 parameters and state are where rounding errors can have led them.

    All steps are counted, none was skipped, and the weight of the averages is 1 to the last few bits.
    """
    optimizer = CASES[name].build()
    (param, state), rows = walk(partial(step_of, optimizer), start_of(optimizer, "float32"))
    assert param.dtype == jnp.float32
    assert (int(state.count), int(state.skipped_steps)) == (STEPS, 0)
    assert abs(float(state.scalars["weight"]) - 1) <= 16 * UNIT
    for quantity, ratio in errors_over_bounds(name, rows).items():
        assert ratio <= 1, f"{quantity} is {ratio:.3g} bounds away"
        record_property(f"error over bound, {STEPS} steps in float32, {quantity}", ratio)


def test_a_slow_drift_is_noticed() -> None:
    """The bound is not so wide that parameters which grow by 2^-18 a step would pass."""
    optimizer = CASES["MoMo"].build()

    def drifting(carry: Carry, sample: Any) -> Carry:
        param, state = step_of(optimizer, carry, sample)
        return param * (1 + 2.0**-18), state

    _, rows = walk(drifting, start_of(optimizer, "float32"))
    assert errors_over_bounds("MoMo", rows)["params"] > 1


def test_a_counter_at_its_end_keeps_its_meaning() -> None:
    """JAX's count of steps stays at its largest value; PyTorch's, a float32, is never 0 again."""
    optimizer, gradient = driver.make("momo", {}), [jnp.ones(3)]
    largest = np.iinfo(np.int32).max
    state = optimizer.init(gradient)._replace(count=jnp.asarray(largest - 1, jnp.int32))
    for _ in range(3):
        _, state = optimizer.update(gradient, state, gradient, value=1.0)
    assert int(state.count) == largest
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    leaf = torch.nn.Parameter(torch.ones(3))
    built = momo_torch.Momo([leaf])
    built.state[leaf]["step"].fill_(2.0**24)
    for _ in range(2):
        leaf.grad = torch.ones(3)
        built.step(loss=1.0)
    assert built.state[leaf]["step"] == 2.0**24
