"""What an optax user relies on: signatures, errors, compiled loops, optax's own wrappers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

import momo_jax
from conformance_tests.comparisons import assert_within
from conformance_tests.jax_steps import (
    CUT,
    NAMES,
    QUICKLY,
    SPECS,
    accepted,
    batches,
    make_of,
    needs_loss,
    same,
    take,
    tree,
    walk,
)
from conformance_tests.least_squares import Batch, Training
from conformance_tests.roundings import assert_rounded
from momo_core import InvalidTypeError, InvalidValueError, MissingLossError

PEERS = ["momo", "momo_adam"]
START = np.array([1.0, 2.0, 3.0])
EPS = 2.0**-40
"""Lost in the rounding of a gradient of 2 or more."""
every_rule = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def x64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def quadratic(optimizer: Any, params: Any, state: Any) -> tuple[Any, Any]:
    """A step on the sum of squares."""
    loss, grads = jax.value_and_grad(lambda params: (params**2).sum())(params)
    updates, state = optimizer.update(grads, state, params, value=loss)
    return optax.apply_updates(params, updates), state


def test_first_step_of_momo() -> None:
    params = jnp.array([1.0, 2.0, 3.0])
    optimizer = momo_jax.momo(1.0, weight_decay=0.1)
    params, state = quadratic(optimizer, params, optimizer.init(params))
    # The settings, d * x and the model value are rounded, and each operation on them: less than 16.
    assert_rounded(params, [0.5, 1.0, 1.5], 16, "float32")
    assert_rounded(state.info.step_size, 0.225, 16, "float32")
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
@pytest.mark.usefixtures("x64")
def test_parity_with_optax_without_weight_decay(name: str, rate: float, adapt: bool) -> None:
    rng = np.random.default_rng(1)
    matrix, target = rng.normal(size=(40, 5, 6)), rng.normal(size=(40, 5))
    # Another first bound than 0 is reset by another rule than optax's (mathematics, A2).
    bounds = {"lower_bound": 0.0 if adapt else 0.01, "adapt_lower_bound": adapt}
    trajectories = []
    for module in (momo_jax, optax.contrib):
        optimizer = getattr(module, name)(rate, **bounds)
        start = jnp.zeros(6)
        carry = start, optimizer.init(start)
        batches = jnp.asarray(matrix), jnp.asarray(target)
        trajectories.append(jax.lax.scan(partial(fit, optimizer), carry, batches)[1])
    assert np.abs(trajectories[0]).max() > 0.1
    training = Training(
        name, {"learning_rate": rate, **bounds}, [np.zeros(6)], list(map(Batch, matrix, target))
    )
    bound = training.bound("float64")[1:]
    assert_within(*map(np.asarray, trajectories), bound, bound)


@pytest.mark.parametrize(
    ("name", "arguments", "ours", "theirs"),
    [
        ("momo", (1.0, 0.9, 0.0, 0.1), [0.5, 1.0, 1.5], START / 1.1 - 0.225 * 2 * START),
        ("momo_adam", (0.5, 0.9, 0.999, EPS, 0.0, 0.5), [0.4, 1.2, 2.0], START / 1.25 - 0.5),
    ],
)
def test_weight_decay_is_the_papers_and_not_that_of_optax(
    name: str, arguments: tuple[float, ...], ours: list[float], theirs: np.ndarray
) -> None:
    for module, expected in ((momo_jax, ours), (optax.contrib, theirs)):
        params = jnp.array([1.0, 2.0, 3.0])
        optimizer = getattr(module, name)(*arguments)
        params, _ = quadratic(optimizer, params, optimizer.init(params))
        # Adam's corrections lose up to 1 / (1 - b2) of a rounding, in the metric as in the average.
        lost = 16 + (round(1 / (1 - 0.999)) if name == "momo_adam" else 0)
        assert_rounded(params, expected, lost, "float32", terms=START)


@every_rule
@pytest.mark.reliability("R01", "R02", "R04", "R05", "R06")
def test_invalid_hyper_parameters(name: str) -> None:
    """Settings outside of their domain are a ValueError, of another type a TypeError, at construction."""
    make = make_of(name)
    for invalid in (-0.1, float("nan"), jnp.float32(-1.0)):
        with pytest.raises(InvalidValueError, match="learning_rate"):
            make(invalid)
    for wrong in ("0.1", True, 1j, None, jnp.ones(2)):
        with pytest.raises(InvalidTypeError, match="learning_rate"):
            make(wrong)
    with pytest.raises(InvalidTypeError, match="weight_decay"):
        make(weight_decay=optax.constant_schedule(0.1))
    wrong_types = {"adapt_lower_bound": 1, "lambd": "0.1", "beta_max": True, "metric_penalty": 0}
    for setting, value in accepted(name, **wrong_types).items():
        with pytest.raises(InvalidTypeError, match=setting):
            make(**{setting: value})
    outside = {"beta_max": 1.0, "lambd": -0.1, "beta_scope": "layer"}
    for setting, value in accepted(name, **outside).items():
        with pytest.raises(InvalidValueError, match=f"Invalid {setting}"):
            make(**{setting: value})
    with pytest.raises(
        InvalidValueError, match="weight_decay" if name in CUT else "weight_decay|learning_rate"
    ):
        make(float("inf"), weight_decay=0.1)
    with pytest.raises(InvalidValueError, match="on_nonfinite"):
        make(on_nonfinite="ignore")


@every_rule
def test_invalid_calls(name: str) -> None:
    check_invalid_calls(name, lambda update: update)


def test_invalid_calls_under_jit() -> None:
    check_invalid_calls("momo", jax.jit)


def check_invalid_calls(name: str, wrap: Callable[..., Any]) -> None:
    optimizer, params = make_of(name)(), tree()
    state = optimizer.init(params)
    update = wrap(optimizer.update)
    with pytest.raises(ValueError, match="params"):
        update(params, state, value=1.0)
    if needs_loss(name):
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


@pytest.mark.parametrize("name", [name for name in NAMES if not SPECS[name].needs_loss])
def test_a_rule_without_a_loss_ignores_one(name: str) -> None:
    optimizer, params = make_of(name)(), tree()
    state = optimizer.init(params)
    expected = optimizer.update(params, state, params)
    for ignored in (jnp.nan, -jnp.inf, jnp.ones(3), None, jnp.complex64(1)):
        same(optimizer.update(params, state, params, value=ignored), expected)
    assert not bool(expected[1].skipped)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.complex64, jnp.bool_])
@pytest.mark.reliability("R22", "R50")
def test_parameters_must_be_real_floating(dtype: Any) -> None:
    """Parameters that are integers, complex or bool are a TypeError at `init`."""
    with pytest.raises(TypeError, match="real floating"):
        momo_jax.momo().init({"good": jnp.ones(2), "bad": jnp.ones(2, dtype)})


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.reliability("R33", "R37")
def test_raise_and_propagate(name: str) -> None:
    """`on_nonfinite` may raise, which needs eager calls and says so in compiled code, or let NaN through."""
    make, params = make_of(name), tree()
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


@pytest.mark.reliability("R84")
def test_kinds_of_loss_are_traced_once_each() -> None:
    """A loss from Python, NumPy and JAX in turn: a trace for weak and for strong types, and no other."""
    optimizer, traces = momo_jax.momo(), []

    @partial(jax.jit, compiler_options=QUICKLY)
    def update(grads: Any, state: Any, params: Any, value: Any) -> Any:
        traces.append(value.weak_type)
        return optimizer.update(grads, state, params, value=value)

    params, state = tree(), optimizer.init(tree())
    results = []
    for value in (2.0, np.float32(2), jnp.float32(2), 2.0, np.float64(2), jnp.float32(2)):
        results.append(update(params, state, params, value))
        state = results[-1][1] if len(results) == 1 else state
    assert traces == [True, False]
    for result in results[2:]:
        same(result, results[1])


@pytest.mark.reliability("R84")
def test_donation_and_leaks() -> None:
    """A step that writes over its parameters and state gives the same bits, and keeps no tracer."""
    optimizer = momo_jax.momo_adam(optax.linear_schedule(0.1, 0.0, 10))
    carry, expected = ((tree(), optimizer.init(tree())) for _ in range(2))
    plain = jax.jit(partial(take, optimizer), compiler_options=QUICKLY)
    with jax.checking_leaks():
        giving = jax.jit(partial(take, optimizer), donate_argnums=(0, 1), compiler_options=QUICKLY)
        for batch in batches():
            before, carry, expected = carry, giving(*carry, batch), plain(*expected, batch)
            assert all(array.is_deleted() for array in jax.tree.leaves(before[1].averages))
    same(carry, expected)


@pytest.mark.reliability("R88")
def test_clipped_gradients_are_those_of_the_model() -> None:
    """After clipping in a chain, the norms and the model are those of the clipped gradients."""
    clip, optimizer = optax.clip_by_global_norm(0.5), momo_jax.momo(0.3)
    chained = tree(), optax.chain(clip, optimizer).init(tree())
    alone = tree(), optimizer.init(tree())
    for grads, loss in batches():
        chained = take(optax.chain(clip, optimizer), *chained, (grads, loss))
        alone = take(optimizer, *alone, (clip.update(grads, clip.init(grads))[0], loss))
    same(chained[0], alone[0])
    same(chained[1][1], alone[1])


@pytest.mark.reliability("R33", "R37", "R88")
def test_apply_if_finite_adds_nothing_and_harms_nothing() -> None:
    """`optax.apply_if_finite` sees gradients only: the loss that it lets pass is skipped here."""
    optimizer = optax.apply_if_finite(momo_jax.momo(0.3), max_consecutive_errors=5)
    params, state = walk(optimizer, tree(), 2)
    (grads, _), nan = batches(1)[0], jnp.float32(jnp.nan)
    for batch in ((grads, nan), (jax.tree.map(lambda grad: grad * nan, grads), jnp.float32(1))):
        unmoved, after = take(optimizer, params, state, batch)
        same(unmoved, params)
        same(after.inner_state.averages, state.inner_state.averages)


@pytest.mark.reliability("R50")
def test_complex_parameters_as_pairs() -> None:
    """Split into pairs of real numbers they work without a loss; the wrapper of optax hands over none."""
    params = jnp.array([1 + 2j, -3j], jnp.complex64)
    pairs = jnp.stack([params.real, params.imag])
    optimizer = momo_jax.sgdm(0.1)
    split = optax.contrib.split_real_and_imaginary(optimizer)
    updates, _ = split.update(params, split.init(params), params)
    expected, _ = optimizer.update(pairs, optimizer.init(pairs), pairs)
    same(jnp.stack([updates.real, updates.imag]), expected)
    needing = optax.contrib.split_real_and_imaginary(momo_jax.momo())
    with pytest.raises(MissingLossError):
        needing.update(params, needing.init(params), params)


@pytest.mark.reliability("R60", "R88")
def test_one_optimizer_for_each_label_is_a_mistake() -> None:
    """`optax.partition` gives each label the whole loss and its own norm, so that steps are too long."""
    params = {"left": jnp.ones(2), "right": jnp.ones(2)}
    loss = jnp.float32(4.0)  # the step of the whole: 4 / ||(2, 2, 2, 2)||^2 = 1/4
    parts = optax.partition({"a": momo_jax.momo(1.0), "b": momo_jax.momo(1.0)}, {"left": "a", "right": "b"})
    grads = jax.tree.map(lambda leaf: 2 * leaf, params)
    doubled, _ = parts.update(grads, parts.init(params), params, value=loss)
    whole = momo_jax.momo(1.0, weight_decay_mask={"left": True, "right": False})
    once, _ = whole.update(grads, whole.init(params), params, value=loss)
    same(doubled, jax.tree.map(lambda update: 2 * update, once))
    np.testing.assert_array_equal(once["left"], [-0.5, -0.5])


def test_invalid_weight_decay_masks() -> None:
    params = tree()
    with pytest.raises(InvalidTypeError, match="tree of bool") as error:
        momo_jax.momo(weight_decay_mask={"weights": 1.0, "bias": True}).init(params)
    assert error.value.code == "E_WEIGHT_DECAY_MASK_TYPE"
    with pytest.raises(InvalidValueError, match="structure of the parameters") as error:
        momo_jax.momo(weight_decay_mask={"weights": True}).init(params)
    assert error.value.code == "E_WEIGHT_DECAY_MASK_STRUCTURE"
