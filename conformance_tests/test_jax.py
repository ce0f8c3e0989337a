"""What an optax user relies on: signatures, state, tracing, wrappers, errors."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

import momo_jax
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError
from momo_spec import load_spec, spec_names

SPECS = {spec.frameworks["jax"].entry: spec for spec in map(load_spec, spec_names())}
NAMES = list(SPECS)
CUT = [name for name, spec in SPECS.items() if spec.model == "cut"]
PEERS = ["momo", "momo_adam"]
EXACT = partial(np.testing.assert_array_equal, strict=True)


@pytest.fixture
def x64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@pytest.fixture(params=NAMES)
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    constructor: Callable[..., Any] = getattr(momo_jax, request.param)
    return constructor


cut_only = pytest.mark.parametrize("make", CUT, indirect=True)


def accepted(make: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Those of the options that an optimizer knows and may set."""
    known = set(inspect.signature(make).parameters)
    if SPECS[make.__name__].hyper["weight_decay"].domain == "[0, 0]":
        known.discard("weight_decay")
    return {name: value for name, value in options.items() if name in known}


def needs_loss(make: Callable[..., Any]) -> bool:
    return SPECS[make.__name__].needs_loss


def squares(params: Any) -> jax.Array:
    return sum((leaf.astype("float32") ** 2).sum() for leaf in jax.tree.leaves(params))


def tree(dtype: Any = jnp.float32) -> dict[str, Any]:
    return {
        "weights": jnp.array([[1.0, -2.0], [0.5, 3.0]], dtype),
        "bias": [jnp.array([0.25, -0.0], dtype), None],
    }


def take(optimizer: Any, params: Any, state: Any, scale: Any = 1.0) -> tuple[Any, Any]:
    """One step on `squares`, whose gradient and loss are multiplied by `scale`."""
    loss, grads = jax.value_and_grad(lambda params: scale * squares(params))(params)
    updates, state = optimizer.update(grads, state, params, value=loss)
    return optax.apply_updates(params, updates), state


def run(optimizer: Any, params: Any, steps: int = 10) -> tuple[Any, Any]:
    state = optimizer.init(params)
    for index in range(steps):
        params, state = take(optimizer, params, state, 1.0 + index % 3)
    return params, state


def same(left: Any, right: Any) -> None:
    """Equal to the bit, and of the same types."""
    assert jax.tree.structure(left) == jax.tree.structure(right)
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        EXACT(np.asarray(one), np.asarray(other))
        EXACT(np.signbit(one), np.signbit(other))


def types(state: Any) -> Any:
    return jax.tree.map(lambda leaf: (jax.typeof(leaf), leaf.weak_type), state)


def test_first_step_of_momo() -> None:
    params = jnp.array([1.0, 2.0, 3.0])
    optimizer = momo_jax.momo(1.0, weight_decay=0.1)
    params, state = take(optimizer, params, optimizer.init(params))
    np.testing.assert_allclose(params, [0.5, 1.0, 1.5], rtol=1e-6)
    np.testing.assert_allclose(state.info.step_size, 0.225, rtol=1e-6)
    assert int(state.count) == 1


@pytest.mark.parametrize("name", PEERS)
def test_positional_arguments_are_those_of_optax(name: str) -> None:
    ours, theirs = (
        inspect.signature(getattr(module, name)).parameters for module in (momo_jax, optax.contrib)
    )
    positional = [(p.name, p.default) for p in ours.values() if p.kind is not p.KEYWORD_ONLY]
    assert positional == [(p.name, p.default) for p in theirs.values()]


def fit(optimizer: Any, carry: Any, batch: Any) -> Any:
    """One step of least squares."""
    (params, state), (rows, goal) = carry, batch
    loss, grads = jax.value_and_grad(lambda params: ((rows @ params - goal) ** 2).mean())(params)
    updates, state = optimizer.update(grads, state, params, value=loss)
    params = optax.apply_updates(params, updates)
    return (params, state), params


@pytest.mark.parametrize("adapt", [False, True])
@pytest.mark.parametrize(
    ("name", "rate"), [("momo", 0.3), ("momo", 10.0), ("momo_adam", 0.05), ("momo_adam", 5.0)]
)
def test_parity_with_optax_without_weight_decay(x64: None, name: str, rate: float, adapt: bool) -> None:
    rng = np.random.default_rng(1)
    matrix, target = jnp.asarray(rng.normal(size=(40, 5, 6))), jnp.asarray(rng.normal(size=(40, 5)))
    trajectories = []
    for module in (momo_jax, optax.contrib):
        # Another first bound than 0 is reset by another rule than optax's (mathematics, A2).
        optimizer = getattr(module, name)(rate, lower_bound=0.0 if adapt else 0.01, adapt_lower_bound=adapt)
        start = jnp.zeros(6)
        carry = start, optimizer.init(start)
        trajectories.append(jax.lax.scan(partial(fit, optimizer), carry, (matrix, target))[1])
    assert np.abs(trajectories[0]).max() > 0.1
    np.testing.assert_allclose(*trajectories, rtol=0, atol=1e-12 * np.abs(trajectories[0]).max())


@pytest.mark.parametrize(
    ("name", "arguments", "ours", "theirs"),
    [
        ("momo", (1.0, 0.9, 0.0, 0.1), [0.5, 1.0, 1.5], [0.4591, 0.9182, 1.3773]),
        ("momo_adam", (0.5, 0.9, 0.999, 1e-8, 0.0, 0.5), [0.4, 1.2, 2.0], [0.3, 1.1, 1.9]),
    ],
)
def test_weight_decay_is_the_papers_and_not_that_of_optax(
    name: str, arguments: tuple[float, ...], ours: list[float], theirs: list[float]
) -> None:
    for module, expected in ((momo_jax, ours), (optax.contrib, theirs)):
        params = jnp.array([1.0, 2.0, 3.0])
        optimizer = getattr(module, name)(*arguments)
        params, _ = take(optimizer, params, optimizer.init(params))
        np.testing.assert_allclose(params, expected, atol=1e-4)


def test_invalid_hyper_parameters(make: Callable[..., Any]) -> None:
    for invalid in (-0.1, float("nan"), jnp.float32(-1.0)):
        with pytest.raises(InvalidValueError, match="learning_rate"):
            make(invalid)
    for wrong in ("0.1", True, 1j, None, jnp.ones(2)):
        with pytest.raises(InvalidTypeError, match="learning_rate"):
            make(wrong)
    with pytest.raises(InvalidTypeError, match="weight_decay"):
        make(weight_decay=optax.constant_schedule(0.1))
    wrong_types = {"adapt_lower_bound": 1, "lambd": "0.1", "beta_max": True, "metric_penalty": 0}
    for name, value in accepted(make, **wrong_types).items():
        with pytest.raises(InvalidTypeError, match=name):
            make(**{name: value})
    outside = {"beta_max": 1.0, "lambd": -0.1, "beta_scope": "layer"}
    for name, value in accepted(make, **outside).items():
        with pytest.raises(InvalidValueError, match=f"Invalid {name}"):
            make(**{name: value})
    with pytest.raises(InvalidValueError, match="weight_decay"):
        make(float("inf"), weight_decay=0.1)
    with pytest.raises(InvalidValueError, match="on_nonfinite"):
        make(on_nonfinite="ignore")


@pytest.mark.parametrize("wrap", [lambda update: update, jax.jit], ids=["eager", "jit"])
def test_invalid_calls(make: Callable[..., Any], wrap: Callable[..., Any]) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    update = wrap(optimizer.update)
    with pytest.raises(ValueError, match="params"):
        update(params, state, value=1.0)
    if needs_loss(make):
        for missing in ({}, {"value": None}, {"loss": 1.0}):
            with pytest.raises(MissingLossError, match="value=loss"):
                update(params, state, params, **missing)
        with pytest.raises(InvalidValueError, match="scalar"):
            update(params, state, params, value=jnp.ones(3))
        with pytest.raises(InvalidTypeError, match="real"):
            update(params, state, params, value=jnp.complex64(1))
    with pytest.raises(InvalidTypeError, match="gradients must be real floating"):
        update(jax.tree.map(lambda leaf: 1j * leaf, params), state, params, value=1.0)
    with pytest.raises(ValueError, match="shape"):
        update(jax.tree.map(lambda leaf: leaf[:1], params), state, params, value=1.0)
    with pytest.raises(ValueError, match=r"[Ee]xpected"):
        update(params["bias"], state, params, value=1.0)


@pytest.mark.parametrize("make", [name for name in NAMES if not SPECS[name].needs_loss], indirect=True)
def test_a_rule_without_a_loss_ignores_one(make: Callable[..., Any]) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    expected = optimizer.update(params, state, params)
    for ignored in (jnp.nan, -jnp.inf, jnp.ones(3), None, jnp.complex64(1)):
        same(optimizer.update(params, state, params, value=ignored), expected)
    assert not bool(expected[1].skipped)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.complex64, jnp.bool_])
def test_parameters_must_be_real_floating(make: Callable[..., Any], dtype: Any) -> None:
    with pytest.raises(TypeError, match="real floating"):
        make().init({"good": jnp.ones(2), "bad": jnp.ones(2, dtype)})


@pytest.mark.parametrize("value", [2.0, 2, np.float64(2), np.array([2.0]), np.float16(2), jnp.int32(2)])
def test_kinds_of_loss(make: Callable[..., Any], value: Any) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    reference = optimizer.update(params, state, params, value=jnp.float32(2))
    same(optimizer.update(params, state, params, value=value), reference)


def test_traced_python_number_as_loss(make: Callable[..., Any]) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    update = jax.jit(optimizer.update)
    same(update(params, state, params, value=2.0), update(params, state, params, value=jnp.float32(2)))
    assert types(update(params, state, params, value=2)[1]) == types(state)


def test_float64_loss_leaves_the_types(x64: None, make: Callable[..., Any]) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    updates, new = jax.jit(optimizer.update)(params, state, params, value=jnp.float64(2))
    assert types(new) == types(state)
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_types_are_stable(x64: None, make: Callable[..., Any], dtype: str) -> None:
    optimizer, params = make(**accepted(make, adapt_lower_bound=True)), tree(dtype)
    wide = jnp.promote_types(dtype, jnp.float32)

    @jax.jit
    def step(params: Any, state: Any, go: Any) -> Any:
        grads = params
        value = squares(params).astype("bfloat16" if dtype == "float16" else "float16")
        rest = jax.tree.map(jnp.zeros_like, grads), state
        return jax.lax.cond(go, lambda: optimizer.update(grads, state, params, value=value), lambda: rest)

    start = optimizer.init(params)
    for averages in start.averages.values():
        assert {leaf.dtype for leaf in jax.tree.leaves(averages)} == {wide}
    updates, state = step(params, start, True)
    assert types(state) == types(start)
    assert types(updates) == types(params)
    assert int(state.count) == 1
    assert types(jax.jit(optimizer.init)(params)) == types(start)
    assert types(jax.eval_shape(optimizer.init, params)) == types(start)


def test_mixed_dtypes(x64: None, make: Callable[..., Any]) -> None:
    params = {name: jnp.ones(3, name) for name in ("float16", "bfloat16", "float32", "float64")}
    optimizer = make()
    updates, state = optimizer.update(params, optimizer.init(params), params, value=2.0)
    assert {name: leaf.dtype.name for name, leaf in updates.items()} == {name: name for name in params}
    for average in state.averages.values():
        assert average["bfloat16"].dtype == jnp.float32
        assert average["float64"].dtype == jnp.float64
    assert state.scalars["weight"].dtype == jnp.float64


@cut_only
@pytest.mark.parametrize("wrap", [lambda update: update, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_predicted_loss_is_of_what_is_stored(
    make: Callable[..., Any], dtype: str, wrap: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(3)
    params = jnp.asarray(rng.normal(size=500), dtype)
    grads = jnp.asarray(rng.normal(size=500) * 10.0 ** rng.integers(-4, 1, size=500), dtype)
    optimizer = make(0.01, weight_decay=0.1, lower_bound=-100.0)
    updates, state = wrap(optimizer.update)(grads, optimizer.init(params), params, value=2.0)
    stored = np.asarray(optax.apply_updates(params, updates), np.float64)
    change = stored - np.asarray(params, np.float64)
    grad_avg = np.asarray(state.averages["grad_avg"], np.float64)
    loss = 2.0 * float(state.scalars["weight"])
    terms = np.abs(grad_avg * change).sum()
    assert float(state.info.predicted_loss) == pytest.approx(
        loss + grad_avg @ change, abs=1e-6 * terms + 3e-7
    )


def test_narrow_updates_are_rounded_where_xla_keeps_it(make: Callable[..., Any]) -> None:
    """On a GPU, XLA drops the cast of the stored parameter and the cast back to float32."""
    optimizer, params = make(), jnp.ones(3, jnp.bfloat16)
    update = partial(optimizer.update, params, optimizer.init(params), params)
    assert str(jax.make_jaxpr(lambda value: update(value=value))(1.0)).count("reduce_precision[") == 2


def test_small_updates_of_float16_are_not_flushed(make: Callable[..., Any]) -> None:
    optimizer, params = make(3e-5, **accepted(make, lower_bound=-1e6)), jnp.full(3, 0.01, jnp.float16)
    updates, _ = optimizer.update(jnp.ones_like(params), optimizer.init(params), params, value=1.0)
    np.testing.assert_allclose(np.float64(updates), -3e-5, rtol=0.2)


def test_schedule(make: Callable[..., Any]) -> None:
    same(run(make(optax.constant_schedule(0.05)), tree()), run(make(0.05), tree()))
    seen = []
    optimizer = make(lambda count: seen.append(int(count)) or 0.1 / (1 + count))
    params = jnp.array([3.0])
    state = optimizer.init(params)
    for scale in (1.0, 1.0, float("nan"), 1.0):
        params, state = take(optimizer, params, state, scale)
    assert seen == [0, 1, 2, 2]


@pytest.mark.parametrize("wrap", [lambda update: update, jax.jit], ids=["eager", "jit"])
@pytest.mark.parametrize("bad", ["loss", "gradient"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_nonfinite_step_changes_nothing(
    make: Callable[..., Any], wrap: Callable[..., Any], bad: str, dtype: str
) -> None:
    optimizer = make(**accepted(make, adapt_lower_bound=True))
    _, state = run(optimizer, tree(dtype), 3)
    params = tree(dtype)
    assert np.signbit(params["bias"][0][1])
    grads, value = params, squares(params)
    if bad == "loss" and needs_loss(make):
        value = value * jnp.nan
    else:
        grads = {**grads, "weights": grads["weights"].at[0, 1].set(jnp.inf)}
    updates, after = wrap(optimizer.update)(grads, state, params, value=value)
    same(optax.apply_updates(params, updates), params)
    assert bool(after.skipped)
    assert int(after.skipped_steps) == int(state.skipped_steps) + 1
    kept = ("count", "averages", "tensors", "seen")
    same([getattr(after, name) for name in kept], [getattr(state, name) for name in kept])
    ignored = {"skipped_steps": 0}
    same({**after.scalars, **ignored}, {**state.scalars, **ignored})


def test_raise_and_propagate(make: Callable[..., Any]) -> None:
    params = tree()
    spoiled = jax.tree.map(lambda leaf: leaf * jnp.nan, params)
    optimizer = make(on_nonfinite="raise")
    state = optimizer.init(params)
    with pytest.raises(FloatingPointError):
        optimizer.update(spoiled, state, params, value=1.0)
    optimizer.update(params, state, params, value=1.0)
    with pytest.raises(InvalidValueError, match="not possible in jit"):
        jax.jit(optimizer.update)(params, state, params, value=1.0)
    optimizer = make(on_nonfinite="propagate")
    updates, state = jax.jit(optimizer.update)(spoiled, optimizer.init(params), params, value=jnp.nan)
    assert not bool(state.skipped)
    assert int(state.count) == 1
    assert np.isnan(updates["weights"]).all()


def test_no_second_trace_and_donation(make: Callable[..., Any]) -> None:
    options = accepted(make, adapt_lower_bound=True)
    optimizer, params = make(optax.linear_schedule(0.1, 0.0, 10), **options), tree()
    traces = []

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any) -> Any:
        traces.append(1)
        return take(optimizer, params, state)

    state = optimizer.init(params)
    for _ in range(4):
        params, state = step(params, state)
    assert len(traces) == 1
    assert int(state.count) == 4


def test_program_grows_with_the_number_of_tensors_and_not_its_square(make: Callable[..., Any]) -> None:
    lengths = []
    for number in (20, 80):
        params = [jnp.ones(3)] * number
        update = jax.jit(partial(make().update, value=1.0))
        lengths.append(len(update.lower(params, make().init(params), params).compile().as_text()))
    assert lengths[1] < 5 * lengths[0]


def test_scan_is_jit_and_eager_closely(make: Callable[..., Any]) -> None:
    """To the bit where the compiler fuses both in the same way."""
    optimizer, start = make(0.02, **accepted(make, weight_decay=0.01)), tree()
    scales = jnp.array([1.0, 2.0, jnp.nan, 0.5, 1.5, 3.0, 1.0, 1.0])
    carry = eager = (start, optimizer.init(start))
    step = jax.jit(lambda carry, scale: (take(optimizer, *carry, scale), None))
    for scale in scales:
        carry, _ = step(carry, scale)
        eager = take(optimizer, *eager, scale)
    scanned, _ = jax.lax.scan(step, (start, optimizer.init(start)), scales)
    if make.__name__ in PEERS:
        same(scanned, carry)
    for one, other in zip(jax.tree.leaves(scanned), jax.tree.leaves(carry), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert int(carry[1].count) == 7
    for one, other in zip(jax.tree.leaves(carry[0]), jax.tree.leaves(eager[0]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_vmap_over_seeds_and_learning_rates(make: Callable[..., Any]) -> None:
    seeds = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), jnp.float32)
    rates = jnp.array([0.01, 0.5, 10.0])
    together, states = jax.vmap(lambda params, rate: run(make(rate), params))(seeds, rates)
    assert states.count.tolist() == [10] * 3
    for params, rate, result in zip(seeds, rates, together, strict=True):
        np.testing.assert_allclose(result, run(make(float(rate)), params)[0], rtol=2e-5, atol=1e-6)


def test_inject_hyperparams(make: Callable[..., Any]) -> None:
    options = accepted(make, weight_decay=0.1, adapt_lower_bound=True)
    plain = run(make(0.03, **options), tree())
    injected = optax.inject_hyperparams(make)(0.03, **options)
    params, state = run(injected, tree())
    same(params, plain[0])
    same(state.inner_state, plain[1])
    state.hyperparams["learning_rate"] = jnp.float32(0.0)
    state.hyperparams["weight_decay"] = jnp.float32(0.0)
    frozen, state = jax.jit(partial(take, injected))(params, state)
    same(frozen, params)
    scheduled = optax.inject_hyperparams(make)(optax.linear_schedule(0.1, 0.0, 5))
    reference = run(make(optax.linear_schedule(0.1, 0.0, 5)), tree())
    same(run(scheduled, tree())[1].inner_state.averages, reference[1].averages)


def test_chain_with_extra_arguments(make: Callable[..., Any]) -> None:
    chained = optax.chain(optax.clip_by_global_norm(1e6), make(0.03), optax.scale(1.0))
    same(run(chained, tree())[0], run(make(0.03), tree())[0])
    params = tree()
    state = chained.init(params)
    _, after = chained.update(params, state, params, value=1.0, noise=jnp.ones(3), step=4)
    assert int(optax.tree_utils.tree_get(after, "count")) == 1
    assert optax.tree_utils.tree_get(after, "step_size") > 0
    average = next(iter(SPECS[make.__name__].leaf_state))
    assert optax.tree_utils.tree_get(after, average)["weights"].shape == (2, 2)


def test_masked_moves_the_others_only(make: Callable[..., Any]) -> None:
    params = tree()
    masked = optax.masked(make(0.03), {"weights": True, "bias": [False, None]})
    state = masked.init(params)
    updates, _ = masked.update(params, state, params, value=squares(params))
    alone = {"weights": params["weights"]}
    expected, _ = make(0.03).update(alone, make(0.03).init(alone), alone, value=squares(params))
    same(updates["weights"], expected["weights"])
    same(updates["bias"], params["bias"])


def test_tensor_without_a_gradient_is_left_out(make: Callable[..., Any]) -> None:
    params = tree()
    optimizer = make(0.03, **accepted(make, weight_decay=0.1))
    state = optimizer.init(params)
    grads = {"weights": params["weights"], "bias": [None, None]}
    updates, state = optimizer.update(grads, state, params, value=2.0)
    alone = {"weights": params["weights"]}
    expected, reference = optimizer.update(alone, optimizer.init(alone), alone, value=2.0)
    same(updates, {"weights": expected["weights"], "bias": [None, None]})
    assert state.seen.tolist() == [False, True]
    same(state.info, reference.info)
    none = jax.tree.map(lambda _: None, params)
    updates, still = optimizer.update(none, state, params, value=2.0)
    assert jax.tree.leaves(updates) == []
    kept = ("count", "averages", "tensors", "scalars")
    same([getattr(still, name) for name in kept], [getattr(state, name) for name in kept])


OWN_START = ("am_adamw", "momo_adagrad", "schedule_free_sps")
"""What they keep is corrected for each tensor by itself, or is no average."""


@pytest.mark.parametrize("make", [name for name in NAMES if name not in OWN_START], indirect=True)
def test_late_gradient_starts_like_the_others(make: Callable[..., Any]) -> None:
    params = {"early": jnp.ones(2), "late": jnp.ones(2)}
    grads = {"early": jnp.ones(2), "late": jnp.ones(2)}
    optimizer = make(0.01)
    _, state = optimizer.update({**grads, "late": None}, optimizer.init(params), params, value=2.0)
    _, state = optimizer.update(grads, state, params, value=2.0)
    for average in state.averages.values():
        np.testing.assert_allclose(average["late"], average["early"], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_multi_steps(make: Callable[..., Any], dtype: str) -> None:
    params = jnp.array([1.0, 2.0], dtype)
    optimizer = optax.MultiSteps(make(0.03), every_k_schedule=2)
    step = jax.jit(partial(take, optimizer))
    once, state = step(params, optimizer.init(params))
    same(once, params)
    twice, state = step(once, state)
    expected, _ = jax.jit(partial(take, make(0.03)))(params, make(0.03).init(params))
    np.testing.assert_allclose(np.float32(twice), np.float32(expected), rtol=1e-5)
    assert int(state.inner_opt_state.count) == 1


def test_tree_map_params(make: Callable[..., Any]) -> None:
    optimizer, params = make(), tree()
    state = optimizer.init(params)
    marked = optax.tree_utils.tree_map_params(
        optimizer,
        lambda leaf, param: leaf.shape == param.shape,
        state,
        params,
        transform_non_params=lambda _: None,
    )
    shapes = jax.tree.map(lambda _: True, params)
    assert marked.averages == dict.fromkeys(state.averages, shapes)
    assert jax.tree.leaves(marked._replace(averages=None)) == []


def test_saved_state_goes_on_to_the_bit(make: Callable[..., Any]) -> None:
    options = accepted(make, adapt_lower_bound=True)
    optimizer = make(optax.linear_schedule(0.1, 0.0, 10), **options)
    params, state = run(optimizer, tree(), 3)
    expected = take(optimizer, params, state)
    for restored in (
        pickle.loads(pickle.dumps(state)),
        flax.serialization.from_bytes(state, flax.serialization.to_bytes(state)),
        jax.tree.unflatten(jax.tree.structure(state), jax.tree.leaves(state)),
    ):
        assert type(restored) is momo_jax.MomoState
        same(take(optimizer, params, restored), expected)


def test_inputs_stay_as_they_are(make: Callable[..., Any]) -> None:
    optimizer, params = make(), jax.tree.map(np.array, tree())
    state = jax.tree.map(np.array, optimizer.init(params))
    before = jax.tree.map(np.copy, (params, state))
    optimizer.update(params, state, params, value=1.0)
    same((params, state), before)


def test_step_is_transparent_to_scaling(make: Callable[..., Any]) -> None:
    """Loss and gradients times a power of two, with the units of the rest: the same bits."""
    factor = 2.0**7
    options = accepted(make, weight_decay=0.5, eps=1e-6, lambd=0.1)
    if "eps" in options:
        units = {"eps": factor} | ({"lambd": 1 / factor} if make.__name__ == "am_adamw" else {})
    else:
        units = {"learning_rate": 1 / factor, "weight_decay": factor}
    options["learning_rate"] = 0.03
    plain = make(**options)
    scaled = make(**{name: value * units.get(name, 1) for name, value in options.items()})
    params = others = tree()
    state, other = plain.init(params), scaled.init(params)
    for _ in range(5):
        params, state = take(plain, params, state)
        others, other = take(scaled, others, other, factor)
    same(others, params)


SHARDED = """
    import contextlib, functools
    import jax, jax.numpy as jnp, numpy as np, optax, momo_jax
    from jax.sharding import AxisType, NamedSharding, PartitionSpec

    def run(make, params):
        optimizer = make(0.05, weight_decay=0.1, adapt_lower_bound=True)
        loss = lambda params: sum((leaf**2).sum() for leaf in params)
        def step(params, state):
            traces.append(1)
            value, grads = jax.value_and_grad(loss)(params)
            updates, new = optimizer.update(grads, state, params, value=value)
            types = [jax.typeof(leaf) for leaf in jax.tree.leaves(new)]
            assert types == [jax.typeof(leaf) for leaf in jax.tree.leaves(state)]
            return optax.apply_updates(params, updates), new
        traces, step, state = [], jax.jit(step), optimizer.init(params)
        for _ in range(6):
            params, state = step(params, state)
        assert len(traces) == 1, traces
        return params, state

    assert len(jax.devices()) == 8
    values = [np.linspace(-1, 2, 32, dtype=np.float32).reshape(8, 4), np.ones(3, np.float32)]
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = jax.make_mesh((8,), ("data",), axis_types=(kind,))
        specs = [PartitionSpec("data", None), PartitionSpec()]
        single, _ = run(momo_jax.momo_adam, [jnp.asarray(value) for value in values])
        for context in (contextlib.nullcontext, functools.partial(jax.set_mesh, mesh)):
            with context():
                placed = [jax.device_put(v, NamedSharding(mesh, s)) for v, s in zip(values, specs)]
                sharded, state = run(momo_jax.momo_adam, placed)
            assert sharded[0].sharding.spec[0] == "data"
            assert state.averages["grad_avg"][0].sharding.spec[0] == "data"
            for one, other in zip(single, sharded):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    print("sharded as one")
"""


def test_eight_devices_automatic_and_explicit_mesh() -> None:
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    script = textwrap.dedent(SHARDED)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "sharded as one"
