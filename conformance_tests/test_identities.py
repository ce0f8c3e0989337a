"""
The identities that follow from the mathematics of the cut model, each by its number.

Those that hold to the bit are compared to the bit.  Two ways to the same trajectory may
differ by the sum of their rounding bounds, which the specification computes for each; one
quantity may differ from another by a multiple of the terms that it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import momo_core
from conformance_tests import core_driver
from conformance_tests.comparisons import (
    HADAMARD,
    Trajectory,
    assert_within,
    assume_clear_of_resets,
    core_rows,
    dot,
    exact,
    mapped,
    padded,
    rounding,
    torch_rows,
    with_losses,
)
from conformance_tests.problems import (
    CONVEX,
    EPS,
    SHARED_MINIMUM,
    Problem,
    Record,
    Vector,
    metric,
    network,
    problems,
    record_run,
    shares,
)
from conformance_tests.roundings import gamma
from conformance_tests.strategies import hypers, trajectories
from momo_spec import load_spec, spec_names
from momo_spec.bounds import Rows, flattened

TWINS = ("sps", "momo_rmsprop")
"""MoMo and MoMo-Adam without momentum, to the bit."""

OPTIMIZERS = [name for name in spec_names() if load_spec(name).model == "cut" and name not in TWINS]
EUCLIDEAN = [name for name in OPTIMIZERS if "eps" not in load_spec(name).hyper]
BASE = {"weight_decay": 0.0, "adapt_lower_bound": False, "reset_margin": 0.0}
POWERS = st.integers(-12, 12).map(lambda power: 2.0**power)
SAMPLES = st.lists(st.integers(0, 3), min_size=1, max_size=25)

every = pytest.mark.parametrize("optimizer", OPTIMIZERS)
euclidean = pytest.mark.parametrize("optimizer", EUCLIDEAN)
fewer = settings(max_examples=max(5, settings().max_examples // 4))
"""For the comparisons that need two rounding bounds."""


class TestWithoutCut:
    """A lower bound of -inf switches the cut off, and the base optimizer is left."""

    @fewer
    @given(
        beta=st.sampled_from([0.0, 0.5, 0.9]),
        rate=st.sampled_from([1e-3, 0.5]),
        run=trajectories(max_steps=12),
    )
    def test_identity_01_momo_is_sgd_with_momentum(self, beta: float, rate: float, run: Trajectory) -> None:
        torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
        hyper = {**BASE, "learning_rate": rate, "beta": beta, "lower_bound": -np.inf}
        ours = torch_rows(run, lambda p: momo_torch.Momo(p, lr=rate, beta=beta, lb=-np.inf), needs_loss=True)
        theirs = torch_rows(
            run, lambda p: torch.optim.SGD(p, lr=rate, momentum=beta, dampening=beta), needs_loss=False
        )
        bound = rounding("momo", hyper, run)
        assert_within(ours, theirs, bound, bound)

    @fewer
    @given(
        beta=st.sampled_from([0.0, 0.5, 0.9]),
        rate=st.sampled_from([1e-3, 0.5]),
        run=trajectories(max_steps=12),
    )
    def test_identity_02_momo_is_bias_corrected_momentum(
        self, beta: float, rate: float, run: Trajectory
    ) -> None:
        hyper = {**BASE, "learning_rate": rate, "beta": beta, "bias_correction": True, "lower_bound": -np.inf}
        param = flattened(run[0])
        average = np.zeros_like(param)
        rows = [param]
        for number, step in enumerate(run[1], start=1):
            average = beta * average + (1 - beta) * flattened(step["grads"])
            param = param - rate * average / (1 - beta**number)
            rows.append(param)
        bound = rounding("momo", hyper, run)
        assert_within(core_rows("momo", hyper, run), np.array(rows), bound, bound)

    @pytest.mark.parametrize("decay", [0.0, 0.3])
    @fewer
    @given(
        betas=st.tuples(st.sampled_from([0.0, 0.9]), st.sampled_from([0.5, 0.999])),
        eps=st.sampled_from([1e-8, 1e-2]),
        rate=st.sampled_from([1e-3, 0.5]),
        run=trajectories(max_steps=12),
    )
    def test_identity_03_momo_adam_is_adam_and_adamw(
        self, decay: float, betas: tuple[float, float], eps: float, rate: float, run: Trajectory
    ) -> None:
        torch, momo_torch = pytest.importorskip("torch"), pytest.importorskip("momo_torch")
        shared = {"lr": rate, "betas": betas, "eps": eps, "weight_decay": decay}
        base = torch.optim.AdamW if decay else torch.optim.Adam
        ours = torch_rows(
            run, lambda p: momo_torch.MomoAdam(p, **shared, lb=-np.inf, divide=False), needs_loss=True
        )
        theirs = torch_rows(run, lambda p: base(p, **shared), needs_loss=False)
        hyper = {"learning_rate": rate, "beta1": betas[0], "beta2": betas[1], "eps": eps}
        bound = rounding(
            "momo_adam",
            {**BASE, **hyper, "weight_decay": decay, "proximal_decay": False, "lower_bound": -np.inf},
            run,
        )
        assert_within(ours, theirs, bound, bound)

    @every
    @given(data=st.data(), run=trajectories(max_steps=20))
    def test_identity_04_no_cut_no_difference(
        self, optimizer: str, data: st.DataObject, run: Trajectory
    ) -> None:
        hyper = data.draw(hypers(optimizer)) | {
            "adapt_lower_bound": False,
            "learning_rate": data.draw(st.sampled_from([1e-9, 1e-6, 1e-3])),
        }
        cut = core_driver.run(optimizer, hyper, *run, dtype="float64")
        free = core_driver.run(optimizer, hyper | {"lower_bound": -np.inf}, *run, dtype="float64")
        whole = [step["info"]["truncation"] == 1 for step in cut]
        count = whole.index(False) if False in whole else len(whole)
        assume(count > 0)
        for left, right in zip(cut[:count], free[:count], strict=True):
            assert np.array_equal(flattened(left["params"]), flattened(right["params"]))


@given(
    rate=st.sampled_from([1e-2, 0.5, 10.0]),
    decay=st.sampled_from([0.0, 0.1, 2.0]),
    bound=st.sampled_from([0.0, 0.25, -1.0]),
    bias_correction=st.booleans(),
    problem=problems((*CONVEX, network)),
    samples=SAMPLES,
)
def test_identity_05_no_momentum_is_the_stochastic_polyak_step(
    rate: float, decay: float, bound: float, bias_correction: bool, problem: Problem, samples: list[int]
) -> None:
    hyper = {"learning_rate": rate, "weight_decay": decay, "lower_bound": bound, "beta": 0.0}
    for record in record_run("momo", hyper | {"bias_correction": bias_correction}, problem, samples):
        param, grad, factor = record.param, record.grad, 1 + rate * decay
        norm_sq = float(grad @ grad)
        slope = float(grad @ param)
        gap = factor * (record.loss - slope - bound) + slope
        step_size = min(rate, max(gap, 0.0) / norm_sq) if norm_sq else 0.0
        expected = (param - step_size * grad) / factor
        operations = 2 * (len(param) + 8) * EPS
        terms = abs(record.loss) + abs(bound) + 2 * float(abs(grad) @ abs(param))
        gap_error = operations * factor * terms
        step_error = min(rate, gap_error / norm_sq) if norm_sq else 0.0
        error = step_error * abs(grad) + operations * (abs(param) + step_size * abs(grad))
        assert np.all(abs(record.new_param - expected) <= error)


@given(
    beta=st.sampled_from([0.0, 0.5, 0.9, 0.99]),
    bias_correction=st.booleans(),
    bound=st.sampled_from([0.0, -1.0]),
    problem=problems((*CONVEX, network)),
    samples=SAMPLES,
)
def test_identity_06_uncapped_the_gap_is_that_of_the_last_loss(
    beta: float, bias_correction: bool, bound: float, problem: Problem, samples: list[int]
) -> None:
    hyper = {
        "learning_rate": np.inf, "beta": beta, "bias_correction": bias_correction, "lower_bound": bound,
    }  # fmt: skip
    records = record_run("momo", hyper, problem, samples)
    for before, record in pairwise(records):
        if not before.info["step_size"] > 0:
            break
        gap = record.model_value - record.weight * bound
        error = before.next_model_error + record.model_error
        assert abs(gap - (1 - beta) * (record.loss - bound)) <= error


@every
@given(data=st.data(), problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_identity_07_the_model_stays_above_a_true_bound(
    optimizer: str, data: st.DataObject, problem: Problem, samples: list[int]
) -> None:
    hyper = data.draw(hypers(optimizer)) | BASE | {"lower_bound": data.draw(st.sampled_from([0.0, -1.0]))}
    for record in record_run(optimizer, hyper, problem, samples):
        assert record.model_value - record.weight * hyper["lower_bound"] >= -record.model_error


@every
@given(data=st.data(), problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_identity_08_the_recurrence_is_the_form_of_the_paper(
    optimizer: str, data: st.DataObject, problem: Problem, samples: list[int]
) -> None:
    hyper = data.draw(hypers(optimizer))
    loss_avg, grad_dot_param_avg = Fraction(0), Fraction(0)
    grad_avg = [Fraction(0)] * len(problem.start)
    for record in record_run(optimizer, hyper, problem, samples):
        beta, share = Fraction(record.beta), Fraction(record.share)
        param, grad = exact(record.param), exact(record.grad)
        loss_avg = beta * loss_avg + share * Fraction(record.loss)
        grad_dot_param_avg = beta * grad_dot_param_avg + share * dot(grad, param)
        grad_avg = [beta * old + share * new for old, new in zip(grad_avg, grad, strict=True)]
        value = loss_avg + dot(grad_avg, param) - grad_dot_param_avg
        assert abs(record.model_value - value) <= record.model_error


@every
@given(data=st.data(), problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_identity_09_a_cut_step_ends_on_the_bound(
    optimizer: str, data: st.DataObject, problem: Problem, samples: list[int]
) -> None:
    hyper = data.draw(hypers(optimizer)) | {"adapt_lower_bound": False}
    for record in record_run(optimizer, hyper, problem, samples):
        if not 0 < record.info["truncation"] < 1:
            continue
        bound = record.weight * hyper["lower_bound"]
        assert abs(record.info["predicted_loss"] - bound) <= record.next_model_error
        if not hyper["weight_decay"]:
            reached = record.model_value - record.info["step_size"] * record.norm_sq
            assert abs(reached - bound) <= record.next_model_error


@every
@given(data=st.data(), problem=problems((*CONVEX, network)), samples=SAMPLES)
def test_identity_10_no_point_is_better_than_the_step(
    optimizer: str, data: st.DataObject, problem: Problem, samples: list[int]
) -> None:
    hyper = data.draw(hypers(optimizer)) | {"adapt_lower_bound": False, "proximal_decay": True}
    random = np.random.default_rng(0)
    for record in record_run(optimizer, hyper, problem, samples):
        step = ProximalStep.of(record, hyper)
        others = [record.param, problem.target, record.new_param + 1e-3 * record.move]
        others += [record.new_param + scale * random.normal(size=len(record.param)) for scale in (1e-3, 1.0)]
        for other in others:
            step.assert_better(record.new_param, other)
        gap = record.model_value - record.weight * hyper["lower_bound"]
        if not hyper["weight_decay"] and gap > 0:
            decrease = record.info["step_size"] * record.norm_sq
            reached = record.weight * step.model(record.new_param)
            assert abs(reached - (record.model_value - decrease)) <= record.next_model_error


class ProximalStep:
    """The problem that a step solves; the arrays of several groups are put together."""

    def __init__(
        self,
        param: Vector,
        slope: Vector,
        value: float,
        bound: float,
        *,
        curvature: Vector,
        decay: Vector,
        value_error: float,
    ) -> None:
        self.param, self.slope, self.value, self.bound = param, slope, value, bound
        self.curvature, self.decay, self.value_error = curvature, decay, value_error

    @classmethod
    def of(cls, record: Record, hyper: Mapping[str, Any]) -> ProximalStep:
        return cls(
            record.param,
            record.grad_avg / record.weight,
            record.model_value / record.weight,
            hyper["lower_bound"],
            curvature=record.metric / hyper["learning_rate"],
            decay=record.metric * hyper["weight_decay"],
            value_error=record.next_model_error / record.weight,
        )

    def model(self, point: Vector) -> float:
        return max(self.value + float(self.slope @ (point - self.param)), self.bound)

    def objective(self, point: Vector) -> float:
        penalty = self.curvature @ (point - self.param) ** 2 + self.decay @ point**2
        return self.model(point) + float(penalty) / 2

    def assert_better(self, best: Vector, other: Vector) -> None:
        """The objective is strongly convex, so the minimiser wins by the distance squared."""
        strength = self.curvature + self.decay
        distance = float(strength @ (other - best) ** 2) / 2
        error = self.error(best, other)
        assert self.objective(other) - self.objective(best) >= distance - error

    def error(self, *points: Vector) -> float:
        """Of the objective, the model's value in the step and the rounding of the step."""
        size = sum(abs(point) for point in (self.param, *points))
        terms = abs(self.value) + abs(self.bound) + abs(self.slope) @ size
        penalty = (self.curvature + self.decay) @ size**2
        return self.value_error + 4 * (len(self.param) + 8) * EPS * float(terms + penalty)


@every
@given(data=st.data(), factor=POWERS, run=trajectories(max_steps=20))
def test_identity_11_scale_to_the_bit(
    optimizer: str, data: st.DataObject, factor: float, run: Trajectory
) -> None:
    hyper = data.draw(hypers(optimizer))
    scaled = hyper | {"lower_bound": factor * hyper["lower_bound"]}
    if optimizer in EUCLIDEAN:
        scaled |= {
            "learning_rate": hyper["learning_rate"] / factor,
            "weight_decay": factor * hyper["weight_decay"],
        }
    else:
        scaled |= {"eps": factor * hyper["eps"]}
    params, steps = with_losses(run, lambda loss: factor * loss)
    steps = [{**step, "grads": [factor * grad for grad in step["grads"]]} for step in steps]
    assert np.array_equal(core_rows(optimizer, scaled, (params, steps)), core_rows(optimizer, hyper, run))


@every
@fewer
@given(data=st.data(), shift=st.integers(-1000, 1000), run=trajectories(max_steps=12))
def test_identity_12_shift_of_the_loss(
    optimizer: str, data: st.DataObject, shift: int, run: Trajectory
) -> None:
    hyper = data.draw(hypers(optimizer))
    shifted = hyper | {"lower_bound": hyper["lower_bound"] + shift}
    lifted = with_losses(run, lambda loss: loss + shift)
    assume_clear_of_resets(optimizer, hyper, run)
    assume_clear_of_resets(optimizer, shifted, lifted)
    assert_within(
        core_rows(optimizer, hyper, run),
        core_rows(optimizer, shifted, lifted),
        rounding(optimizer, hyper, run),
        rounding(optimizer, shifted, lifted),
    )


@every
@fewer
@given(data=st.data(), shift=st.integers(-1000, 1000), run=trajectories(max_steps=12))
def test_identity_13_translation_of_the_parameters(
    optimizer: str, data: st.DataObject, shift: int, run: Trajectory
) -> None:
    hyper = data.draw(hypers(optimizer)) | {"weight_decay": 0.0}
    moved = ([param + shift for param in run[0]], run[1])
    assume_clear_of_resets(optimizer, hyper, run)
    assert_within(
        core_rows(optimizer, hyper, run),
        core_rows(optimizer, hyper, moved) - shift,
        rounding(optimizer, hyper, run),
        rounding(optimizer, hyper, moved),
    )


@euclidean
@fewer
@given(data=st.data(), run=trajectories(max_steps=12))
def test_identity_14_rotation(optimizer: str, data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers(optimizer))
    flat = mapped(run, lambda arrays: [padded(flattened(arrays))])
    blocks = len(flat[0][0]) // 4
    rotation = np.kron(np.eye(blocks), HADAMARD)[np.random.default_rng(0).permutation(4 * blocks)]
    rotated = mapped(flat, lambda arrays: [rotation @ arrays[0]])
    assume_clear_of_resets(optimizer, hyper, flat)
    bounds = [rounding(optimizer, hyper, flat), rounding(optimizer, hyper, rotated)]
    back = core_rows(optimizer, hyper, rotated) @ rotation
    assert_within(back, core_rows(optimizer, hyper, flat), *bounds)


@every
@fewer
@given(data=st.data(), seed=st.integers(0, 2**32 - 1), run=trajectories(max_steps=12))
def test_identity_14_permutation(optimizer: str, data: st.DataObject, seed: int, run: Trajectory) -> None:
    hyper = data.draw(hypers(optimizer))
    flat = mapped(run, lambda arrays: [flattened(arrays)])
    order = np.random.default_rng(seed).permutation(len(flat[0][0]))
    shuffled = mapped(flat, lambda arrays: [arrays[0][order]])
    assume_clear_of_resets(optimizer, hyper, flat)
    bounds = [rounding(optimizer, hyper, flat), rounding(optimizer, hyper, shuffled)]
    assert_within(core_rows(optimizer, hyper, shuffled), core_rows(optimizer, hyper, flat)[:, order], *bounds)


@every
@fewer
@given(data=st.data(), run=trajectories(max_steps=12))
def test_identity_15_splitting_changes_nothing(optimizer: str, data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers(optimizer))
    whole = mapped(run, lambda arrays: [flattened(arrays)])
    assume_clear_of_resets(optimizer, hyper, whole)
    bounds = [rounding(optimizer, hyper, whole), rounding(optimizer, hyper, run)]
    assert_within(core_rows(optimizer, hyper, run), core_rows(optimizer, hyper, whole), *bounds)


def group_rows(
    optimizer: str,
    hyper: Mapping[str, Any],
    run: Trajectory,
    groups: list[dict[str, float]],
    group_of: list[int],
) -> Rows:
    """Trajectory with parameter groups."""
    params, steps = run
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state, rows = rule.init(params), [flattened(params)]
    for step in steps:
        params, state, _ = rule.step(
            params, step["grads"], step["loss"], state, groups=groups, group_of=group_of
        )
        rows.append(flattened(params))
    return np.array(rows)


@every
@given(data=st.data(), run=trajectories(max_steps=20))
def test_identity_15_equal_groups_are_one_group(optimizer: str, data: st.DataObject, run: Trajectory) -> None:
    hyper = data.draw(hypers(optimizer))
    group_of = data.draw(st.lists(st.integers(0, 2), min_size=len(run[0]), max_size=len(run[0])))
    group = {name: hyper[name] for name in ("learning_rate", "weight_decay")}
    grouped = group_rows(optimizer, hyper, run, [dict(group) for _ in range(3)], group_of)
    assert np.array_equal(grouped, core_rows(optimizer, hyper, run))


GROUP = st.fixed_dictionaries(
    {
        "learning_rate": st.sampled_from([0.01, 0.3, 1.0, 10.0]),
        "weight_decay": st.sampled_from([0.0, 0.1, 1.0]),
    }
)


@every
@given(data=st.data(), run=trajectories(max_steps=20))
def test_identity_15_the_order_of_groups_does_not_matter(
    optimizer: str, data: st.DataObject, run: Trajectory
) -> None:
    hyper = data.draw(hypers(optimizer))
    groups = data.draw(st.lists(GROUP, min_size=3, max_size=3))
    group_of = data.draw(st.lists(st.integers(0, 2), min_size=len(run[0]), max_size=len(run[0])))
    straight = group_rows(optimizer, hyper, run, groups, group_of)
    reverse = group_rows(optimizer, hyper, run, groups[::-1], [2 - group for group in group_of])
    assert np.array_equal(straight, reverse)


@every
@settings(max_examples=max(10, settings().max_examples))
@given(data=st.data(), groups=st.lists(GROUP, min_size=1, max_size=3), run=trajectories(max_steps=5))
def test_several_groups_solve_their_joint_problem(
    optimizer: str, data: st.DataObject, groups: list[dict[str, float]], run: Trajectory
) -> None:
    """Section 1.5 of the mathematics: a solver that knows nothing of it finds no better point."""
    hyper = data.draw(hypers(optimizer)) | {"adapt_lower_bound": False, "proximal_decay": True}
    params, steps = run
    group_of = [index % len(groups) for index in range(len(params))]
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state, magnitude = rule.init(params), 0.0
    for step in steps:
        before, old = state, params
        params, state, info = rule.step(
            old, step["grads"], step["loss"], before, groups=groups, group_of=group_of
        )
        slope = [leaf["grad_avg"] for leaf in state.leaves]
        size = [abs(new) + abs(param) for new, param in zip(params, old, strict=True)]
        magnitude += abs(step["loss"]) + float(abs(flattened(slope)) @ flattened(size))
    (beta, share), weight = shares(rule, before, state, info), float(state.scalars["weight"])
    value = share * steps[-1]["loss"] + beta * float(before.scalars["predicted_loss"])
    metrics = flattened([metric(rule, state, index) for index in range(len(params))])
    widths = [param.size for param in params]
    rates, decays = (
        np.repeat([groups[group][name] for group in group_of], widths)
        for name in ("learning_rate", "weight_decay")
    )
    problem = ProximalStep(
        flattened(old),
        flattened(slope) / weight,
        value / weight,
        hyper["lower_bound"],
        curvature=metrics / rates,
        decay=metrics * decays,
        value_error=8 * len(steps) * (sum(widths) + 8) * EPS * magnitude / weight,
    )
    problem.assert_better(flattened(params), problem.param)
    problem.assert_better(flattened(params), solve_by_scipy(problem))


def solve_by_scipy(problem: ProximalStep) -> Vector:
    """Minimise over (point, height) with the height above both pieces of the model."""
    optimize = pytest.importorskip("scipy.optimize")
    scale = 1 / np.sqrt(problem.curvature + problem.decay)

    def point(unknowns: Vector) -> Vector:
        return problem.param + scale * unknowns[:-1]

    def objective(unknowns: Vector) -> float:
        at = point(unknowns)
        penalty = problem.curvature @ (at - problem.param) ** 2 + problem.decay @ at**2
        return float(unknowns[-1] + penalty / 2)

    def room(unknowns: Vector) -> Vector:
        plane = problem.value + problem.slope @ (point(unknowns) - problem.param)
        return np.array([unknowns[-1] - plane, unknowns[-1] - problem.bound])

    start = np.append(np.zeros_like(scale), max(problem.value, problem.bound))
    found = optimize.minimize(
        objective, start, method="SLSQP", constraints={"type": "ineq", "fun": room}, options={"ftol": 1e-12}
    )
    return point(found.x)


def distance_sq(point: Vector, target: Vector, weights: Vector) -> float:
    return float(weights @ (point - target) ** 2)


def position_error(record: Record, target: Vector, weights: Vector) -> float:
    """Of a squared distance from the target, by the rounding of the parameters."""
    size = np.sqrt(weights) @ (abs(record.param) + abs(record.new_param) + abs(target))
    unit = 4 * (len(target) + 8) * EPS * size
    radius = np.sqrt(distance_sq(record.param, target, weights))
    return float(unit * (2 * radius + unit))


RATES = st.lists(st.sampled_from([0.0, 1e-3, 0.1, 1.0, 100.0]), min_size=25, max_size=25)
LIFTS = st.sampled_from([0.0, 0.0, 0.1, 1.0])
"""How much the lower bound overestimates the losses at the target."""


def bound_at_target(problem: Problem, lift: float) -> float:
    """A lower bound that no sample exceeds at the target, rounding included."""
    highest = max(problem.target_losses())
    return highest + lift + 2.0**-40 * abs(highest)


@every
@given(data=st.data(), rates=RATES, lift=LIFTS, problem=problems(CONVEX), samples=SAMPLES)
def test_identities_16_and_17_no_step_leads_away_from_the_target(
    optimizer: str, data: st.DataObject, rates: list[float], lift: float, problem: Problem, samples: list[int]
) -> None:
    """16 in the Euclidean metric; 17 in that of each step."""
    hyper = data.draw(hypers(optimizer)) | BASE | {"lower_bound": bound_at_target(problem, lift)}
    schedule = [{"learning_rate": rate} for rate in rates]
    for record in record_run(optimizer, hyper, problem, samples, schedule):
        before = distance_sq(record.param, problem.target, record.metric)
        after = distance_sq(record.new_param, problem.target, record.metric)
        error = 2 * record.info["step_size"] * record.model_error
        assert after <= before + error + position_error(record, problem.target, record.metric)


@given(
    beta=st.sampled_from([0.0, 0.5, 0.9]),
    bias_correction=st.booleans(),
    problem=problems(SHARED_MINIMUM),
    samples=st.lists(st.integers(0, 3), min_size=1, max_size=100),
)
def test_identity_18_the_best_loss_obeys_the_theorem(
    beta: float, bias_correction: bool, problem: Problem, samples: list[int]
) -> None:
    """Along each path, with the largest gradient that it meets: the proof needs no expectation."""
    hyper = {"learning_rate": np.inf, "beta": beta, "bias_correction": bias_correction}
    records = record_run("momo", hyper, problem, samples)
    steepest = max(np.linalg.norm(record.grad) for record in records)
    way = np.linalg.norm(problem.start - problem.target)
    best = min(record.loss for record in records)
    error = max(record.model_error for record in records)
    # Two norms, each of differences, squares, their sum and its root; their product; four more on the left.
    rounded = gamma(2 * (len(problem.start) + 3) + 5)
    assert (1 - beta) * (best * np.sqrt(len(records)) - error) <= steepest * way * (1 + rounded) + error


@euclidean
@given(data=st.data(), problem=problems(CONVEX), samples=SAMPLES)
def test_identity_19_the_estimates_are_right_on_average(
    optimizer: str, data: st.DataObject, problem: Problem, samples: list[int]
) -> None:
    hyper = data.draw(hypers(optimizer)) | {"weight_decay": 0.0}
    target_losses, target_avg = problem.target_losses(), 0.0
    total, error = 0.0, 0.0
    for record, sample in zip(record_run(optimizer, hyper, problem, samples), samples, strict=True):
        target_avg = record.beta * target_avg + record.share * target_losses[sample]
        step_size = record.info["step_size"]
        total += step_size * (record.model_value - step_size * record.norm_sq / 2 - target_avg)
        error += step_size * (record.next_model_error + record.model_error)
        error += position_error(record, problem.target, record.metric)
    assert total <= distance_sq(problem.start, problem.target, np.ones_like(problem.start)) / 2 + error


def test_identity_20_the_estimate_may_exceed_the_infimum() -> None:
    """One step on x^2/2, whose infimum is 0."""
    problem = Problem(np.array([2.0]), np.zeros(1), 1, lambda x, _: (float(x @ x) / 2, x))
    hyper = {"learning_rate": 0.5, "beta": 0.0, "adapt_lower_bound": True}
    (record,) = record_run("momo", hyper, problem, [0])
    assert record.info["lower_bound"] == 1.0


@pytest.mark.parametrize("optimizer", ["momo_adam", "momo_adam_tied"])
@given(
    beta=st.sampled_from([0.0, 0.5, 0.9, 0.999]),
    problem=problems((*CONVEX, network)),
    samples=SAMPLES,
)
def test_identity_26_the_same_momentum_twice_makes_a_variance(
    optimizer: str, beta: float, problem: Problem, samples: list[int]
) -> None:
    kind = momo_core.KINDS[optimizer]
    rule = kind.checked_rule({name: beta for name in kind.table.hyper if name.startswith("beta")})
    param, state = problem.start, rule.init([problem.start])
    grad_avg = variance = magnitude = np.zeros_like(param)
    for number, sample in enumerate(samples, start=1):
        loss, grad = problem.evaluate(param, sample)
        (param,), state, _ = rule.step([param], [grad], loss, state)
        variance = beta * (variance + (1 - beta) * (grad_avg - grad) ** 2)
        grad_avg, grad_sq_avg = (state.leaves[0][name] for name in ("grad_avg", "grad_sq_avg"))
        magnitude = np.maximum(magnitude, grad_sq_avg + grad_avg**2) + grad**2
        error = 8 * number * EPS * magnitude
        assert np.all(abs(grad_sq_avg - grad_avg**2 - variance) <= error)


@every
@given(data=st.data(), run=trajectories(max_steps=10))
def test_identity_27_without_a_rate_nothing_moves(
    optimizer: str, data: st.DataObject, run: Trajectory
) -> None:
    hyper = data.draw(hypers(optimizer))
    params, steps = run
    steps = [*steps, {**steps[-1], "hyper": {"learning_rate": 0.0}}]
    before, after = core_driver.run(optimizer, hyper, params, steps, dtype="float64")[-2:]
    assert np.array_equal(flattened(after["params"]), flattened(before["params"]))
    assert after["info"]["step_size"] == 0
    assert after["info"]["lower_bound"] == before["info"]["lower_bound"]
