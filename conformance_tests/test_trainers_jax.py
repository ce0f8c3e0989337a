"""Flax, Equinox and wrappers of optax take the steps of the plain loop with optax, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import momo_jax
from conformance_tests.jax_steps import QUICKLY, batches, same, take, tree
from momo_core import InvalidTypeError, MissingLossError

SCHEDULE = optax.linear_schedule(4.0, 1.0, 5)

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "momo": lambda: momo_jax.momo(4.0, weight_decay=0.01, adapt_lower_bound=True),
    "momo_adam": lambda: momo_jax.momo_adam(2.0),
    "am_adamw": lambda: momo_jax.am_adamw(0.01),
    "injected": lambda: optax.inject_hyperparams(momo_jax.momo)(learning_rate=SCHEDULE),
    "clipped": lambda: optax.chain(optax.clip_by_global_norm(1.0), momo_jax.momo_adam(2.0)),
    "small_batches": lambda: momo_jax.MultiSteps(momo_jax.momo(4.0), 2),
}
"""All that need the loss are cut by it."""

RANDOM = np.random.default_rng(4)
DATA = [
    (RANDOM.normal(size=(6, 3)).astype(np.float32), RANDOM.normal(size=(6, 1)).astype(np.float32))
    for _ in range(6)
]

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def mse(predicted: Any, targets: Any) -> Any:
    return jnp.mean((predicted - targets) ** 2)


def weights() -> dict[str, Any]:
    """Of a network with one hidden layer."""
    random = np.random.default_rng(9)
    shapes = {"first": (3, 4), "second": (4, 1)}
    return {name: jnp.asarray(random.normal(size=shape), jnp.float32) for name, shape in shapes.items()}


def predict(params: Any, inputs: Any) -> Any:
    return jnp.tanh(inputs @ params["first"]) @ params["second"]


def loss_of(params: Any, x: Any, y: Any) -> Any:
    return mse(predict(params, x), y)


@cache
def compiled(name: str) -> optax.GradientTransformationExtraArgs:
    """An optimizer of which all trainers run the same program."""
    optimizer = OPTIMIZERS[name]()
    update = jax.jit(optimizer.update, compiler_options=QUICKLY)
    return optax.GradientTransformationExtraArgs(optimizer.init, update)


@cache
def plain_loop(name: str) -> tuple[Any, Any]:
    """Parameters and state after all batches, with optax alone."""
    optimizer, params = compiled(name), weights()
    state, truncations = optimizer.init(params), []
    for batch in DATA:
        loss, grads = jax.value_and_grad(loss_of)(params, *batch)
        updates, state = optimizer.update(grads, state, params, value=loss)
        params = optax.apply_updates(params, updates)
        truncations.append(float(momo_jax.last_info(state).truncation))
    assert any(0 < share < 1 for share in truncations) == (name != "am_adamw")
    return params, state


@every_optimizer
@pytest.mark.reliability("R87")
def test_train_state(name: str) -> None:
    """A train state of Flax that hands on the loss."""
    flax = pytest.importorskip("momo_jax.flax", reason="not run: flax is not installed", exc_type=ImportError)
    state = flax.TrainState.create(apply_fn=predict, params=weights(), tx=compiled(name))
    for batch in DATA:
        loss, grads = jax.value_and_grad(loss_of)(state.params, *batch)
        state = state.apply_gradients(grads=grads, value=loss)
    params, opt_state = plain_loop(name)
    same(state.params, params)
    same(state.opt_state, opt_state)
    assert state.step == len(DATA)


@every_optimizer
def test_train_state_compiles_to_the_plain_step(name: str) -> None:
    """Traced, it is the program of the plain step."""
    flax = pytest.importorskip("momo_jax.flax", reason="not run: flax is not installed", exc_type=ImportError)
    optimizer, (grads, loss) = OPTIMIZERS[name](), batches(1)[0]

    def step(params: Any, opt_state: Any, grads: Any, loss: Any) -> Any:
        state = flax.TrainState(step=0, apply_fn=None, params=params, tx=optimizer, opt_state=opt_state)
        state = state.apply_gradients(grads=grads, value=loss)
        assert state.tx is optimizer
        return state.params, state.opt_state

    def plain(params: Any, opt_state: Any, grads: Any, loss: Any) -> Any:
        return take(optimizer, params, opt_state, (grads, loss))

    given = tree(), optimizer.init(tree()), grads, loss
    assert str(jax.make_jaxpr(step)(*given)) == str(jax.make_jaxpr(plain)(*given))


def test_train_state_of_other_optimizers() -> None:
    """It takes any optimizer with or without the loss, replaces other fields, and misses a loss."""
    flax = pytest.importorskip("momo_jax.flax", reason="not run: flax is not installed", exc_type=ImportError)
    theirs = pytest.importorskip("flax.training.train_state")
    given = {"apply_fn": predict, "params": weights(), "tx": optax.adam(0.1)}
    expected = theirs.TrainState.create(**given).apply_gradients(grads=weights())
    for options in ({}, {"value": 1.0}):
        state = flax.TrainState.create(**given).apply_gradients(grads=weights(), **options)
        same(state.params, expected.params)
    assert state.apply_gradients(grads=weights(), apply_fn=len).apply_fn is len
    state = flax.TrainState.create(**given | {"tx": momo_jax.momo()})
    with pytest.raises(MissingLossError):
        state.apply_gradients(grads=weights())
    with pytest.raises(MissingLossError):
        theirs.TrainState.create(**given | {"tx": momo_jax.momo()}).apply_gradients(grads=weights())


@every_optimizer
@pytest.mark.reliability("R87")
def test_nnx(name: str) -> None:
    """Flax's `nnx.Optimizer` hands the loss on."""
    nnx = pytest.importorskip("flax.nnx", reason="not run: flax is not installed")

    class Network(nnx.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.first, self.second = (nnx.Param(value) for value in weights().values())

        def __call__(self, x: Any) -> Any:
            return jnp.tanh(x @ self.first[...]) @ self.second[...]

    model = Network()
    optimizer = nnx.Optimizer(model, compiled(name), wrt=nnx.Param)
    for x, y in DATA:
        loss, grads = nnx.value_and_grad(lambda model, x=x, y=y: mse(model(x), y))(model)
        optimizer.update(model, grads, value=loss)
    params, state = plain_loop(name)
    same({"first": model.first[...], "second": model.second[...]}, params)
    same(jax.tree.leaves(nnx.as_pure(optimizer.opt_state)), jax.tree.leaves(state))
    info, expected = momo_jax.last_info(optimizer.opt_state), momo_jax.last_info(state)
    assert float(info.step_size[...]) == float(expected.step_size)


@every_optimizer
def test_equinox(name: str) -> None:
    """A module of Equinox, whose functions are no parameters."""
    eqx = pytest.importorskip("equinox", reason="not run: equinox is not installed")

    class Network(eqx.Module):  # type: ignore[misc, name-defined]
        first: Any
        second: Any
        activation: Callable[[Any], Any] = jnp.tanh

        def __call__(self, x: Any) -> Any:
            return self.activation(x @ self.first) @ self.second

    model, optimizer = Network(**weights()), compiled(name)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))
    for x, y in DATA:
        loss, grads = eqx.filter_value_and_grad(lambda model, x=x, y=y: mse(model(x), y))(model)
        params = eqx.filter(model, eqx.is_inexact_array)
        updates, state = optimizer.update(grads, state, params, value=loss)
        model = eqx.apply_updates(model, updates)
    expected, opt_state = plain_loop(name)
    same({"first": model.first, "second": model.second}, expected)
    same(jax.tree.leaves(state), jax.tree.leaves(opt_state))


@every_optimizer
def test_last_info(name: str) -> None:
    """What the last step did is found in any wrapper, and by the tools of optax."""
    _, state = plain_loop(name)
    info = momo_jax.last_info(state)
    for key in ("step_size", "truncation"):
        assert getattr(info, key) is optax.tree_utils.tree_get(state, key)
    assert (info.lower_bound is None) == (name == "am_adamw")


def test_last_info_of_one_optimizer() -> None:
    """A state without one of this package, or with two, has no one answer."""
    several = momo_jax.momo(), momo_jax.momo()
    for optimizer, number in ((optax.adam(0.1), 0), (optax.chain(*several), 2)):
        with pytest.raises(InvalidTypeError, match=f"got {number}"):
            momo_jax.last_info(optimizer.init(weights()))
