"""Large tensors in `momo_jax`: sums block by block, nothing of the size of the model on the way."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import momo_jax.step
from conformance_tests.jax_steps import (
    NAMES,
    QUICKLY,
    SPECS,
    batches,
    flags,
    flat,
    float32_bound,
    make_of,
    same,
    settings,
    take,
    tree,
)
from conformance_tests.profiles import PARTS, mostly, pairwise
from momo_jax.blocks import LARGE, by_blocks
from momo_spec.bounds import UNIT_ROUNDOFF

SIZE = 301
"""Elements in 148 blocks and a rest, where every tensor counts as large."""
FAULTS = ("parameter", "gradient", "loss", "square", "result")
MAXIMUM = float(np.finfo(np.float32).max)


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(momo_jax.step, "LARGE", 1)


def in_place(optimizer: Any, params: Any, state: Any, batch: Any, **options: Any) -> Any:
    """The program of a step that may write over the parameters and the state."""

    def step(params: Any, state: Any, batch: Any) -> Any:
        return take(optimizer, params, state, batch)

    return jax.jit(step, donate_argnums=(0, 1)).lower(params, state, batch).compile(**options)


@pytest.mark.parametrize(
    "name", ["momo", "momo_adam", "schedule_free_sps", "adamw", "am_sgd", "am_adamw", "momo_am_adam"]
)
def test_a_step_is_taken_in_place(name: str) -> None:
    """Temporaries of at most 5 % of the parameters; parameters and averages are written where they are."""
    params = {"matrix": jnp.ones((512, LARGE // 256)), "odd": jnp.ones(LARGE + 77)}
    optimizer = make_of(name)(**settings(name))
    memory = in_place(optimizer, params, optimizer.init(params), (params, jnp.float32(2.0))).memory_analysis()
    size = sum(leaf.nbytes for leaf in params.values())
    assert memory.temp_size_in_bytes <= 0.05 * size
    assert memory.alias_size_in_bytes >= (1 + len(SPECS[name].leaf_state)) * size


@pytest.mark.parametrize("longest", [1, 64])
@pytest.mark.parametrize("size", [1, 2, 3, SIZE, 5001])
def test_every_element_is_added_once(size: int, longest: int) -> None:
    """Three sums of whole numbers, which are exact in any order."""
    numbers = np.arange(size) % 7

    def phase(xp: Any, row: Any) -> list[Any]:
        return [xp.sum(row), xp.sum(2 * row), xp.sum(row * row)]

    array, known = jnp.asarray(numbers, jnp.float32), jnp.float32(np.inf)
    sums, one = jax.jit(lambda array: by_blocks(phase, array, longest, known))(array)
    assert [float(part) for part in sums] == [numbers.sum(), 2 * numbers.sum(), (numbers**2).sum()]
    assert float(one) == numbers.sum()


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("name", mostly(NAMES, PARTS))
def test_block_by_block_is_the_same_step(name: str) -> None:
    """Eager steps look at whole tensors; both are within the rounding bound of the exact steps."""
    hyper, given = {**settings(name), **flags(name)}, batches(3)
    optimizer = make_of(name)(**hyper)
    whole = parts = tree(), optimizer.init(tree())
    bound = float32_bound(name, hyper, tree(), given)
    program = in_place(optimizer, *parts, given[0], compiler_options=QUICKLY)
    for step, batch in enumerate(given, start=1):
        whole = take(optimizer, *whole, batch)
        parts = program(*parts, batch)
        assert np.linalg.norm(flat(whole[0]) - flat(parts[0])) <= 2 * bound[step]
    assert int(parts[1].count) == len(given)


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize(("bad", "position"), pairwise(FAULTS, [0, 150, SIZE - 1]))
def test_all_or_nothing(bad: str, position: int) -> None:
    """Whatever is not finite, and wherever it is, even in the new parameters alone."""
    rate = 1e37 if bad == "result" else 0.01
    name = "adamw" if bad == "result" else "momo_adam"
    params = jnp.linspace(-1.0, 1.0, SIZE, dtype=jnp.float32)
    grads, loss = jnp.full(SIZE, -0.001, jnp.float32), jnp.float32(1.0)
    optimizer = make_of(name)(rate)
    program = jax.jit(lambda *given: take(optimizer, *given), compiler_options=QUICKLY)
    good = program(params, optimizer.init(params), (grads, loss))
    assert int(good[1].count) == 1
    if bad == "parameter":
        params = params.at[position].set(jnp.nan)
    elif bad == "gradient":
        grads = grads.at[position].set(jnp.inf)
    elif bad == "loss":
        loss = jnp.float32(jnp.nan)
    elif bad == "square":
        grads = grads.at[position].set(1e30)
    else:
        params = params.at[position].set(MAXIMUM)
    before = good[1]
    after, state = program(params, before, (grads, loss))
    same(after, params)
    same(state.averages, before.averages)
    assert bool(state.skipped)
    assert int(state.skipped_steps) == int(before.skipped_steps) + 1
    assert int(state.count) == int(before.count)


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_model_follows_the_stored_displacement(dtype: Any) -> None:
    """``predicted_loss`` is the model's value and ``<d, x_new - x>`` of the parameters as they are stored."""
    random = np.random.default_rng(5)
    params = jnp.asarray(random.normal(size=SIZE), dtype)
    optimizer = momo_jax.momo_adam(1e-3, b1=0.9)
    state, loss = optimizer.init(params), 2.0
    program = jax.jit(lambda *given: take(optimizer, *given))
    for _ in range(3):
        old, past = params, float(state.scalars["predicted_loss"])
        grads = jnp.asarray(0.01 * random.normal(size=SIZE), dtype)
        params, state = program(params, state, (grads, jnp.float32(loss)))
        moved = np.float64(params) - np.float64(old)
        terms = np.float64(state.averages["grad_avg"]) * moved
        value = 0.1 * loss + 0.9 * past
        predicted = float(state.scalars["predicted_loss"])
        # A product and at most SIZE additions for each term, and the model's value with three operations
        # on numbers that are rounded themselves.
        bound = UNIT_ROUNDOFF["float32"] * ((SIZE + 1) * np.abs(terms).sum() + 6 * abs(value))
        assert abs(predicted - (value + terms.sum())) <= bound


@pytest.mark.usefixtures("all_large")
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["momo", "momo_adam"])
def test_each_sweep_over_a_tensor_rounds_alike(name: str, decay: float) -> None:
    """
    The sums are those of what is returned, though each of the four sweeps computes it again.

    Moves are a few units in the last place, so that in the change of the model a single parameter that
    was rounded otherwise than the returned one is far outside of the bound of the summation.
    """
    random = np.random.default_rng(7)
    params = jnp.asarray(random.uniform(1.0, 2.0, SIZE), jnp.float32)
    optimizer = make_of(name)(1e-6, lower_bound=-100.0, weight_decay=decay)
    state = optimizer.init(params)
    program = jax.jit(lambda *given: take(optimizer, *given))
    for _ in range(3):
        old, state = params, rebased(state)
        grads = jnp.asarray(random.uniform(0.5, 1.0, SIZE), jnp.float32)
        params, state = program(params, state, (grads, jnp.float32(0.0)))
        terms = np.float64(state.averages["grad_avg"]) * (np.float64(params) - np.float64(old))
        assert terms.any()
        # The value of the model is 0, so `predicted_loss` is the sum: a product and at most SIZE additions.
        bound = UNIT_ROUNDOFF["float32"] * (SIZE + 1) * np.abs(terms).sum()
        assert abs(float(state.scalars["predicted_loss"]) - terms.sum()) <= bound


def rebased(state: Any) -> Any:
    """A state whose model predicts the loss 0."""
    return state._replace(scalars={**state.scalars, "predicted_loss": jnp.float32(0.0)})


@pytest.mark.usefixtures("all_large")
def test_vmap_and_scan_keep_the_steps() -> None:
    """In `scan` the step is that of `jit` to the bit; under `vmap` each run has its own condition."""
    optimizer = momo_jax.momo_adam(0.01)
    params = jnp.linspace(-1.0, 1.0, SIZE, dtype=jnp.float32)
    start = params, optimizer.init(params)
    grads = jnp.stack([0.1 * params, jnp.full_like(params, jnp.nan)])
    losses = jnp.ones(2)

    def step(carry: Any, batch: Any) -> Any:
        return take(optimizer, *carry, batch), None

    expected = start
    for batch in zip(grads, losses, strict=True):
        expected = jax.jit(step)(expected, batch)[0]
    same(jax.jit(lambda: jax.lax.scan(step, start, (grads, losses))[0])(), expected)
    _, states = jax.jit(jax.vmap(lambda batch: step(start, batch)[0]))((grads, losses))
    assert states.skipped.tolist() == [False, True]
    same(states.averages["grad_avg"][1], start[1].averages["grad_avg"])
