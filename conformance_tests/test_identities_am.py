"""
The identities of adaptive momentum, each by its number, and its published formulas.

That the step of MoMo with adaptive momentum leads nowhere away from the target (16, 17), and
all that holds for every cut model, is among the identities of the cut model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import momo_core
from conformance_tests import core_driver
from conformance_tests.comparisons import (
    HADAMARD,
    Trajectory,
    assert_apart,
    assert_within,
    core_rows,
    dot,
    exact,
    mapped,
    padded,
    problem_and_bound,
    rounding,
)
from conformance_tests.problems import CONVEX, EPS, Problem, Vector, metric, network, problems
from conformance_tests.roundings import assert_rounded
from conformance_tests.strategies import hypers, trajectories
from momo_spec.bounds import flattened
from momo_spec.problem import Problem as OpenLoop
from momo_spec.problem import Step

FIXED = ("am_sgd", "am_adamw")
CUT = ("momo_am", "momo_am_adam")
POWERS = st.integers(-12, 12).map(lambda power: 2.0**power)
SAMPLES = st.lists(st.integers(0, 3), min_size=1, max_size=25)
RATES = st.lists(st.sampled_from([0.0, 1e-3, 0.1, 0.1, 1.0]), min_size=25, max_size=25)
BETAS = st.sampled_from([0.0, 0.5, 0.9])
LAMBDS = st.sampled_from([0.0, 0.1, 1.0])

fixed = pytest.mark.parametrize("optimizer", FIXED)
every = pytest.mark.parametrize("optimizer", [*FIXED, *CUT])
fewer = settings(max_examples=max(5, settings().max_examples // 4))
"""For the comparisons that need two rounding bounds."""


def one_beta(beta: float) -> dict[str, float]:
    """The momentum coefficient that cannot adapt itself."""
    return {"beta_min": beta, "beta_max": beta}


def own(optimizer: str, hyper: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the hyper-parameters that an optimizer has."""
    return {name: value for name, value in hyper.items() if name in momo_core.KINDS[optimizer].table.hyper}


class TestSpecialCases:
    @pytest.mark.parametrize(("optimizer", "plain"), [("am_sgd", "sgdm"), ("am_adamw", "adamw")])
    @given(data=st.data(), run=trajectories(max_steps=40))
    def test_identity_21_without_memory_to_the_bit(
        self, optimizer: str, plain: str, data: st.DataObject, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers(optimizer)) | {"lambd": 0.0, "beta_max": 0.0}
        memoryless = own(plain, hyper | {"beta": 0.0, "beta1": 0.0})
        assert np.array_equal(core_rows(optimizer, hyper, run), core_rows(plain, memoryless, run))

    @fewer
    @given(data=st.data(), beta=BETAS, run=trajectories(max_steps=12))
    def test_identity_22_with_one_beta_it_is_momentum(
        self, data: st.DataObject, beta: float, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers("am_sgd")) | one_beta(beta)
        effective = (beta + hyper["lambd"]) / (1 + hyper["lambd"])
        plain = own("sgdm", hyper | {"beta": effective})
        ours, theirs = core_rows("am_sgd", hyper, run), core_rows("sgdm", plain, run)
        if hyper["lambd"] == 0:
            assert np.array_equal(ours, theirs)
        assert_within(ours, theirs, rounding("am_sgd", hyper, run), rounding("sgdm", plain, run))

    @fewer
    @given(data=st.data(), beta=BETAS, run=trajectories(max_steps=12))
    def test_identity_23_with_one_beta_it_is_adamw(
        self, data: st.DataObject, beta: float, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers("am_adamw")) | one_beta(beta) | {"lambd": 0.0}
        plain = own("adamw", hyper | {"beta1": beta})
        assert_within(
            core_rows("am_adamw", hyper, run),
            core_rows("adamw", plain, run),
            rounding("am_adamw", hyper, run),
            rounding("adamw", plain, run),
        )

    def test_identity_23_needs_that_nothing_is_penalised(self) -> None:
        run = counterexample()
        hyper = {"learning_rate": 0.1, "weight_decay": 0.0, **one_beta(0.9), "lambd": 0.1}
        plain = {"learning_rate": 0.1, "weight_decay": 0.0, "beta1": 0.9}
        assert_apart(
            core_rows("am_adamw", hyper, run),
            core_rows("adamw", plain, run),
            rounding("am_adamw", hyper, run),
            rounding("adamw", plain, run),
        )

    @fewer
    @given(data=st.data(), run=trajectories(max_steps=12))
    def test_identity_24_the_penalty_only_moves_the_interval(
        self, data: st.DataObject, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers("am_sgd"))
        lambd, beta_max = hyper["lambd"], hyper["beta_max"]
        moved = {"beta_min": lambd / (1 + lambd), "beta_max": (beta_max + lambd) / (1 + lambd), "lambd": 0.0}
        assert_within(
            core_rows("am_sgd", hyper, run),
            core_rows("am_sgd", hyper | moved, run),
            rounding("am_sgd", hyper, run),
            rounding("am_sgd", hyper | moved, run),
        )

    @given(data=st.data(), beta=BETAS, run=trajectories(max_steps=40))
    def test_momo_am_with_one_beta_is_momo_to_the_bit(
        self, data: st.DataObject, beta: float, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers("momo_am")) | one_beta(beta) | {"lambd": 0.0}
        ours = core_driver.run("momo_am", hyper, *run, dtype="float64")
        theirs = core_driver.run("momo", own("momo", hyper | {"beta": beta}), *run, dtype="float64")
        for one, other in zip(ours, theirs, strict=True):
            assert np.array_equal(flattened(one["params"]), flattened(other["params"]))
            assert one["info"]["lower_bound"] == other["info"]["lower_bound"]
            assert one["info"]["predicted_loss"] == other["info"]["predicted_loss"]


def counterexample() -> Trajectory:
    """Two tensors, ten steps."""
    random = np.random.default_rng(0)
    shapes = ((3,), (2,))
    steps = [{"grads": [random.normal(size=shape) for shape in shapes], "loss": 1.0} for _ in range(10)]
    return [random.normal(size=shape) for shape in shapes], steps


def differ(optimizer: str, *twins: tuple[dict[str, Any], Trajectory]) -> bool:
    """Whether two runs are farther from each other than rounding errors may carry both."""
    left, right = (core_rows(optimizer, hyper, run) for hyper, run in twins)
    bound = sum(rounding(optimizer, hyper, run) for hyper, run in twins)
    return bool(np.any(np.linalg.norm(left - right, axis=1) > bound))


def scaled_run(run: Trajectory, factor: float) -> Trajectory:
    params, steps = run
    return params, [{**step, "grads": [factor * grad for grad in step["grads"]]} for step in steps]


class TestScale:
    """Identity 25; that of MoMo with adaptive momentum is identity 11."""

    @given(data=st.data(), factor=POWERS, run=trajectories(max_steps=20))
    def test_am_sgd_to_the_bit(self, data: st.DataObject, factor: float, run: Trajectory) -> None:
        hyper = data.draw(hypers("am_sgd"))
        scaled = hyper | {
            "learning_rate": hyper["learning_rate"] / factor,
            "weight_decay": hyper["weight_decay"] * factor,
        }
        rows = core_rows("am_sgd", scaled, scaled_run(run, factor))
        assert np.array_equal(rows, core_rows("am_sgd", hyper, run))

    @given(data=st.data(), factor=POWERS, run=trajectories(max_steps=20))
    def test_am_adamw_to_the_bit(self, data: st.DataObject, factor: float, run: Trajectory) -> None:
        """The penalty in the metric has no unit; the other one is per gradient."""
        hyper = data.draw(hypers("am_adamw"))
        unit = 1.0 if hyper["metric_penalty"] else factor
        scaled = hyper | {"eps": hyper["eps"] * factor, "lambd": hyper["lambd"] / unit}
        rows = core_rows("am_adamw", scaled, scaled_run(run, factor))
        assert np.array_equal(rows, core_rows("am_adamw", hyper, run))

    @pytest.mark.parametrize("metric_penalty", [False, True])
    def test_am_adamw_with_the_same_penalty(self, metric_penalty: bool) -> None:
        run, factor = counterexample(), 64.0
        hyper = {"learning_rate": 0.1, "lambd": 0.1, "metric_penalty": metric_penalty}
        plain = hyper | {"eps": 1e-8}, run
        scaled = hyper | {"eps": 1e-8 * factor}, scaled_run(run, factor)
        assert differ("am_adamw", plain, scaled) is not metric_penalty


class TestSymmetries:
    """Identities 14 and 15."""

    @fewer
    @given(data=st.data(), run=trajectories(max_steps=12))
    def test_rotation(self, data: st.DataObject, run: Trajectory) -> None:
        hyper = data.draw(hypers("am_sgd"))
        flat = mapped(run, lambda arrays: [padded(flattened(arrays))])
        blocks = len(flat[0][0]) // 4
        rotation = np.kron(np.eye(blocks), HADAMARD)[np.random.default_rng(0).permutation(4 * blocks)]
        rotated = mapped(flat, lambda arrays: [rotation @ arrays[0]])
        bounds = [rounding("am_sgd", hyper, flat), rounding("am_sgd", hyper, rotated)]
        back = core_rows("am_sgd", hyper, rotated) @ rotation
        assert_within(back, core_rows("am_sgd", hyper, flat), *bounds)

    @fixed
    @fewer
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1), run=trajectories(max_steps=12))
    def test_permutation(self, optimizer: str, data: st.DataObject, seed: int, run: Trajectory) -> None:
        hyper = data.draw(hypers(optimizer))
        flat = mapped(run, lambda arrays: [flattened(arrays)])
        order = np.random.default_rng(seed).permutation(len(flat[0][0]))
        shuffled = mapped(flat, lambda arrays: [arrays[0][order]])
        bounds = [rounding(optimizer, hyper, flat), rounding(optimizer, hyper, shuffled)]
        straight = core_rows(optimizer, hyper, flat)[:, order]
        assert_within(core_rows(optimizer, hyper, shuffled), straight, *bounds)

    @fixed
    @fewer
    @given(data=st.data(), run=trajectories(max_steps=12))
    def test_splitting_changes_nothing_with_one_beta_for_all(
        self, optimizer: str, data: st.DataObject, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers(optimizer)) | {"beta_scope": "global"}
        whole = mapped(run, lambda arrays: [flattened(arrays)])
        bounds = [rounding(optimizer, hyper, whole), rounding(optimizer, hyper, run)]
        assert_within(core_rows(optimizer, hyper, run), core_rows(optimizer, hyper, whole), *bounds)

    @fixed
    def test_splitting_changes_what_each_tensor_chooses(self, optimizer: str) -> None:
        run, hyper = counterexample(), {"learning_rate": 0.5, "beta_scope": "tensor"}
        whole = mapped(run, lambda arrays: [flattened(arrays)])
        assert differ(optimizer, (hyper, run), (hyper, whole))


class TestDegenerateCases:
    """Section 4.4 of the mathematics."""

    @every
    @given(data=st.data(), run=trajectories(max_steps=1))
    def test_the_first_step_takes_the_largest_beta(
        self, optimizer: str, data: st.DataObject, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers(optimizer))
        (step,) = core_driver.run(optimizer, hyper, *run, dtype="float64")
        assert step["info"]["beta"] == hyper["beta_max"]

    @given(data=st.data(), run=trajectories(max_steps=1))
    def test_the_first_step_of_am_sgd_is_that_of_sgd(self, data: st.DataObject, run: Trajectory) -> None:
        hyper = data.draw(hypers("am_sgd"))
        plain = own("sgdm", hyper | {"beta": 0.0})
        assert np.array_equal(core_rows("am_sgd", hyper, run), core_rows("sgdm", plain, run))

    @given(data=st.data(), run=trajectories(max_steps=1))
    def test_the_first_step_of_momo_am_is_that_of_momo(self, data: st.DataObject, run: Trajectory) -> None:
        hyper = data.draw(hypers("momo_am"))
        plain = own("momo", hyper | {"beta": 0.5})
        assert np.array_equal(core_rows("momo_am", hyper, run), core_rows("momo", plain, run))

    @every
    @given(data=st.data(), count=st.integers(2, 20))
    def test_a_constant_gradient_takes_the_largest_beta(
        self, optimizer: str, data: st.DataObject, count: int
    ) -> None:
        hyper = data.draw(hypers(optimizer)) | {"weight_decay": 0.0}
        step = {"grads": [np.array([1.0, -0.25]), np.array(2.0)], "loss": 1.0}
        trajectory = core_driver.run(optimizer, hyper, step["grads"], [step] * count, dtype="float64")  # type: ignore[arg-type]
        assert {row["info"]["beta"] for row in trajectory} == {hyper["beta_max"]}

    @fewer
    @given(data=st.data(), run=trajectories(max_steps=3))
    def test_zero_gradients_do_not_spoil_the_correction(self, data: st.DataObject, run: Trajectory) -> None:
        """With beta 0 in place of beta_max the product of the coefficients would be 0 for ever."""
        hyper = data.draw(hypers("am_adamw")) | {"weight_decay": 0.0, "lambd": 0.0}
        params, steps = run
        zero = {"grads": [np.zeros_like(param) for param in params], "loss": 1.0}
        constant = [zero] * 5 + [steps[0]] * 3
        plain = own("adamw", hyper | {"beta1": hyper["beta_max"]})
        assert_within(
            core_rows("am_adamw", hyper, (params, constant)),
            core_rows("adamw", plain, (params, constant)),
            rounding("am_adamw", hyper, (params, constant)),
            rounding("adamw", plain, (params, constant)),
        )

    def test_a_late_tensor_of_am_adamw_starts_like_the_others(self) -> None:
        """Its average is corrected by its own coefficients: with a constant gradient all move alike."""
        hyper = {"learning_rate": 0.1, "weight_decay": 0.0, "lambd": 0.0}
        rule = momo_core.am_adamw(**hyper)
        params, grad = [np.zeros(2), np.zeros(2)], np.array([2.0, -0.5])
        state = rule.init(params)
        for number in range(6):
            fresh = [np.asarray(number == 0), np.asarray(number == 3)]
            grads = [grad, None if number < 3 else grad]
            params, state, _ = rule.step(params, grads, None, state, fresh=fresh)
        steps = [Step((grad, None if number < 3 else grad), None) for number in range(6)]
        start = OpenLoop(hyper, (np.zeros(2), np.zeros(2)))
        exact, bound = problem_and_bound("am_adamw", start, steps, "float64")
        move = -0.1 * grad / (abs(grad) + rule.hyper["eps"])
        together = np.concatenate([6 * move, 3 * move])
        assert_within(exact[-1:], together[None], bound[-1:])
        assert_within(flattened(params)[None], together[None], bound[-1:])

    @every
    @given(data=st.data(), run=trajectories(max_steps=10))
    def test_a_zero_gradient_drops_the_memory(
        self, optimizer: str, data: st.DataObject, run: Trajectory
    ) -> None:
        params, steps = run
        hyper = data.draw(hypers(optimizer)) | {"weight_decay": 0.0}
        rule = momo_core.KINDS[optimizer].checked_rule(hyper | own(optimizer, {"metric_penalty": True}))
        state = rule.init(params)
        for step in steps:
            params, state, _ = rule.step(params, step["grads"], step["loss"], state)
        _, after, info = rule.step(params, [np.zeros_like(param) for param in params], 1.0, state)
        assert info.beta == 0
        share = hyper["lambd"] / (1 + hyper["lambd"])
        for old, new in zip(state.leaves, after.leaves, strict=True):
            assert_rounded(new["grad_avg"], share * old["grad_avg"], 8)


@dataclass(frozen=True)
class Stage:
    """
    A step on one tensor, with what the problem of two planes needs.

    Attributes
    ----------
    param, new_param, grad, past : array, shape (n,)
        `past` is the average before the step.
    metric, damping : array, shape (n,)
        Damping is the penalty in the metric: ``lambd``, or ``lambd * metric``.
    rate, last_rate, decay, beta, beta_max : float
        `beta` is the one that was chosen.
    """

    param: Vector
    new_param: Vector
    grad: Vector
    past: Vector
    metric: Vector
    damping: Vector
    rate: float
    last_rate: float
    decay: float
    beta: float
    beta_max: float


def stages(
    optimizer: str, hyper: Mapping[str, Any], problem: Problem, samples: Sequence[int], rates: Sequence[float]
) -> Iterator[Stage]:
    """The steps after the first one, without those that have no learning rate."""
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state, param, last_rate = rule.init([problem.start]), problem.start, None
    for sample, rate in zip(samples, rates, strict=False):
        loss, grad = problem.evaluate(param, sample)
        (new_param,), after, info = rule.step([param], [grad], loss, state, hyper={"learning_rate": rate})
        diagonal = metric(rule, after)
        if "beta_product" in state.leaves[0]:
            diagonal = (1 - hyper["beta_max"] * state.leaves[0]["beta_product"]) * diagonal
        damping = hyper["lambd"] * (np.ones_like(grad) if hyper.get("metric_penalty", True) else diagonal)
        if last_rate is not None and rate > 0:
            yield Stage(
                param=param,
                new_param=new_param,
                grad=grad,
                past=state.leaves[0]["grad_avg"],
                metric=diagonal,
                damping=damping,
                rate=rate,
                last_rate=last_rate,
                decay=hyper["weight_decay"],
                beta=float(info.beta),
                beta_max=hyper["beta_max"],
            )
        param, state, last_rate = new_param, after, rate


@every
@given(data=st.data(), rates=RATES, problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_beta_is_that_of_the_published_formula(
    optimizer: str, data: st.DataObject, rates: list[float], problem: Problem, samples: list[int]
) -> None:
    """Sections 4.1 and 4.3 of the mathematics, with the gap that a schedule changes."""
    for stage in stages(optimizer, data.draw(hypers(optimizer)), problem, samples, rates):
        numerator, denominator, magnitude = published(stage)
        if denominator == 0:
            assert stage.beta == stage.beta_max
            continue
        beta = min(max(numerator / denominator, Fraction(0)), Fraction(stage.beta_max))
        error = 16 * (len(stage.param) + 8) * EPS * float(magnitude / denominator + beta)
        assert abs(stage.beta - beta) <= error


def published(stage: Stage) -> tuple[Fraction, Fraction, Fraction]:
    """Numerator and denominator of beta, and the sum of the magnitudes of all terms."""
    param, grad, past, diagonal, damping = map(
        exact, (stage.param, stage.grad, stage.past, stage.metric, stage.damping)
    )
    rate, last_rate, decay = map(Fraction, (stage.rate, stage.last_rate, stage.decay))
    inverse = [1 / entry if entry else Fraction(0) for entry in diagonal]
    change = [d - g for d, g in zip(past, grad, strict=True)]
    share = [p / (1 + penalty) for p, penalty in zip(inverse, damping, strict=True)]
    move = [d * p + decay * x for d, p, x in zip(past, inverse, param, strict=True)]
    aimed = [m * (g + penalty * d) for m, g, penalty, d in zip(share, grad, damping, past, strict=True)]
    gap = last_rate * dot(grad, move)
    numerator = (1 + decay * rate) * gap / rate - dot(change, aimed) - decay * dot(param, change)
    sizes = [abs(g) + abs(d) for g, d in zip(grad, past, strict=True)]
    reach = [p * s + decay * abs(x) for p, s, x in zip(inverse, sizes, param, strict=True)]
    magnitude = (2 + decay * rate) * (1 + last_rate / rate) * dot(sizes, reach)
    return numerator, dot(change, [m * c for m, c in zip(share, change, strict=True)]), magnitude


class TwoPlanes:
    """
    The problem that chooses the momentum: the larger of two planes, and three quadratics.

    The plane of the average passes the loss of the step before, the gap above that of the
    gradient; `beta_max` bounds its share.  The quadratics keep the step short, the
    parameters small and the new direction close to the average.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.gap = stage.last_rate * stage.grad @ (stage.past / stage.metric + stage.decay * stage.param)
        self.shrink = 1 + stage.decay * stage.rate
        self.weight = stage.damping / stage.metric * stage.rate / self.shrink

    def planes(self, point: Vector) -> tuple[float, float]:
        move = point - self.stage.param
        return float(self.stage.grad @ move), float(self.gap + self.stage.past @ move)

    def penalty(self, point: Vector) -> float:
        stage = self.stage
        move, turn = point - stage.param, self.direction(point) - stage.past
        quadratics = stage.metric / stage.rate @ move**2 + stage.decay * stage.metric @ point**2
        return float(quadratics + self.weight @ turn**2) / 2

    def direction(self, point: Vector) -> Vector:
        return -self.stage.metric * (self.shrink * point - self.stage.param) / self.stage.rate

    def primal(self, point: Vector) -> float:
        low, high = self.planes(point)
        return max(low, low + self.stage.beta_max * (high - low)) + self.penalty(point)

    def dual(self, beta: float) -> float:
        point = self.minimiser(beta)
        low, high = self.planes(point)
        return low + beta * (high - low) + self.penalty(point)

    def minimiser(self, beta: float) -> Vector:
        """Of the weighted planes: where the derivative, a line in each coordinate, is zero."""
        stage = self.stage
        slope = (1 - beta) * stage.grad + beta * stage.past
        tilt = -stage.metric * self.shrink / stage.rate
        at_zero = -stage.metric / stage.rate * stage.param
        at_zero = at_zero + tilt * self.weight * (stage.metric / stage.rate * stage.param - stage.past)
        curvature = stage.metric / stage.rate + stage.decay * stage.metric + self.weight * tilt**2
        return -(slope + at_zero) / curvature

    def error(self) -> float:
        stage = self.stage
        size = abs(stage.param) + abs(stage.new_param)
        steep = abs(stage.grad) + abs(stage.past)
        far = size + stage.rate * steep / stage.metric
        terms = steep @ far + abs(self.gap) + (stage.metric / stage.rate) @ far**2 * self.shrink
        terms += self.weight @ (steep + stage.metric * far * self.shrink / stage.rate) ** 2
        return float(64 * (len(size) + 8) * EPS * terms)


@every
@given(data=st.data(), rates=RATES, problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_no_beta_is_better_for_the_two_planes(
    optimizer: str, data: st.DataObject, rates: list[float], problem: Problem, samples: list[int]
) -> None:
    """A search that knows nothing of the formula finds no larger dual value."""
    optimize = pytest.importorskip("scipy.optimize")
    uncut = own(optimizer, {"lower_bound": -np.inf, "adapt_lower_bound": False})
    hyper = data.draw(hypers(optimizer)) | uncut
    for stage in stages(optimizer, hyper, problem, samples, rates):
        if not np.all(stage.metric):
            continue
        two = TwoPlanes(stage)
        found = optimize.minimize_scalar(
            lambda beta, two=two: -two.dual(beta), bounds=(0, stage.beta_max), method="bounded"
        )
        best = max(-found.fun, two.dual(0.0), two.dual(stage.beta_max))
        assert two.dual(stage.beta) >= best - two.error()
        if stage.decay == 0:
            assert two.primal(stage.new_param) <= two.dual(stage.beta) + two.error()
