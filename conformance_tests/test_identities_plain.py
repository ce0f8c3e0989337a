"""
What the rules of the specification are to each other, and to optimizers that others wrote.

A twin of the same core is compared to the bit; an optimizer of PyTorch or optax within the
rounding bounds of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance_tests import core_driver
from conformance_tests.comparisons import (
    Trajectory,
    assert_apart,
    assert_within,
    assume_clear_of_resets,
    core_rows,
    rounding,
    torch_rows,
)
from conformance_tests.profiles import mostly
from conformance_tests.strategies import hypers, rounded, trajectories
from momo_core.directions import fsgdm
from momo_spec.bounds import Rows, flattened

STEPS = 60
RATES = (1e-3, 0.1)
fewer = settings(max_examples=max(5, settings().max_examples // 4))


@pytest.fixture(params=mostly(range(3), [0]))
def long_run(request: pytest.FixtureRequest) -> Trajectory:
    """Prescribed gradients of sizes that wander over several powers of ten."""
    random, shapes = np.random.default_rng(request.param), ((3,), (2, 4), ())

    def draw(scale: float) -> list[np.ndarray]:
        return [rounded(scale * random.normal(size=shape)) for shape in shapes]

    sizes = 10.0 ** np.cumsum(random.normal(scale=0.2, size=STEPS))
    return draw(1.0), [{"grads": draw(size), "loss": float(rounded(size))} for size in sizes]


def peer_rows(run: Trajectory, name: str, **settings: Any) -> Rows:
    """Trajectory of an optimizer of `torch.optim`."""
    torch = pytest.importorskip("torch")
    return torch_rows(run, lambda params: getattr(torch.optim, name)(params, **settings), needs_loss=False)


def our_rows(run: Trajectory, name: str, **settings: Any) -> Rows:
    """Trajectory of an optimizer of `momo_torch` that gets no loss."""
    momo_torch = pytest.importorskip("momo_torch")
    return torch_rows(run, lambda params: getattr(momo_torch, name)(params, **settings), needs_loss=False)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_sgdm_is_that_of_torch(long_run: Trajectory, beta: float, rate: float) -> None:
    ours = our_rows(long_run, "SGDM", lr=rate, beta=beta)
    theirs = peer_rows(long_run, "SGD", lr=rate, momentum=beta, dampening=beta)
    bound = rounding("sgdm", {"learning_rate": rate, "beta": beta}, long_run)
    assert_within(ours, theirs, bound, bound)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.9), (0.5, 0.5)])
def test_adam_is_that_of_torch(long_run: Trajectory, betas: tuple[float, float], rate: float) -> None:
    shared = {"lr": rate, "betas": betas, "eps": 1e-6}
    bound = rounding("adam", adam_hyper(**shared), long_run)
    assert_within(our_rows(long_run, "Adam", **shared), peer_rows(long_run, "Adam", **shared), bound, bound)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw_is_that_of_torch_and_of_optax(long_run: Trajectory, decay: float) -> None:
    shared = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-6, "weight_decay": decay}
    bound = rounding("adamw", adam_hyper(**shared), long_run)
    ours = our_rows(long_run, "AdamW", **shared)
    assert_within(ours, peer_rows(long_run, "AdamW", **shared), bound, bound)
    momo_jax, optax = pytest.importorskip("momo_jax"), pytest.importorskip("optax")
    settings = {"learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "eps": 1e-6, "weight_decay": decay}
    left, right = (optax_rows(long_run, module.adamw(**settings)) for module in (momo_jax, optax))
    assert_within(left, right, bound, bound)
    assert_within(left, ours, bound, bound)


def adam_hyper(
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float = 0.0
) -> dict[str, float]:
    return {
        "learning_rate": lr,
        "beta1": betas[0],
        "beta2": betas[1],
        "eps": eps,
        "weight_decay": weight_decay,
    }


def optax_rows(run: Trajectory, optimizer: Any) -> Rows:
    """Trajectory of a gradient transformation in float64."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    params, steps = run
    rows = [flattened(params)]
    with jax.enable_x64(True):
        state, update = optimizer.init(params), jax.jit(optimizer.update)
        for step in steps:
            updates, state = update(step["grads"], state, params)
            params = optax.apply_updates(params, updates)
            rows.append(flattened(params))
    return np.array(rows)


@pytest.mark.parametrize(("plain", "cut"), [("sgdm", "momo"), ("adam", "momo_adam"), ("am_sgd", "momo_am")])
@given(data=st.data(), run=trajectories(max_steps=40))
def test_without_a_cut_the_plain_optimizer_is_left(
    plain: str, cut: str, data: st.DataObject, run: Trajectory
) -> None:
    """Identities 1 to 3, to the bit."""
    hyper = data.draw(hypers(plain)) | ({"beta_scope": "global"} if plain == "am_sgd" else {})
    free = {name: value for name, value in hyper.items() if name != "beta_scope"}
    assert_same(run, (plain, hyper), (cut, free | {"lower_bound": -np.inf}))


@given(data=st.data(), run=trajectories(max_steps=40))
def test_sps_is_momo_without_momentum(data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers("sps"))
    assert_same(run, ("sps", hyper), ("momo", hyper | {"beta": 0.0}))


@given(data=st.data(), run=trajectories(max_steps=40))
def test_momo_rmsprop_is_momo_adam_without_momentum(data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers("momo_rmsprop"))
    assert_same(run, ("momo_rmsprop", hyper), ("momo_adam", hyper | {"beta1": 0.0}))


def assert_same(run: Trajectory, *twins: tuple[str, Mapping[str, Any]]) -> None:
    """Equal to the bit, as are the step sizes."""
    left, right = (core_driver.run(name, dict(hyper), *run, dtype="float64") for name, hyper in twins)
    for one, other in zip(left, right, strict=True):
        assert np.array_equal(flattened(one["params"]), flattened(other["params"]))
        assert one["info"]["beta"] == other["info"]["beta"]


@fewer
@given(data=st.data(), run=trajectories(max_steps=12))
def test_momo_adam_tied_is_momo_adam_with_one_beta(data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers("momo_adam_tied"))
    rest = {name: value for name, value in hyper.items() if name != "beta"}
    both = rest | {"beta1": hyper["beta"], "beta2": hyper["beta"]}
    assume_clear_of_resets("momo_adam_tied", hyper, run)
    assert_within(
        core_rows("momo_adam_tied", hyper, run),
        core_rows("momo_adam", both, run),
        rounding("momo_adam_tied", hyper, run),
        rounding("momo_adam", both, run),
    )


def adam_squares(grads: np.ndarray, beta2: float) -> np.ndarray:
    """Corrected averages of the squared gradients, one row a step."""
    total, rows = np.zeros_like(grads[0]), []
    for number, grad in enumerate(grads, start=1):
        total = beta2 * total + (1 - beta2) * grad**2
        rows.append(total / (1 - beta2**number))
    return np.array(rows)


METRICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "momo_rmsprop": lambda grads: np.sqrt(adam_squares(grads, 0.9)),
    "momo_adagrad": lambda grads: np.sqrt(np.cumsum(grads**2, axis=0)),
    "momo_amsgrad": lambda grads: np.sqrt(np.maximum.accumulate(adam_squares(grads, 0.9), axis=0)),
}
"""Metric of each step, without eps, from all gradients."""


@pytest.mark.parametrize("name", METRICS)
def test_the_metric_is_the_documented_one(name: str, long_run: Trajectory) -> None:
    beta = {"momo_rmsprop": 0.0, "momo_adagrad": 0.5, "momo_amsgrad": 0.5}[name]
    names = {"momo_adagrad": {"beta": beta}, "momo_amsgrad": {"beta1": beta, "beta2": 0.9}}
    hyper = {"learning_rate": 0.1, "eps": 1e-3, "lower_bound": -np.inf}
    hyper |= names.get(name, {"beta2": 0.9})
    grads = np.array([flattened(step["grads"]) for step in long_run[1]])
    average, rows = np.zeros_like(grads[0]), [flattened(long_run[0])]
    for number, (grad, root) in enumerate(zip(grads, METRICS[name](grads), strict=True), start=1):
        average = beta * average + (1 - beta) * grad
        rows.append(rows[-1] - 0.1 * average / (1 - beta**number) / (root + 1e-3))
    bound = rounding(name, hyper, long_run)
    assert_within(core_rows(name, hyper, long_run), np.array(rows), bound, bound)


def test_adagrad_is_that_of_torch(long_run: Trajectory) -> None:
    hyper = {"learning_rate": 0.1, "beta": 0.0, "eps": 1e-6, "lower_bound": -np.inf}
    bound = rounding("momo_adagrad", hyper, long_run)
    theirs = peer_rows(long_run, "Adagrad", lr=0.1, eps=1e-6)
    assert_within(core_rows("momo_adagrad", hyper, long_run), theirs, bound, bound)


def test_rmsprop_corrects_its_metric_and_that_of_torch_does_not(long_run: Trajectory) -> None:
    """It is Adam without momentum; `torch.optim.RMSprop` starts with a metric that is too small."""
    hyper = {"learning_rate": 0.01, "beta2": 0.9, "eps": 1e-6, "lower_bound": -np.inf}
    ours, bound = core_rows("momo_rmsprop", hyper, long_run), rounding("momo_rmsprop", hyper, long_run)
    adam = peer_rows(long_run, "Adam", lr=0.01, betas=(0.0, 0.9), eps=1e-6)
    assert_within(ours, adam, bound, bound)
    theirs = peer_rows(long_run, "RMSprop", lr=0.01, alpha=0.9, eps=1e-6)
    grad = flattened(long_run[1][0]["grads"])
    square = np.sqrt((1 - 0.9) * grad**2)
    first = theirs[0] - 0.01 * grad / (square + 1e-6)
    assert_within(theirs[1:2], first[None], bound[1:2], bound[1:2])
    assert_apart(ours[1:2], first[None], bound[1:2], bound[1:2])


TINY = float(np.finfo(np.float64).tiny)
AMSGRAD: dict[str, float] = {"learning_rate": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": TINY}


def amsgrad_rows(run: Trajectory) -> tuple[Rows, Rows, Rows]:
    """Ours without a cut, torch's, and the rounding bound."""
    hyper = AMSGRAD | {"lower_bound": -np.inf}
    theirs = peer_rows(run, "Adam", lr=0.01, betas=(0.5, 0.9), eps=TINY, amsgrad=True)
    return core_rows("momo_amsgrad", hyper, run), theirs, rounding("momo_amsgrad", hyper, run)


def test_amsgrad_is_that_of_torch_while_the_gradients_grow(long_run: Trajectory) -> None:
    """The largest average is then the last one, corrected before or after."""
    sizes = 1.1 ** np.arange(STEPS)
    first = long_run[1][0]["grads"]
    growing = [{"grads": [size * grad for grad in first], "loss": 1.0} for size in sizes]
    ours, theirs, bound = amsgrad_rows((long_run[0], growing))
    assert_within(ours, theirs, bound, bound)


def test_amsgrad_is_not_that_of_torch_when_they_shrink(long_run: Trajectory) -> None:
    """
    We take the largest corrected average, torch corrects the largest average.

    After one large gradient our metric stays ``|grad|``; torch's square is ``(1 - beta2) * grad^2``
    over a growing ``1 - beta2^k``, so that its steps become longer by the root of their ratio.
    """
    first = long_run[1][0]["grads"]
    sizes = 0.25 ** np.arange(10)
    shrinking = [{"grads": [size * grad for grad in first], "loss": 1.0} for size in sizes]
    ours, theirs, bound = amsgrad_rows((long_run[0], shrinking))
    faster = np.sqrt((1 - 0.9**10) / (1 - 0.9)) * (ours[10] - ours[9])
    error = (bound[9] + bound[10]) * (1 + np.sqrt((1 - 0.9**10) / (1 - 0.9)))
    assert np.linalg.norm(theirs[10] - theirs[9] - faster) <= error
    assert np.linalg.norm(ours[10] - ours[9] - faster) > error


@given(total=st.integers(1, 2000), stages=st.integers(1, 500), start=st.integers(0, 1000))
def test_stages_of_fsgdm_begin_at_the_same_step_in_every_format(total: int, stages: int, start: int) -> None:
    """Where the whole part of ``step / max(total_steps / stages, 1)`` grows, computed in whole numbers."""
    for dtype in (np.float32, np.float64):
        number = {"total_steps": total, "stages": stages, "growth": 0.033}
        hyper = {name: dtype(value) for name, value in number.items()}
        share, before = min(stages, total), max(start - 1, 0)
        stage = before * share // total
        scalars = {"weight": 1.0, "stage": stage, "progress": (before + 1) * share - stage * total}
        state = {name: dtype(value) for name, value in scalars.items()}
        for step in range(before + 1, before + 50):
            state = {**state, **fsgdm.begin(state, hyper, xp=np)}
            assert state["stage"] == step * share // total
