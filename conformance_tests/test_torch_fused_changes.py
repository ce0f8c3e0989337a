"""What changes between the steps that kernels take: gradients, state, settings, memory, threads."""

from __future__ import annotations

import copy
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="not run: numba is not installed")

from conformance_tests.comparisons import assert_within, rounding
from conformance_tests.roundings import assert_rounded
from conformance_tests.torch_kernels import (
    FUSED,
    assert_alike,
    assert_same_bits,
    snapshot,
    started,
    take_steps,
)
from momo_spec import load_spec, spec_names
from momo_spec.kernels import kernel_set
from momo_torch import AMAdamW, Momo, optimizers
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.plan import Plan


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=6))
@settings(max_examples=15)
def test_missing_gradients_leave_tensors_out(pattern: list[list[bool]]) -> None:
    """Tensors without a gradient stay, in any pattern; the first gradient may come late."""
    runs = []
    for fused in (True, False):
        params = [torch.nn.Parameter(torch.linspace(1, 2, size)) for size in (1, 5, 64)]
        built = AMAdamW(params, lr=0.25, weight_decay=0.5, fused=fused)
        for row in pattern:
            for param, present in zip(params, row, strict=True):
                param.grad = param.detach() / 2 if present else None
            before = [param.detach().clone() for param in params]
            built.step(loss=1.0)
            for param, present, old in zip(params, row, before, strict=True):
                assert present or torch.equal(param.detach(), old)
        runs.append(snapshot(params, built))
    assert_alike(*runs)


def test_state_that_was_replaced_is_used() -> None:
    """State loaded, or put in by hand, counts from the next step on."""
    params, built = started("momo_adam", torch.float32, True)
    take_steps(params, built)
    saved, values = copy.deepcopy(built.state_dict()), [param.detach().clone() for param in params]
    take_steps(params, built, seed=7)
    expected = snapshot(params, built)
    take_steps(params, built, seed=8)
    built.load_state_dict(saved)
    with torch.no_grad():
        for param, value in zip(params, values, strict=True):
            param.copy_(value)
    take_steps(params, built, seed=7)
    assert_same_bits(snapshot(params, built), expected)
    for param in params:
        built.state[param]["grad_avg"] = torch.full_like(param, 2.0)
        param.grad = torch.full_like(param, 2.0)
    built.step(loss=1.0)
    for param in params:
        # Two shares, two products and a sum are rounded.
        average = built.state[param]["grad_avg"]
        assert_rounded(average, np.full(average.shape, 2.0), 5, "float32")


def test_a_changed_learning_rate_is_used() -> None:
    """A scheduler's rate counts at once, also one that is a tensor and changes in place."""
    for rate in (1.0, torch.tensor(1.0)):
        param = torch.nn.Parameter(torch.zeros(4))
        built = Momo([param], lr=rate, beta=0.0, lb=float("-inf"), fused=True)
        for value in (1.0, 0.25):
            if isinstance(rate, torch.Tensor):
                rate.fill_(value)
            else:
                built.param_groups[0]["lr"] = value
            before, param.grad = param.detach().clone(), torch.ones_like(param)
            built.step(loss=1.0)
            assert torch.equal(before - param.detach(), torch.full((4,), value))


def scheduled(optimizer: str, *, anew: bool) -> list[torch.Tensor]:
    """Bits after steps with another rate and decay each; `anew` without what is known from the last step."""
    params, built = started(optimizer, torch.float32, True)
    for factor in (1.0, 0.5, 0.0, 2.0):
        for group in built.param_groups:
            group["lr"], group["weight_decay"] = 0.01 * factor, 0.1 * factor
        built._kernels.plan = None if anew else built._kernels.plan
        take_steps(params, built, count=1)
    return snapshot(params, built)


@pytest.mark.parametrize("optimizer", ["momo", "momo_adam", "am_adamw"])
def test_a_schedule_changes_no_bit_and_reads_nothing_again(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a schedule of rate and decay parameters that are known to be finite are not read beforehand."""
    read, sweep = [], Plan._sweep

    def counted(plan: Plan, kernel: Any, rows: Sequence[str]) -> Any:
        read.extend(rows if rows == ("size_param",) else ())
        return sweep(plan, kernel, rows)

    monkeypatch.setattr(Plan, "_sweep", counted)
    ours = scheduled(optimizer, anew=False)
    assert len(read) == 1
    theirs = scheduled(optimizer, anew=True)
    assert len(read) == 5
    assert_same_bits(ours, theirs)


def test_state_that_moved_in_memory_is_found() -> None:
    """State, and the scalars, are written where they are now, also after ``.data = ...``."""
    params, built = started("momo_adam", torch.float32, True)
    twins, other = started("momo_adam", torch.float32, True)
    for _ in range(3):
        take_steps(params, built, count=1)
        take_steps(twins, other, count=1)
        moved = [value for param in params for value in built.state[param].values()]
        moved += [value for value in built.param_groups[0].values() if isinstance(value, torch.Tensor)]
        old = [value.data for value in moved]
        kept = [value.clone() for value in old]
        for value in moved:
            value.data = value.data.clone()
        take_steps(params, built, count=1, seed=5)
        take_steps(twins, other, count=1, seed=5)
        assert_same_bits(old, kept)
        assert built.implementation == "fused"
        assert_same_bits(snapshot(params, built), snapshot(twins, other))


def test_parameters_that_moved_in_memory_are_found() -> None:
    """`param.data = ...` gives a parameter another memory; the next step writes there."""
    param = torch.nn.Parameter(torch.ones(5))
    built = Momo([param], fused=True)
    for _ in range(3):
        param.grad = torch.ones_like(param)
        old = param.data
        untouched = old.clone()
        param.data = old.clone()
        built.step(loss=5.0)
        assert torch.equal(old, untouched)
        assert not torch.equal(param.data, untouched)


def of_a_kept_gradient(fused: bool) -> tuple[torch.nn.Parameter, ModelBasedOptimizer]:
    """A parameter after two steps on one gradient tensor."""
    param = torch.nn.Parameter(torch.zeros(4))
    built = Momo([param], lb=float("-inf"), fused=fused)
    param.grad = torch.ones_like(param)
    built.step(loss=1.0)
    built.step(loss=1.0)
    return param, built


def test_a_gradient_that_is_kept_is_read_where_it_is() -> None:
    """The same gradient tensor may have moved since the last step."""
    outcomes = []
    for fused in (True, False):
        param, built = of_a_kept_gradient(fused)
        assert param.grad is not None
        param.grad.data = param.grad.data * 3
        built.step(loss=1.0)
        assert built.implementation.startswith("fused" if fused else "generic")
        outcomes.append(param.detach())
    run = [np.zeros(4)], [{"grads": [np.full(4, size)], "loss": 1.0} for size in (1.0, 1.0, 3.0)]
    bound = rounding("momo", {"lower_bound": -np.inf}, run, "float32")[-1:]
    assert_within(*(outcome.double().numpy()[None] for outcome in outcomes), bound, bound)


def test_a_gradient_that_is_kept_is_checked_again() -> None:
    """The same gradient tensor at the same place may have another dtype, or fewer elements."""
    outcomes = []
    for fused in (True, False):
        param, built = of_a_kept_gradient(fused)
        assert param.grad is not None
        param.grad.data = param.grad.data.view(torch.int32)
        built.step(loss=1.0)
        assert built.implementation.startswith("generic")
        outcomes.append(param.detach())
        param, built = of_a_kept_gradient(fused)
        assert param.grad is not None
        param.grad.data = param.grad.data[:2]
        with pytest.raises((RuntimeError, ValueError)):
            built.step(loss=1.0)
    assert torch.equal(*outcomes)


def test_gradients_do_not_live_on() -> None:
    """After ``zero_grad`` nothing holds the gradients of a step."""
    param = torch.nn.Parameter(torch.zeros(4))
    built = Momo([param], fused=True)
    param.grad = torch.ones_like(param)
    gradient = weakref.ref(param.grad)
    built.step(loss=1.0)
    built.zero_grad()
    assert gradient() is None


CHILD = """
import os, numpy as np, torch
from momo_torch import MomoAdam
torch.set_num_threads(2)
values = np.linspace(1, 2, 200_000)
param = torch.nn.Parameter(torch.from_numpy(values))
built = MomoAdam([param], fused=True)
def run():
    # NumPy computes the gradients: PyTorch's own threads do not survive a fork.
    for _ in range(3):
        param.grad = torch.from_numpy(values / 2)
        built.step(loss=1.0)
        assert built.implementation == "fused"
run()
start = values.copy()
child = os.fork()
run()
assert (values != start).all()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="not run: no fork on this system")
def test_a_child_can_step_after_a_fork() -> None:
    """Workers that are forked after the first step, as a DataLoader does, hang nobody."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_two_threads_step_at_once() -> None:
    """Two optimizers in two threads get the results that each gets alone."""
    alone = []
    for seed in (1, 2):
        params, built = started("momo_adam", torch.float32, True)
        take_steps(params, built, count=6, seed=seed)
        alone.append(snapshot(params, built))
    runs = [started("momo_adam", torch.float32, True) for _ in range(2)]
    threads = [
        threading.Thread(target=take_steps, args=run, kwargs={"count": 6, "seed": seed})
        for run, seed in zip(runs, (1, 2), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    for run, expected in zip(runs, alone, strict=True):
        assert_same_bits(snapshot(*run), expected)


def test_copies_step_for_themselves() -> None:
    """A deep copy has its own memory, and steps as the original does."""
    params, built = started("momo_adam", torch.float32, True)
    take_steps(params, built)
    twin = copy.deepcopy(built)
    members = [param for group in twin.param_groups for param in group["params"]]
    before = snapshot(params, built)
    take_steps(members, twin, seed=5)
    assert_same_bits(snapshot(params, built), before)
    take_steps(params, built, seed=5)
    assert_same_bits(snapshot(params, built), snapshot(members, twin))
    assert twin.implementation == "fused"


@pytest.mark.parametrize("optimizer", FUSED)
def test_words_are_counted(optimizer: str) -> None:
    """Each sweep reads gradients and averages; the last one reads the parameters, too, and writes."""
    kernels = kernel_set(load_spec(optimizer), decays=False)
    states = len(load_spec(optimizer).leaf_state)
    reading = (1 + states) * (len(kernels.sweeps) - 1)
    assert kernels.words == reading + (2 + states) + (1 + states)


def test_every_optimizer_with_kernels_is_known() -> None:
    """All rules but the schedule-free one have kernels, for a step with and without weight decay."""
    from momo_kernels.kernels import KERNELS

    assert {name for name, _ in KERNELS} == set(FUSED) == set(spec_names()) - {"schedule_free_sps"}
    entries = {load_spec(name).frameworks["torch"].entry for name in FUSED}
    assert entries == set(optimizers.__all__) - {"ScheduleFreeSPS"}
