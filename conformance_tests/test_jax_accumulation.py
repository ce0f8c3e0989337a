"""`momo_jax.MultiSteps`: several small batches take the step of the large batch that they make up."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import momo_jax
from conformance_tests.jax_steps import (
    NAMES,
    QUICKLY,
    batches,
    flags,
    flat,
    float32_bound,
    make_of,
    same,
    settings,
    take,
    tree,
    types,
)
from conformance_tests.profiles import PARTS, mostly
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError

Micro = list[tuple[Any, Any]]


def halves(number: int) -> tuple[Micro, Micro]:
    """Large batches, and the halves of which they are the exact means."""
    random, large, small = np.random.default_rng(11), [], []

    def dyadic(leaf: Any) -> Any:
        return jnp.asarray(random.integers(-64, 64, size=leaf.shape) / 32, jnp.float32)

    for _ in range(number):
        grads, away = jax.tree.map(dyadic, tree()), jax.tree.map(dyadic, tree())
        loss, off = jnp.float32(3.5), jnp.float32(random.integers(-32, 32) / 32)
        large.append((grads, loss))
        small += [
            (jax.tree.map(jnp.add, grads, away), loss + off),
            (jax.tree.map(jnp.subtract, grads, away), loss - off),
        ]
    return large, small


quickly = partial(jax.jit, compiler_options=QUICKLY)


def through(optimizer: Any, given: Micro, wrap: Any = quickly) -> tuple[Any, Any]:
    """Parameters and state after all batches."""
    step = wrap(partial(take, optimizer))
    carry = tree(), optimizer.init(tree())
    for batch in given:
        carry = step(*carry, batch)
    return carry


@pytest.mark.parametrize("name", mostly(NAMES, PARTS))
@pytest.mark.reliability("R81")
def test_small_batches_are_the_large_batch(name: str) -> None:
    """With `MultiSteps` two halves of a batch take the step of the whole batch, loss and gradients."""
    hyper, (large, small) = {**settings(name), **flags(name)}, halves(2)
    optimizer = make_of(name)(**hyper)
    accumulating = momo_jax.MultiSteps(optimizer, 2)
    step = quickly(partial(take, accumulating))
    carry = tree(), accumulating.init(tree())
    for half, batch in enumerate(small):
        before, carry = carry, step(*carry, batch)
        assert types(carry) == types(before)
        if half % 2 == 0:
            same(carry[0], before[0])
            same(carry[1].inner_opt_state, before[1].inner_opt_state)
    expected = through(optimizer, large, lambda step: step)
    assert int(carry[1].inner_opt_state.count) == int(carry[1].gradient_step) == 2
    bound = float32_bound(name, hyper, tree(), large)[-1]
    assert np.linalg.norm(flat(carry[0]) - flat(expected[0])) <= 2 * bound


@pytest.mark.reliability("R81")
def test_accumulated_means_are_exact_where_they_can_be() -> None:
    """What the optimizer is handed is to the bit the mean of the gradients and of the losses."""
    handed: list[Any] = []

    def update(updates: Any, state: Any, params: Any = None, *, value: Any) -> Any:
        jax.debug.callback(lambda *given: handed.append(given), updates, value, ordered=True)
        return updates, state

    spy = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    large, small = halves(3)
    quarters = [(grads, loss) for grads, loss in small for _ in range(2)]
    for given, number in ((small, 2), (quarters, 4)):
        handed.clear()
        through(momo_jax.MultiSteps(spy, number), given)
        same(jax.tree.map(np.asarray, handed), jax.tree.map(np.asarray, large))
    handed.clear()
    through(momo_jax.MultiSteps(spy, 2, use_grad_mean=False), small)
    same(jax.tree.map(lambda array: np.asarray(array / 2), handed), jax.tree.map(np.asarray, large))


def test_of_optax_hands_over_the_last_loss_alone() -> None:
    """Why there is a wrapper of our own: with optax's the model is that of the last small batch."""
    _, small = halves(1)
    first, last = (float(loss) for _, loss in small)
    assert first != last
    theirs, ours = (
        through(wrapper(momo_jax.momo(0.0), 2), small)[1].inner_opt_state.info.predicted_loss
        for wrapper in (optax.MultiSteps, momo_jax.MultiSteps)
    )
    assert float(theirs) == last
    assert float(ours) == (first + last) / 2


@pytest.mark.parametrize("bad", ["loss", "gradient"])
@pytest.mark.reliability("R33", "R37", "R81")
def test_small_batch_that_is_not_finite_costs_one_step(bad: str) -> None:
    """A NaN in one small batch skips the whole accumulated step, and leaves nothing behind."""
    _, small = halves(3)
    grads, loss = small[2]
    nan = jnp.float32(jnp.nan)
    spoiled = (grads, nan) if bad == "loss" else ({**grads, "weights": grads["weights"] * nan}, loss)
    optimizer = momo_jax.MultiSteps(momo_jax.momo_adam(0.03), 2)
    params, state = through(optimizer, [*small[:2], spoiled, *small[3:]])
    expected, clean = through(optimizer, [*small[:2], *small[4:]])
    same(params, expected)
    assert int(state.inner_opt_state.skipped_steps) == 1
    assert int(state.gradient_step) == 3
    same(state.inner_opt_state.averages, clean.inner_opt_state.averages)


@pytest.mark.reliability("R81")
def test_skipped_small_batches_count_as_never_seen() -> None:
    """What `should_skip_update_fn` refuses is in no sum, and its report is in the state."""
    _, small = halves(2)
    optimizer = momo_jax.MultiSteps(momo_jax.momo(0.03), 2, should_skip_update_fn=optax.skip_not_finite)
    bad = jax.tree.map(lambda grad: grad * jnp.inf, small[0][0]), jnp.float32(jnp.nan)
    params, state = through(optimizer, [bad, small[0], bad, *small[1:], bad])
    expected, clean = through(optimizer, small)
    same(params, expected)
    same(state._replace(skip_state=()), clean._replace(skip_state=()))
    assert bool(state.skip_state["should_skip"])
    assert not bool(clean.skip_state["should_skip"])


@pytest.mark.reliability("R63", "R73", "R81")
def test_saved_between_small_batches() -> None:
    """A run that is saved after each small batch ends where the other ends, to the bit."""
    _, small = halves(3)
    optimizer = momo_jax.MultiSteps(momo_jax.momo(0.03), lambda step: 1 + step)  # 1, 2 and 3 batches
    step = quickly(partial(take, optimizer))
    carry = saved = tree(), optimizer.init(tree())
    updated = []
    for batch in small:
        carry, saved = step(*carry, batch), pickle.loads(pickle.dumps(step(*saved, batch)))
        updated.append(bool(optimizer.has_updated(carry[1])))
    assert updated == [True, False, True, False, False, True]
    same(jax.tree.map(jnp.asarray, saved), carry)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.reliability("R52", "R53", "R81")
def test_sums_are_wide(dtype: str) -> None:
    """Sums are at least float32, and float64 for float64; updates have the dtypes of the parameters."""
    with jax.enable_x64(True):
        optimizer, params = momo_jax.MultiSteps(momo_jax.momo_adam(), 2), tree(dtype)
        start = optimizer.init(params)
        grads, _ = batches(1, dtype)[0]
        updates, state = jax.eval_shape(partial(optimizer.update, value=1.0), grads, start, params)
        wide = jnp.promote_types(dtype, jnp.float32)
        assert {leaf.dtype for leaf in jax.tree.leaves(start.acc_grads)} == {wide}
        assert start.acc_value.dtype == wide
        assert types(state) == types(start)
        assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}


@pytest.mark.reliability("R24", "R29", "R81")
def test_invalid_calls() -> None:
    """A missing loss, gradient or parameter and a loss that is no scalar are errors at each small batch."""
    optimizer, params = momo_jax.MultiSteps(momo_jax.momo(), 2), tree()
    state = optimizer.init(params)
    with pytest.raises(MissingLossError, match="value=loss"):
        optimizer.update(params, state, params)
    with pytest.raises(InvalidValueError, match="scalar"):
        optimizer.update(params, state, params, value=jnp.ones(3))
    with pytest.raises(ValueError, match="params"):
        optimizer.update(params, state, value=1.0)
    with pytest.raises(InvalidValueError, match="gradient 0 is missing"):
        optimizer.update({**params, "bias": [None, None]}, state, params, value=1.0)
    with pytest.raises(InvalidValueError, match="at least 1"):
        momo_jax.MultiSteps(momo_jax.momo(), 0)
    for number in (1.5, True, "2"):
        with pytest.raises(InvalidTypeError, match="whole number"):
            momo_jax.MultiSteps(momo_jax.momo(), number)


def test_chains_and_rules_without_a_loss() -> None:
    """It wraps chains and any transformation of optax, and is one itself."""
    _, small = halves(2)
    inner = optax.chain(optax.clip_by_global_norm(1e6), momo_jax.momo(0.03))
    wrapped = momo_jax.MultiSteps(inner, 2).gradient_transformation()
    chained = optax.chain(wrapped, optax.scale(1.0))
    same(through(chained, small)[0], through(momo_jax.MultiSteps(momo_jax.momo(0.03), 2), small)[0])
    plain, (grads, _) = momo_jax.MultiSteps(optax.sgd(0.5), 1), small[0]
    assert plain.inner_opt is not None
    updates, state = plain.update(grads, plain.init(tree()), tree())
    same(updates, jax.tree.map(lambda grad: -0.5 * grad, grads))
    assert bool(plain.has_updated(state))


@pytest.mark.reliability("R81", "R84")
def test_in_shard_map() -> None:
    """Inside of `shard_map`, too, the types of the state stay, and a loss of one device is refused."""
    mesh = jax.make_mesh((1,), ("data",), axis_types=(AxisType.Auto,))
    optimizer = momo_jax.MultiSteps(momo_jax.momo_adam(), 2)

    def step(params: Any, loss: Any) -> Any:
        state = optimizer.init(params)
        updates, after = optimizer.update(params, state, params, value=loss)
        assert jax.tree.map(jax.typeof, after) == jax.tree.map(jax.typeof, state)
        return updates

    for spec in (P(), P("data")):
        jax.eval_shape(jax.shard_map(step, mesh=mesh, in_specs=(spec, P()), out_specs=spec), tree(), 1.0)
    with pytest.raises(InvalidValueError, match="loss varies over the mesh axes data"):
        jax.eval_shape(
            jax.shard_map(step, mesh=mesh, in_specs=(P(), P("data")), out_specs=P()), tree(), jnp.ones(1)
        )
