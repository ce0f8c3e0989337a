"""Directions of a user's own: in the core, in PyTorch and in JAX; for Keras see `keras_checks_own`."""

from __future__ import annotations

import ast
import copy
import io
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import momo_core
from conformance_tests.own_directions import (
    BETA,
    ROOT,
    RUN,
    START,
    assert_is_the_core,
    core_params,
    example,
    full_matrix,
    root,
)
from conformance_tests.roundings import gamma
from momo_core import InvalidTypeError, InvalidValueError, Kind

MOST_LINES = 15


class TestFullMatrix:
    """A preconditioner whose state has other shapes than the parameters."""

    @pytest.fixture
    def kind(self) -> Kind:
        return full_matrix()

    def test_the_state_has_its_own_shapes(self, kind: Kind) -> None:
        rule = kind.checked_rule({})
        (leaf,) = rule.init(START[:1]).leaves
        assert {name: array.shape for name, array in leaf.items()} == {
            "grad_avg": (2, 3), "left": (2, 2), "right": (3, 3)
        }  # fmt: skip
        (narrow,) = rule.init([START[0].astype(np.float32)]).leaves
        assert {array.dtype for array in narrow.values()} == {np.dtype(np.float32)}

    def test_a_step_that_is_not_finite_changes_nothing(self, kind: Kind) -> None:
        rule = kind.checked_rule({})
        state = rule.init(START[:1])
        params, after, info = rule.step(START[:1], RUN[0]["grads"][:1], float("nan"), state)
        assert info.skipped
        assert np.array_equal(params[0], START[0])
        assert np.array_equal(after.leaves[0]["left"], state.leaves[0]["left"])

    @pytest.mark.parametrize("decay", [0.0, 0.2])
    @pytest.mark.parametrize("rate", [0.05, 1e6])
    def test_the_step_is_the_best_of_its_model(self, kind: Kind, rate: float, decay: float) -> None:
        """Identities 9 and 10 with a metric that is no diagonal."""
        rule = kind.checked_rule({"learning_rate": rate, "weight_decay": decay})
        cut = 0
        for before, old, step, (new, state, info) in walk(rule):
            value = 0.1 * step["loss"] + 0.9 * float(before.scalars["predicted_loss"])
            problem = FullMatrixStep(old, state, value, rate, decay)
            if 0 < info.truncation < 1:
                cut += 1
                assert abs(info.predicted_loss) <= problem.error * problem.terms(new)
            random = np.random.default_rng(0)
            for scale in (1e-3, 0.1, 1.0):
                other = new + scale * random.normal(size=new.shape)
                least = (1 / rate + decay) * norm_sq(other - new, problem.metric) / 2
                error = problem.error * (problem.terms(other) + problem.terms(new))
                assert problem.objective(other) - problem.objective(new) >= least - error
        assert cut > 0 or rate < 1

    @pytest.mark.parametrize("framework", ["torch", "jax"])
    def test_other_frameworks_agree(self, kind: Kind, framework: str) -> None:
        runs = {"torch": torch_params, "jax": jax_params}
        found = runs[framework](kind, {"learning_rate": 0.5}, START[:1])
        assert_is_the_core(found, kind, {"learning_rate": 0.5}, START[:1])


class FullMatrixStep:
    """The proximal problem of a step, with the metric that belongs to the direction."""

    def __init__(
        self, old: np.ndarray, state: momo_core.State, value: float, rate: float, decay: float
    ) -> None:
        leaf = state.leaves[0]
        self.old, self.value, self.rate, self.decay = old, value, rate, decay
        self.slope, self.weight = leaf["grad_avg"], float(state.scalars["weight"])
        self.metric = np.linalg.inv(np.kron(root(leaf["left"], np), root(leaf["right"], np)))

    def objective(self, point: np.ndarray) -> float:
        plane = (self.value + float(np.sum(self.slope * (point - self.old)))) / self.weight
        near = norm_sq(point - self.old, self.metric) / self.rate
        return max(plane, 0.0) + (near + self.decay * norm_sq(point, self.metric)) / 2

    def terms(self, point: np.ndarray) -> float:
        """Magnitudes that the objective is the sum of."""
        plane = abs(self.value) + float(np.sum(abs(self.slope) * (abs(point) + abs(self.old))))
        near = norm_sq(abs(point) + abs(self.old), abs(self.metric)) / self.rate
        return plane / self.weight + near + self.decay * norm_sq(abs(point), abs(self.metric))

    @property
    def error(self) -> float:
        """Relative to the terms: sums of as many products as the metric has, which is an inverse."""
        return gamma(2 * self.metric.size) * float(np.linalg.cond(self.metric))


def norm_sq(point: np.ndarray, metric: np.ndarray) -> float:
    return float(point.ravel() @ metric @ point.ravel())


def walk(
    rule: momo_core.Rule,
) -> Iterator[tuple[Any, np.ndarray, dict[str, Any], tuple[np.ndarray, Any, Any]]]:
    """The steps of `RUN` on the first tensor."""
    params, state = START[:1], rule.init(START[:1])
    for step in RUN:
        new, after, info = rule.step(params, step["grads"][:1], step["loss"], state)
        yield state, params[0], step, (new[0], after, info)
        params, state = new, after


def torch_params(kind: Kind, hyper: dict[str, Any], start: list[np.ndarray]) -> list[np.ndarray]:
    torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
    mine = type("Mine", (momo_torch.OwnOptimizer,), {"kind": kind})
    params = [torch.nn.Parameter(torch.tensor(array)) for array in start]
    optimizer = mine(params, lr=hyper["learning_rate"])
    for step in RUN:
        for param, grad in zip(params, step["grads"], strict=False):
            param.grad = torch.tensor(grad)
        optimizer.step(loss=step["loss"])
    return [param.detach().numpy() for param in params]


def jax_params(kind: Kind, hyper: dict[str, Any], start: list[np.ndarray]) -> list[np.ndarray]:
    momo_jax = pytest.importorskip("momo_jax")
    return transformed(momo_jax.own_optimizer(kind, **hyper), start)


def transformed(optimizer: Any, start: list[np.ndarray]) -> list[np.ndarray]:
    """Parameters after `RUN`, by a gradient transformation in float64."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    with jax.enable_x64(True):
        params: Any = [jax.numpy.asarray(array) for array in start]
        state, update = optimizer.init(params), jax.jit(optimizer.update)
        for step in RUN:
            updates, state = update(step["grads"][: len(start)], state, params, value=step["loss"])
            params = optax.apply_updates(params, updates)
        return [np.asarray(param) for param in params]


@pytest.mark.parametrize("framework", ["torch", "jax", "keras"])
def test_a_direction_takes_few_lines(framework: str) -> None:
    """Of the example, all but its imports and its demonstration."""
    body = ast.parse((ROOT / "examples" / f"own_direction_{framework}.py").read_text()).body
    own = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "main"]
    lines = sum(node.end_lineno - node.lineno + 1 for node in own if node.end_lineno)
    assert len(own) == 2
    assert lines <= MOST_LINES


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_examples_run(framework: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(framework)
    example(framework).main()
    *before, last = (float(loss) for loss in re.findall(r"loss (\S+)", capsys.readouterr().out))
    assert last < min(before)


class TestTorch:
    @pytest.fixture
    def mine(self) -> Any:
        pytest.importorskip("torch")
        return example("torch").Mine

    def make(self, mine: Any, **options: Any) -> tuple[Any, list[Any]]:
        import torch

        params = [torch.nn.Parameter(torch.tensor(array)) for array in START]
        return mine(params, **options), params

    def train(self, optimizer: Any, params: list[Any], steps: range) -> None:
        import torch

        for index in steps:
            for param, grad in zip(params, RUN[index]["grads"], strict=True):
                param.grad = torch.tensor(grad)
            optimizer.step(loss=RUN[index]["loss"])

    def test_it_is_the_core(self, mine: Any) -> None:
        optimizer, params = self.make(mine, lr=0.3, weight_decay=0.1, lb=0.01, use_fstar=True, beta=0.5)
        self.train(optimizer, params, range(len(RUN)))
        hyper = {"learning_rate": 0.3, "weight_decay": 0.1, "lower_bound": 0.01, "adapt_lower_bound": True}
        assert_is_the_core([param.detach().numpy() for param in params], mine.kind, hyper | {"beta": 0.5})

    def test_resuming_is_bit_identical(self, mine: Any) -> None:
        import torch

        def saved(pair: Any) -> Any:
            buffer = io.BytesIO()
            torch.save({"state": pair[0].state_dict(), "params": pair[1]}, buffer)
            buffer.seek(0)
            loaded = torch.load(buffer, weights_only=True)
            optimizer = mine(loaded["params"])
            optimizer.load_state_dict(loaded["state"])
            return optimizer, loaded["params"]

        routes: list[Callable[[Any], Any]] = [
            copy.deepcopy,
            lambda pair: pickle.loads(pickle.dumps(pair)),
            saved,
        ]
        for route in routes:
            pair = self.make(mine, lr=0.3)
            self.train(*pair, range(4))
            restored = route(pair)
            for resumed in (pair, restored):
                self.train(*resumed, range(4, 10))
            assert all(torch.equal(*two) for two in zip(pair[1], restored[1], strict=True))

    def test_settings_are_checked(self, mine: Any) -> None:
        for options, error, message in [
            ({"lr": -1.0}, InvalidValueError, "Invalid learning rate"),
            ({"beta": 1.0}, InvalidValueError, "Invalid beta: 1.0"),
            ({"eps": "1"}, InvalidTypeError, "eps must be a real number"),
            ({"decay": 0.1}, TypeError, "Mine has no argument decay"),
        ]:
            with pytest.raises(error, match=message):
                self.make(mine, **options)
        optimizer, _ = self.make(mine)
        other = pytest.importorskip("momo_torch").Momo(self.make(mine)[1])
        with pytest.raises(InvalidValueError, match="a state of 'momo' cannot be loaded into 'mine'"):
            optimizer.load_state_dict(other.state_dict())

    def test_a_fixed_step_needs_no_loss(self, mine: Any) -> None:
        import torch

        fixed = momo_core.own_kind(
            "fixed", mine.direction, model="fixed", hyper=BETA | {"eps": (1e-8, "(0, inf)")}
        )
        plain = type("Plain", (pytest.importorskip("momo_torch").OwnOptimizer,), {"kind": fixed})
        optimizer, params = self.make(plain, lr=0.1)
        params[0].grad = torch.ones_like(params[0])
        optimizer.step()
        assert not np.array_equal(params[0].detach(), START[0])


class TestJax:
    @pytest.fixture
    def mine(self) -> Any:
        pytest.importorskip("jax")
        return example("jax").mine

    @pytest.fixture
    def kind(self) -> Kind:
        hyper = BETA | {"eps": (1e-8, "(0, inf)")}
        direction = momo_core.preconditioned(example("jax").precondition, ["size"])
        return momo_core.own_kind("mine", direction, hyper=hyper)

    def test_it_is_the_core(self, mine: Any, kind: Kind) -> None:
        hyper = {"weight_decay": 0.1, "lower_bound": 0.01, "adapt_lower_bound": True, "beta": 0.5}
        found = transformed(mine(0.3, **hyper), START)
        assert_is_the_core(found, kind, hyper | {"learning_rate": 0.3})

    def test_a_schedule(self, mine: Any) -> None:
        optax = pytest.importorskip("optax")
        constant = transformed(mine(optax.constant_schedule(0.3)), START)
        for one, other in zip(constant, transformed(mine(0.3), START), strict=True):
            assert np.array_equal(one, other)

    def test_settings_are_checked(self, mine: Any) -> None:
        with pytest.raises(InvalidValueError, match="learning_rate"):
            mine(-1.0)
        with pytest.raises(InvalidValueError, match="Invalid beta: 1.0"):
            mine(1.0, beta=1.0)
        with pytest.raises(TypeError, match="mine has no hyper-parameter decay"):
            mine(1.0, decay=0.1)


DIRECTION = momo_core.preconditioned(lambda grad, grad_avg, leaf, hyper, *, xp: ({}, grad_avg))


def test_without_a_preconditioner_it_is_bias_corrected_momo() -> None:
    hyper = {"learning_rate": 0.7, "weight_decay": 0.1, "adapt_lower_bound": True}
    own = core_params(momo_core.own_kind("mine", DIRECTION, hyper=BETA), hyper)
    for one, other in zip(
        own, core_params(momo_core.KINDS["momo"], hyper | {"bias_correction": True}), strict=True
    ):
        assert np.array_equal(one, other)


def test_a_direction_that_descends_nowhere_is_not_taken() -> None:
    upwards = momo_core.preconditioned(lambda grad, grad_avg, leaf, hyper, *, xp: ({}, -grad_avg))
    kind = momo_core.own_kind("upwards", upwards, hyper=BETA)
    for one, other in zip(core_params(kind, {"learning_rate": 0.7}), START, strict=True):
        assert np.array_equal(one, other)


def test_a_flag_of_a_direction() -> None:
    kind = momo_core.own_kind("mine", DIRECTION, hyper=BETA | {"nesterov": (False, "")})
    assert kind.checked_rule({"nesterov": True}).hyper["nesterov"] is True
    with pytest.raises(InvalidTypeError, match="nesterov must be a bool"):
        kind.checked_rule({"nesterov": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "joint"}, "Invalid model: 'joint'"),
        ({"hyper": {"lower_bound": (0.0, "[0, 1)")}}, "lower_bound comes with the model"),
        ({"hyper": {"beta": (1.0, "[0, 1)")}}, "Invalid beta: 1.0"),
    ],
)
def test_a_kind_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        momo_core.own_kind("mine", DIRECTION, **{"hyper": BETA, **options})


def test_a_direction_that_lacks_its_state() -> None:
    bare = momo_core.Direction(
        leaf_state=(), scalar_state={}, begin=DIRECTION.begin, accumulate=DIRECTION.accumulate
    )
    with pytest.raises(InvalidValueError, match="it must keep grad_avg for each tensor, and weight"):
        momo_core.own_kind("mine", bare, hyper=BETA)
