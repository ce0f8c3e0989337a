"""
Random histories of a PyTorch optimizer: steps, accidents, new settings, checkpoints.

Two optimizers live through the same history, and one of them is saved and loaded all the time, by
every route there is.  They must stay equal to the bit, and both within the computed bound of the
specification, evaluated along in float64.
"""

from __future__ import annotations

import copy
import io
import pickle
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from conformance_tests.strategies import NUMBERS, hypers, rounded
from momo_core import PortableState, load_state, save_state
from momo_core.validate import in_interval
from momo_spec import load_spec, spec_names
from momo_spec.arithmetic import Float64, Perturbed
from momo_spec.bounds import SAFETY, SAMPLES, UNIT_ROUNDOFF, flattened
from momo_spec.branches import margin
from momo_spec.evaluate import Evaluator
from momo_spec.sampled import LEAST_MARGIN

torch = pytest.importorskip("torch")
driver = pytest.importorskip("momo_torch.driver")

pytestmark = pytest.mark.xdist_group("state machine")

UNIT = UNIT_ROUNDOFF["float32"]
SHAPES = st.sampled_from([(), (3,), (2, 2), (1, 5)])
SEEDS = st.integers(0, 2**32 - 1)
SCALES = st.sampled_from([0.0, 1e-3, 1.0, 100.0])
MASKS = st.lists(st.booleans(), min_size=8, max_size=8)
BAD = st.sampled_from([float("nan"), float("inf"), float("-inf")])

Live = tuple[Any, list[Any]]
"""An optimizer and its parameters."""


def like(live: Live, optimizer: str, hyper: dict[str, Any]) -> Live:
    """A new optimizer with the groups, parameters and settings of another one, and no history."""
    old, params = live
    copies = {param: torch.nn.Parameter(param.detach().clone()) for param in params}
    groups = [[copies[param] for param in group["params"]] for group in old.param_groups]
    fresh = driver.construct(optimizer, hyper, groups[0])
    for group in groups[1:]:
        fresh.add_param_group({"params": group})
    for theirs, ours in zip(old.param_groups, fresh.param_groups, strict=True):
        ours.update({name: theirs[name] for name in ("lr", "weight_decay")})
    return fresh, [copies[param] for param in params]


def by_state_dict(live: Live, fresh: Live) -> Live:
    fresh[0].load_state_dict(live[0].state_dict())
    return fresh


def by_file(live: Live, fresh: Live) -> Live:
    buffer = io.BytesIO()
    torch.save(live[0].state_dict(), buffer)
    buffer.seek(0)
    fresh[0].load_state_dict(torch.load(buffer, weights_only=True))
    return fresh


def by_pickle(live: Live, fresh: Live) -> Live:
    restored: Live = pickle.loads(pickle.dumps(live))
    return restored


def by_deepcopy(live: Live, fresh: Live) -> Live:
    return copy.deepcopy(live)


def by_portable_file(live: Live, fresh: Live) -> Live:
    with tempfile.TemporaryDirectory() as folder:
        save_state(Path(folder, "state"), live[0].portable_state())
        fresh[0].load_portable_state(load_state(Path(folder, "state")))
    return fresh


ROUTES: dict[str, Callable[[Live, Live], Live]] = {
    "state_dict": by_state_dict,
    "torch.save": by_file,
    "pickle": by_pickle,
    "deepcopy": by_deepcopy,
    "portable": by_portable_file,
}


class Reference:
    """The specification in float64, and how far rounding errors of float32 may lead from it."""

    def __init__(self, optimizer: str, hyper: dict[str, Any], params: Sequence[np.ndarray]) -> None:
        spec = load_spec(optimizer)
        noises = [Perturbed(UNIT, seed=seed) for seed in range(SAMPLES)]
        self.runs = [Evaluator(spec, hyper, arithmetic=each) for each in (Float64(), *noises)]
        self.params = [run.start(params) for run in self.runs]
        self.spread = self.size = 0.0
        self.trusted = True

    def add(self, param: np.ndarray) -> None:
        for run, params in zip(self.runs, self.params, strict=True):
            params.extend(run.add([param]))

    def step(self, grads: list[Any], loss: float, leaf_hyper: list[dict[str, float]]) -> bool:
        """Take a step; whether it was skipped."""
        skipped = False
        for index, run in enumerate(self.runs):
            self.params[index], info = run.step(self.params[index], grads, loss, leaf_hyper=leaf_hyper)
            skipped = info["skipped"] if index == 0 else skipped
        exact = self.runs[0]
        # At a jump rounding errors may take either side, and no bound holds from there on.
        self.trusted &= margin(exact.last, exact.last_leaves, skipped=skipped) > LEAST_MARGIN
        return skipped

    def check(self, params: Sequence[np.ndarray]) -> None:
        reference, *others = (flattened(row) for row in self.params)
        self.spread = max(self.spread, *(float(np.linalg.norm(row - reference)) for row in others))
        self.size = max(self.size, float(np.linalg.norm(reference)))
        error, bound = float(np.linalg.norm(flattened(params) - reference)), self.bound
        assert not self.trusted or error <= bound, f"{error / bound:.3g} bounds away"

    @property
    def bound(self) -> float:
        return SAFETY * (self.spread + UNIT * self.size)


class History(RuleBasedStateMachine):
    """
    What happens to both optimizers and to the specification, and routes that one of them takes.

    Every history ends with a journey along all routes, and a last step.
    """

    optimizers: ClassVar[Sequence[str]] = spec_names()
    routes: ClassVar[dict[str, Callable[[Live, Live], Live]]] = ROUTES
    tried: ClassVar[Counter[str]] = Counter()

    @initialize(data=st.data(), shapes=st.lists(SHAPES, min_size=1, max_size=3), seed=SEEDS)
    def begin(self, data: st.DataObject, shapes: list[Any], seed: int) -> None:
        self.optimizer = data.draw(st.sampled_from(self.optimizers))
        self.hyper = data.draw(hypers(self.optimizer))
        self.spec = load_spec(self.optimizer)
        random = np.random.default_rng(seed)
        start = [rounded(random.normal(size=shape)) for shape in shapes]
        self.reference = Reference(self.optimizer, self.hyper, start)
        self.travelling, self.twin = (self._live(start) for _ in range(2))
        self.tried["histories"] += 1

    def _live(self, start: list[np.ndarray]) -> Live:
        params = [torch.nn.Parameter(torch.tensor(each, dtype=torch.float32)) for each in start]
        return driver.construct(self.optimizer, self.hyper, params), params

    @rule(seed=SEEDS, scale=SCALES, loss=st.floats(-1.0, 50.0, width=32), present=MASKS)
    def step(self, seed: int, scale: float, loss: float, present: list[bool]) -> None:
        """A good step, in which some tensors may have no gradient."""
        self._step(self._gradients(seed, scale, present), loss)

    @rule(seed=SEEDS, loss=st.floats(0.0, 50.0, width=32))
    def step_with_recorded_losses(self, seed: int, loss: float) -> None:
        """A trainer's bare ``step()`` after two micro-batches; what ``zero_grad`` forgot is not in it."""
        for live in (self.travelling, self.twin):
            live[0].record_loss(1e6)
            live[0].zero_grad()
            for half in (loss / 2, loss / 2):
                live[0].record_loss(torch.tensor(half, requires_grad=True))
        self._step(self._gradients(seed, 1.0, [True] * 8), loss, recorded=True)

    @rule(seed=SEEDS, bad=BAD)
    def step_with_a_bad_loss(self, seed: int, bad: float) -> None:
        self._step(self._gradients(seed, 1.0, [True] * 8), bad)

    @rule(seed=SEEDS, bad=BAD, present=MASKS)
    def step_with_a_bad_gradient(self, seed: int, bad: float, present: list[bool]) -> None:
        grads = self._gradients(seed, 1.0, present)
        self._step([None if grad is None else np.where(grad == grad.max(), bad, grad) for grad in grads], 1.0)

    @rule(rate=NUMBERS["learning_rate"], group=st.integers(0, 7))
    def set_learning_rate(self, rate: float, group: int) -> None:
        self._set("lr", rate, group)

    @rule(decay=NUMBERS["weight_decay"], group=st.integers(0, 7))
    def set_weight_decay(self, decay: float, group: int) -> None:
        if in_interval(decay, self.spec.hyper["weight_decay"].domain):
            self._set("weight_decay", decay, group)

    @precondition(lambda self: len(self.twin[1]) < 6)
    @rule(shape=SHAPES, rate=NUMBERS["learning_rate"], seed=SEEDS)
    def add_group(self, shape: Any, rate: float, seed: int) -> None:
        start = rounded(np.random.default_rng(seed).normal(size=shape))
        for built, params in (self.travelling, self.twin):
            params.append(torch.nn.Parameter(torch.tensor(start, dtype=torch.float32)))
            built.add_param_group({"params": [params[-1]], "lr": rate})
        self.reference.add(start)

    @rule(data=st.data())
    def travel(self, data: st.DataObject) -> None:
        """Save, load into a new optimizer, forget the old one."""
        self._travel(data.draw(st.sampled_from(sorted(self.routes))))

    def teardown(self) -> None:
        for name in self.routes:
            self._travel(name)
        self._step(self._gradients(0, 1.0, [True] * 8), 1.0)

    def _travel(self, name: str) -> None:
        fresh = like(self.travelling, self.optimizer, self.hyper)
        self.travelling = self.routes[name](self.travelling, fresh)
        self.tried[f"loads by {name}"] += 1
        self._compare()

    def _gradients(self, seed: int, scale: float, present: list[bool]) -> list[Any]:
        random = np.random.default_rng(seed)
        shapes = [tuple(param.shape) for param in self.twin[1]]
        grads = [rounded(scale * random.normal(size=shape)) for shape in shapes]
        return [grad if here else None for grad, here in zip(grads, present, strict=False)]

    def _set(self, name: str, value: float, group: int) -> None:
        for built, _ in (self.travelling, self.twin):
            built.param_groups[group % len(built.param_groups)][name] = value

    def _step(self, grads: list[Any], loss: float, *, recorded: bool = False) -> None:
        before = snapshot(self.travelling)
        for built, params in (self.travelling, self.twin):
            for param, grad in zip(params, grads, strict=True):
                param.grad = None if grad is None else torch.tensor(grad, dtype=torch.float32)
            built.step() if recorded else built.step(loss=loss)
        skipped = self.reference.step(grads, loss, self._leaf_hyper())
        assert bool(self.travelling[0].last_info.skipped) == skipped
        idle = all(grad is None for grad in grads)
        if skipped or idle:
            assert_counted(before, snapshot(self.travelling), int(skipped))
        self.tried["steps"] += 1
        self.tried["skipped steps"] += skipped
        event("skipped" if skipped else "idle" if idle else "taken")
        self._compare()

    def _leaf_hyper(self) -> list[dict[str, float]]:
        return [
            {"learning_rate": group["lr"], "weight_decay": group["weight_decay"]}
            for group in self.twin[0].param_groups
            for _ in group["params"]
        ]

    def _compare(self) -> None:
        assert_same(snapshot(self.travelling), snapshot(self.twin))
        self.reference.check([param.detach().numpy() for param in self.travelling[1]])
        self.tried["comparisons with the specification"] += self.reference.trusted


Snapshot = tuple[list[np.ndarray], PortableState]


def snapshot(live: Live) -> Snapshot:
    """Parameters and state, as copies."""
    return [param.detach().numpy().copy() for param in live[1]], live[0].portable_state()


def assert_same(left: Snapshot, right: Snapshot) -> None:
    """Equal to the bit: parameters, averages, scalars, counters."""
    for ours, theirs in zip(left[0], right[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert left[1].tensor_steps == right[1].tensor_steps
    rows = zip((*left[1].tensors, left[1].scalars), (*right[1].tensors, right[1].scalars), strict=True)
    for ours, theirs in rows:
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.dtype == theirs[name].dtype
            np.testing.assert_array_equal(array, theirs[name], name)


def assert_counted(before: Snapshot, after: Snapshot, skipped: int) -> None:
    """Nothing has changed but the counter of skipped steps."""
    before[1].scalars["skipped_steps"] += skipped
    assert_same(after, before)


def run(machine: type[History], **options: Any) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=20, **options))


@pytest.mark.reliability(
    "R33", "R34", "R35", "R37", "R38", "R45", "R46", "R47", "R63", "R64", "R68", "R69", "R74"
)
@pytest.mark.parametrize("optimizer", spec_names())
def test_no_history_loses_anything(optimizer: str, record_property: Any) -> None:
    """
    Whatever happens to an optimizer, saving and loading it in between changes no bit.

    Steps, steps without some gradients, losses and gradients that are not finite, new learning rates,
    weight decays and groups, recorded losses; state_dict, torch.save, pickle, deepcopy, portable file.
    Skipped steps change nothing but their counter, and the parameters stay within the computed bound
    of the specification.
    """
    run(type(optimizer, (History,), {"optimizers": [optimizer]}), max_examples=settings().max_examples // 4)
    for name, count in History.tried.items():
        record_property(f"number in random histories, {name}", count)


def set_back(name: str) -> Callable[[PortableState], PortableState]:
    """Forget a scalar."""

    def lose(state: PortableState) -> PortableState:
        return replace(state, scalars=state.scalars | {name: np.zeros_like(state.scalars[name])})

    return lose


def forget_the_averages(state: PortableState) -> PortableState:
    blank = [{name: np.zeros_like(array) for name, array in leaf.items()} for leaf in state.tensors]
    return replace(state, tensors=tuple(blank))


def forget_who_had_gradients(state: PortableState) -> PortableState:
    return replace(state, tensor_steps=(state.steps,) * len(state.tensors))


LEAKS = [forget_the_averages, forget_who_had_gradients]
LEAKS += [set_back(name) for name in ("weight", "predicted_loss", "lower_bound_estimate", "skipped_steps")]


@pytest.mark.parametrize("leak", LEAKS)
def test_histories_notice_what_a_route_loses(leak: Callable[[PortableState], PortableState]) -> None:
    def by_leaking_route(live: Live, fresh: Live) -> Live:
        fresh[0].load_portable_state(leak(live[0].portable_state()))
        return fresh

    leaking = type("Leaking", (History,), {"optimizers": ["momo_adam"], "routes": {"leak": by_leaking_route}})
    with pytest.raises(AssertionError):
        run(leaking, max_examples=50, phases=[Phase.generate])


def test_histories_notice_a_wrong_formula() -> None:
    def other_rates(self: History) -> list[dict[str, float]]:
        return [{**own, "learning_rate": 1.001 * own["learning_rate"]} for own in History._leaf_hyper(self)]

    wrong = type("Wrong", (History,), {"optimizers": ["sgdm"], "_leaf_hyper": other_rates})
    with pytest.raises(AssertionError, match="bounds away"):
        run(wrong, max_examples=50, phases=[Phase.generate])
