"""The generated kernels of the PyTorch optimizers: another way to the same step."""

from __future__ import annotations

import copy
import math
import os
import pickle
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
from conformance_tests.profiles import every_other
from conformance_tests.roundings import assert_rounded, gamma
from conformance_tests.strategies import hypers, trajectories
from momo_spec import load_spec, spec_names
from momo_spec.bounds import UNIT_ROUNDOFF, flattened, open_loop, open_loop_bound
from momo_spec.kernels import fits, kernel_set
from momo_spec.sampled import FORMATS
from momo_spec.vector_file import Vector, load_vectors
from momo_torch import SGDM, AMAdamW, Momo, MomoAdam, driver, optimizers
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.fused import SWITCH
from momo_torch.plan import SERIAL, Plan

FUSED = [name for name in spec_names() if fits(load_spec(name))]
STEPS = 3
DTYPES = {"float32": torch.float32, "float64": torch.float64}
SHAPES = ((), (3,), (0, 2), (40, 50), (300, 250))
"""A number, a few, none, one chunk, several chunks."""


def is_public(vector: Vector) -> bool:
    """Whether all hyper-parameters of a vector are arguments of the optimizer."""
    table = load_spec(vector.algorithm).hyper
    return not any(table[name].internal for name in vector.problem.hyper)


VECTORS = [vector for name in FUSED for vector in load_vectors(name).tests if is_public(vector)]


def label(vector: Any) -> str:
    return f"{vector.algorithm}-{vector.tc_id}"


def started(
    optimizer: str, dtype: torch.dtype, fused: bool | None, hyper: dict[str, Any] | None = None
) -> tuple[list[torch.nn.Parameter], ModelBasedOptimizer]:
    """Parameters and an optimizer for them."""
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, dtype=dtype, generator=generator)) for shape in SHAPES]
    return params, driver.construct(optimizer, hyper or required(optimizer), params, fused=fused)


def required(optimizer: str) -> dict[str, Any]:
    return {"total_steps": 100.0} if "total_steps" in load_spec(optimizer).hyper else {}


def take_steps(
    params: list[torch.nn.Parameter], built: ModelBasedOptimizer, *, count: int = STEPS, seed: int = 1
) -> None:
    generator = torch.Generator().manual_seed(seed)
    for index in range(count):
        for param in params:
            param.grad = torch.randn(param.shape, dtype=param.dtype, generator=generator)
        built.step(loss=1.0 + index)


def snapshot(params: list[torch.nn.Parameter], built: ModelBasedOptimizer) -> list[torch.Tensor]:
    """All parameters and all state."""
    scalars = [value for value in built.param_groups[0].values() if isinstance(value, torch.Tensor)]
    states = [value for param in params for value in built.state[param].values()]
    return [value.detach().clone() for value in (*params, *states, *scalars)]


def assert_same_bits(left: list[torch.Tensor], right: list[torch.Tensor]) -> None:
    for ours, theirs in zip(left, right, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


ROUNDINGS = STEPS * (16 + 4 * math.ceil(math.log2(max(math.prod(shape) for shape in SHAPES))))
"""Of an element: its averages, metric and move in each step, and four sums, which are taken in pairs."""


def assert_alike(left: list[torch.Tensor], right: list[torch.Tensor]) -> None:
    """
    Equal but for the roundings of both, relative to the largest element.

    Numbers are differences of losses, which are between 1 and 3.
    """
    for ours, theirs in zip(left, right, strict=True):
        if ours.is_floating_point() and ours.numel():
            scale = max(float(theirs.abs().max()), float(theirs.ndim == 0))
            error = float((ours.double() - theirs.double()).abs().max())
            assert error <= 2 * gamma(ROUNDINGS, str(theirs.dtype).removeprefix("torch.")) * scale
        else:
            assert torch.equal(ours, theirs)


def run_groups(vector: Vector, dtype: str, fused: bool | None) -> list[dict[str, Any]]:
    """A vector with parameter groups, which the driver does not know."""
    params = [torch.nn.Parameter(torch.tensor(x, dtype=DTYPES[dtype])) for x in vector.problem.x0]
    hyper = vector.problem.hyper
    built = driver.construct(vector.algorithm, hyper, params, fused=fused)
    names = {"learning_rate": "lr", "weight_decay": "weight_decay"}
    base = {names[key]: built.param_groups[0][names[key]] for key in names}
    if vector.problem.groups:
        members = [
            [param for param, group in zip(params, vector.problem.group_of, strict=True) if group == index]
            for index in range(len(vector.problem.groups))
        ]
        order = [param for group in members for param in group]
        cls = type(built)
        own = [
            {"params": member, **base, **{names[key]: value for key, value in group.items()}}
            for member, group in zip(members, vector.problem.groups, strict=True)
            if member
        ]
        settings = {key: built.defaults[key] for key in cls.names}
        built = cls(own, **settings, fused=fused)  # type: ignore[arg-type]
        assert len(order) == len(params)
    rows = []
    for step in vector.steps:
        changed = {names[key]: value for key, value in step.hyper.items() if key in names}
        assert len(changed) == len(step.hyper)
        if changed:
            for group in built.param_groups:
                group.update(changed)
        for param, grad in zip(params, step.grads, strict=True):
            param.grad = None if grad is None else torch.tensor(grad, dtype=DTYPES[dtype])
        built.step(loss=step.loss)
        info = {key: value.item() for key, value in built.last_info._asdict().items() if value is not None}
        rows.append({"params": [param.detach().double().numpy() for param in params], "info": info})
        rows[-1]["params"] = [array.copy() for array in rows[-1]["params"]]
    return rows


@pytest.mark.parametrize("vector", every_other([v for v in VECTORS if v.tier == "T0"]), ids=label)
def test_exact_vectors_to_the_bit(vector: Vector) -> None:
    """The kernels pass the exact vectors to the bit, in both formats."""
    for dtype in set(vector.dtypes) & set(DTYPES):
        for row, expected in zip(run_groups(vector, dtype, fused=True), vector.expect, strict=True):
            for ours, theirs in zip(row["params"], expected.params, strict=True):
                np.testing.assert_array_equal(ours, theirs)
            assert {key: row["info"][key] for key in expected.info} == dict(expected.info)
            assert row["info"]["skipped"] == expected.skipped


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector.tier == "T2"], ids=label)
def test_sampled_vectors_within_their_bounds(vector: Vector, record_property: Any) -> None:
    """The kernels pass the sampled vectors within their bounds, in both formats."""
    for name, tol in vector.tol.items():
        worst = 0.0
        rows = run_groups(vector, FORMATS[name], fused=True)
        for index, (row, expected) in enumerate(zip(rows, vector.expect, strict=True)):
            distance = [ours - theirs for ours, theirs in zip(row["params"], expected.params, strict=True)]
            errors = {"params": np.linalg.norm(np.concatenate([part.ravel() for part in distance]))}
            errors |= {key: abs(row["info"][key] - expected.info[key]) for key in tol if key != "params"}
            assert all(error <= tol[key][index] for key, error in errors.items()), (index, errors)
            ratios = [error / tol[key][index] for key, error in errors.items() if tol[key][index]]
            worst = max([worst, *map(float, ratios)])
        record_property(f"error over bound, vectors, kernels, {FORMATS[name]}", worst)


@pytest.mark.parametrize("optimizer", FUSED)
def test_any_run_stays_within_the_bound_of_rounding(optimizer: str) -> None:
    """In float32 the kernels stay within the computed bound of rounding errors."""

    @given(hyper=hypers(optimizer), run=trajectories(max_steps=10))
    @settings(max_examples=5)
    def check(hyper: dict[str, Any], run: Any) -> None:
        params, steps = run
        spec = load_spec(optimizer)
        reference = open_loop(spec, hyper, params, steps)[0]
        bound = open_loop_bound(spec, hyper, params, steps, reference, UNIT_ROUNDOFF["float32"])
        rows = driver.run(optimizer, hyper, params, steps, dtype="float32", mode="fused")
        ours = np.array([flattened(params), *(flattened(row["params"]) for row in rows)])
        assert (np.linalg.norm(ours - reference, axis=1) <= bound).all()

    check()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", FUSED)
def test_kernels_agree_with_the_generic_path(optimizer: str, dtype: str) -> None:
    """On tensors of several chunks both paths agree."""
    ours, theirs = started(optimizer, DTYPES[dtype], True), started(optimizer, DTYPES[dtype], False)
    for run in (ours, theirs):
        take_steps(*run)
    assert ours[1].implementation == "fused"
    assert_alike(snapshot(*ours), snapshot(*theirs))


@pytest.mark.parametrize("optimizer", FUSED)
def test_the_number_of_threads_changes_no_bit(optimizer: str) -> None:
    """Sums are added in an order that does not depend on the number of threads."""
    runs, before = [], torch.get_num_threads()
    try:
        for number in (1, 2, 5):
            torch.set_num_threads(number)
            params, built = started(optimizer, torch.float32, True)
            take_steps(params, built)
            runs.append(snapshot(params, built))
    finally:
        torch.set_num_threads(before)
    for run in runs[1:]:
        assert_same_bits(runs[0], run)


def poison(params: list[torch.nn.Parameter], where: str) -> float:
    """Make a step impossible; returns the loss."""
    for param in params:
        param.grad = torch.ones_like(param)
    if where == "gradient":
        grad = params[-1].grad
        assert grad is not None
        grad.view(-1)[-1] = float("nan")
    elif where == "square of the gradient":
        params[3].grad = torch.full_like(params[3], 1e30)
    elif where == "parameter":
        with torch.no_grad():
            params[3].view(-1)[7] = float("inf")
    return float("nan") if where == "loss" else 1.0


@pytest.mark.parametrize("where", ["loss", "gradient", "square of the gradient", "parameter"])
@pytest.mark.parametrize("optimizer", FUSED)
def test_a_step_that_is_not_finite_changes_nothing(optimizer: str, where: str) -> None:
    """A loss, gradient, sum or parameter that is not finite changes no bit but the counter."""
    if where == "loss" and not load_spec(optimizer).needs_loss:
        pytest.skip("not run: the rule takes no loss")
    params, built = started(optimizer, torch.float32, True)
    take_steps(params, built)
    loss = poison(params, where)
    before = copy.deepcopy((snapshot(params, built), built.param_groups[0]["skipped_steps"]))
    kept = {id(param): copy.deepcopy(built.state[param]) for param in params}
    values = [param.detach().clone() for param in params]
    built.step(loss=loss)
    assert built.implementation.startswith("generic")
    assert bool(built.last_info.skipped)
    assert built.param_groups[0]["skipped_steps"] == before[1] + 1
    assert_same_bits([param.detach() for param in params], values)
    for param in params:
        assert_same_bits(list(built.state[param].values()), list(kept[id(param)].values()))


def of_two_small_tensors(on_nonfinite: str = "skip") -> tuple[list[torch.nn.Parameter], ModelBasedOptimizer]:
    params = [torch.nn.Parameter(torch.ones(5)) for _ in range(2)]
    return params, Momo(params, fused=True, on_nonfinite=on_nonfinite)


def of_two_large_tensors(on_nonfinite: str = "skip") -> tuple[list[torch.nn.Parameter], ModelBasedOptimizer]:
    params = [torch.nn.Parameter(torch.ones(SERIAL)) for _ in range(2)]
    return params, Momo(params, fused=True, on_nonfinite=on_nonfinite)


def write_nan(param: torch.nn.Parameter, *, counted: bool) -> None:
    """NaN in one place, so that PyTorch counts the write or does not see it."""
    with torch.no_grad():
        (param if counted else param.data)[2] = float("nan")


@pytest.mark.parametrize("make", [of_two_small_tensors, of_two_large_tensors])
def test_a_parameter_that_was_written_skips_the_step(make: Any) -> None:
    """NaN in a parameter is found before anything is written: in small tensors also behind PyTorch's back."""
    params, built = make()
    take_steps(params, built)
    write_nan(params[1], counted=make is of_two_large_tensors)
    before = snapshot(params, built)
    take_steps(params, built, count=1)
    assert bool(built.last_info.skipped)
    count = len(params) * (1 + len(built.state[params[0]]))
    assert_same_bits(snapshot(params, built)[:count], before[:count])


def other_memory(params: list[torch.nn.Parameter], values: list[torch.Tensor]) -> None:
    for param, value in zip(params, values, strict=True):
        param.data = value


def one_vector(params: list[torch.nn.Parameter], values: list[torch.Tensor]) -> None:
    torch.nn.utils.vector_to_parameters(torch.cat(values), params)


def in_place(params: list[torch.nn.Parameter], values: list[torch.Tensor]) -> None:
    with torch.no_grad():
        torch._foreach_copy_(params, values)


def loaded(params: list[torch.nn.Parameter], values: list[torch.Tensor]) -> None:
    names = list(map(str, range(len(params))))
    torch.nn.ParameterList(params).load_state_dict(dict(zip(names, values, strict=True)))


@pytest.mark.parametrize("write", [other_memory, one_vector, in_place, loaded])
def test_new_values_of_large_parameters_are_read(write: Any) -> None:
    """However parameters are replaced as a whole, NaN in them is found before anything is written."""
    params, built = of_two_large_tensors()
    take_steps(params, built)
    values = [param.detach().clone() for param in params]
    write(params, [value.clone() for value in values])
    take_steps(params, built, count=1)
    assert built.implementation == "fused"
    assert not torch.equal(params[0].detach(), values[0])
    values[1][2] = float("nan")
    write(params, values)
    before = snapshot(params, built)
    take_steps(params, built, count=1)
    assert bool(built.last_info.skipped)
    count = len(params) * (1 + len(built.state[params[0]]))
    assert_same_bits(snapshot(params, built)[:count], before[:count])


def test_a_large_parameter_that_was_written_unseen_stops_the_next_step() -> None:
    """NaN that nobody counted passes one step, which moves all else; the model stays finite."""
    params, built = of_two_large_tensors()
    take_steps(params, built)
    write_nan(params[1], counted=False)
    before = params[0].detach().clone()
    take_steps(params, built, count=1)
    assert built.implementation == "fused"
    assert not torch.equal(params[0].detach(), before)
    assert int(torch.isnan(params[1]).sum()) == 1
    assert bool(torch.isfinite(built.param_groups[0]["predicted_loss"]))
    kept = snapshot(params, built)[: 2 * (1 + len(built.state[params[0]]))]
    take_steps(params, built, count=1)
    assert bool(built.last_info.skipped)
    assert_same_bits(snapshot(params, built)[: len(kept)], kept)


def test_a_large_parameter_that_was_written_unseen_is_an_error_where_asked() -> None:
    """With ``on_nonfinite="raise"`` the step that finds the NaN says so."""
    params, built = of_two_large_tensors("raise")
    take_steps(params, built)
    write_nan(params[1], counted=False)
    with pytest.raises(FloatingPointError, match="a parameter is not finite"):
        take_steps(params, built, count=1)


def test_a_parameter_that_would_overflow_stays() -> None:
    """A step past the largest number of the format is found before it is written."""
    largest = torch.finfo(torch.float32).max
    param = torch.nn.Parameter(torch.full((2,), largest) * torch.tensor([0.999, 0.0]))
    before = param.detach().clone()
    built = SGDM([param], lr=largest / 100, fused=True)
    param.grad = torch.full_like(param, -1.0)
    built.step()
    assert built.implementation.startswith("generic")
    assert bool(built.last_info.skipped)
    assert torch.equal(param.detach(), before)


def test_displacement_is_what_was_stored() -> None:
    """The model sees the move after rounding: at 2^24 steps below 1 are not made."""
    param = torch.nn.Parameter(torch.full((100,), 2.0**24))
    built = Momo([param], lr=0.25, lb=float("-inf"), fused=True)
    param.grad = torch.ones_like(param)
    built.step(loss=3.0)
    assert built.implementation == "fused"
    assert torch.equal(param.detach(), torch.full((100,), 2.0**24))
    assert float(built.last_info.predicted_loss) == 3.0


def test_autograd_learns_of_the_write() -> None:
    """A graph that needs the old value refuses to use the new one."""
    param = torch.nn.Parameter(torch.ones(4))
    built = Momo([param], fused=True)
    squares = (param * param).sum()
    param.grad = torch.ones_like(param)
    built.step(loss=1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        squares.backward()


LAYOUTS = {
    "transposed": lambda: torch.randn(4, 6).t(),
    "channels last": lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "slice": lambda: torch.randn(10, 6)[2:7],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_dense_layouts_are_fused(layout: str) -> None:
    """A tensor whose elements fill its memory in any order takes the step of that memory, to the bit."""
    start = LAYOUTS[layout]().clone(memory_format=torch.preserve_format)
    param, flat = torch.nn.Parameter(start.clone()), torch.nn.Parameter(in_memory(start).clone())
    shaped, plain = MomoAdam([param], fused=True), MomoAdam([flat], fused=True)
    for index in range(3):
        grad = torch.arange(param.numel(), dtype=torch.float32).reshape(param.shape) / 8 + index
        param.grad = torch.empty_like(param).copy_(grad)
        flat.grad = in_memory(param.grad).clone()
        shaped.step(loss=1.0)
        plain.step(loss=1.0)
        assert shaped.implementation == plain.implementation == "fused"
    assert torch.equal(in_memory(param.detach()), flat.detach())
    assert not torch.equal(in_memory(param.detach()), in_memory(start))


def in_memory(tensor: torch.Tensor) -> torch.Tensor:
    """The elements in the order in which they lie in memory."""
    return tensor.as_strided((tensor.numel(),), (1,))


def unsuitable() -> dict[str, tuple[list[torch.nn.Parameter], str]]:
    base = torch.ones(8)
    with torch.inference_mode():
        inference = torch.nn.Parameter(torch.ones(3))
    return {
        "half": ([torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))], "bfloat16"),
        "mixed": (
            [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3).double())],
            "several dtypes",
        ),
        "strided": ([torch.nn.Parameter(torch.ones(8)[::2])], "fill their memory"),
        "overlapping": ([torch.nn.Parameter(base[:5]), torch.nn.Parameter(base[3:])], "share memory"),
        "meta": ([torch.nn.Parameter(torch.ones(3, device="meta"))], "not on the CPU"),
        "subclass": ([Subclass(torch.ones(3))], "another class"),
        "inference": ([inference], "inference mode"),
    }


class Subclass(torch.nn.Parameter):
    """A tensor that may do anything."""


@pytest.mark.parametrize("case", unsuitable())
def test_other_parameters_are_refused(case: str) -> None:
    """Parameters that the kernels do not take are a ValueError when they are handed over."""
    params, reason = unsuitable()[case]
    with pytest.raises(ValueError, match=f"Invalid fused: .*{reason}"):
        Momo(params, fused=True)
    built = Momo([torch.nn.Parameter(torch.ones(3))], fused=True)
    with pytest.raises(ValueError, match=r"Invalid fused|on one device"):
        built.add_param_group({"params": params})
    assert len(built.param_groups) == 1


@pytest.fixture
def automatic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimizers that are made without ``fused`` choose for themselves, as outside of these tests."""
    monkeypatch.delenv(SWITCH, raising=False)


def stepped(params: list[torch.nn.Parameter], fused: bool | None) -> str:
    """Implementation of the first step."""
    built = Momo(params, fused=fused)
    assert built.implementation == ("generic (fused=False)" if fused is False else "none")
    for param in params:
        param.grad = torch.ones_like(param)
    built.step(loss=1.0)
    return built.implementation


@pytest.mark.usefixtures("automatic")
def test_kernels_are_used_by_default() -> None:
    """Without a word kernels take the steps; ``fused=False`` is the generic path, and says so."""
    assert stepped([torch.nn.Parameter(torch.ones(3))], None) == "fused"
    assert stepped([torch.nn.Parameter(torch.ones(3))], False) == "generic (fused=False)"


@pytest.mark.usefixtures("automatic")
@pytest.mark.parametrize("case", [name for name in unsuitable() if name not in ("meta", "inference")])
def test_other_parameters_take_the_generic_path_by_default(case: str) -> None:
    """Parameters that the kernels do not take are no error without ``fused=True``; the reason is told."""
    params, reason = unsuitable()[case]
    implementation = stepped(params, None)
    assert implementation.startswith("generic (")
    assert reason in implementation


def test_an_environment_variable_switches_the_default_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """``MOMO_TORCH_FUSED=0`` leaves steps to the generic path, but for ``fused=True``."""
    monkeypatch.setenv(SWITCH, "0")
    for fused, expected in ((None, f"generic ({SWITCH}=0)"), (True, "fused")):
        param = torch.nn.Parameter(torch.ones(3))
        built = Momo([param], fused=fused)
        param.grad = torch.ones_like(param)
        built.step(loss=1.0)
        assert built.implementation == expected


@pytest.mark.usefixtures("automatic")
def test_the_default_survives_pickling() -> None:
    """A loaded optimizer chooses as its original did, also one that was saved before there was a choice."""
    params, built = started("momo", torch.float32, None)
    take_steps(params, built)
    twin = pickle.loads(pickle.dumps(built))
    contents = {key: value for key, value in built.__getstate__().items() if key != "_fused"}
    older = Momo.__new__(Momo)
    older.__setstate__(copy.deepcopy(contents))
    take_steps(params, built, seed=5)
    for loaded in (twin, older):
        members = [param for group in loaded.param_groups for param in group["params"]]
        take_steps(members, loaded, seed=5)
        assert loaded.implementation == "fused"
        assert_same_bits(snapshot(members, loaded), snapshot(params, built))


@pytest.mark.usefixtures("automatic")
def test_a_compiled_step_takes_the_generic_path() -> None:
    """Inside of ``torch.compile`` the steps are those of the generic path, to the bit."""
    results = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.linspace(1, 2, 5))
        built = Momo([param], fused=fused)
        param.grad = param.detach() / 2
        torch.compile(built.step, fullgraph=True, backend="eager")(loss=torch.tensor(1.0))
        results.append(param.detach())
        assert fused is False or built.implementation == "generic (the step is traced)"
    assert torch.equal(*results)


LATE_IMPORT = """
import sys, torch
from momo_torch import MomoAdam
param = torch.nn.Parameter(torch.ones(3))
built = MomoAdam([param])
assert "numba" not in sys.modules
param.grad = torch.ones_like(param)
built.step(loss=1.0)
assert built.implementation == "fused", built.implementation
"""

NO_NEED = """
import sys, torch
from momo_torch import MomoAdam
param = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
built = MomoAdam([param])
param.grad = torch.ones_like(param)
built.step(loss=1.0)
assert built.implementation == "generic (parameters are torch.bfloat16)", built.implementation
assert "numba" not in sys.modules
"""

BROKEN = """
import sys, torch
sys.modules["llvmlite"] = None
from momo_torch import Momo
param = torch.nn.Parameter(torch.ones(3))
built = Momo([param])
for _ in range(2):
    param.grad = torch.ones_like(param)
    built.step(loss=5.0)
    assert built.implementation.startswith("generic (numba cannot be imported"), built.implementation
assert (param < 1).all()
"""


@pytest.mark.parametrize("script", [LATE_IMPORT, NO_NEED, BROKEN], ids=["late", "not needed", "broken"])
def test_numba_is_imported_when_it_is_needed(script: str) -> None:
    """The first step that kernels can take imports Numba, no earlier; a broken one is no error."""
    environment = {key: value for key, value in os.environ.items() if key != SWITCH}
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr


def test_fused_must_be_a_bool_or_none() -> None:
    """Text is a TypeError."""
    with pytest.raises(TypeError, match="fused"):
        Momo([torch.nn.Parameter(torch.ones(3))], fused="yes")  # type: ignore[arg-type]


def changed_dtype(param: torch.nn.Parameter, _: ModelBasedOptimizer) -> None:
    param.data = param.data.to(torch.bfloat16)
    param.grad = torch.ones_like(param)


def changed_scalar(_: torch.nn.Parameter, built: ModelBasedOptimizer) -> None:
    built.param_groups[0]["weight"] = built.param_groups[0]["weight"].double()


def negative_view(param: torch.nn.Parameter, _: ModelBasedOptimizer) -> None:
    param.grad = torch._neg_view(-torch.ones(3))


def gradient_in_state(param: torch.nn.Parameter, built: ModelBasedOptimizer) -> None:
    param.grad = built.state[param]["grad_avg"]


def parameter_as_gradient(param: torch.nn.Parameter, _: ModelBasedOptimizer) -> None:
    param.grad = param.detach()


def longer_memory(param: torch.nn.Parameter, _: ModelBasedOptimizer) -> None:
    param.data = torch.ones(3, 2)[:, 0]
    param.grad = torch.ones_like(param)


LATER = {
    "dtype": changed_dtype,
    "scalar": changed_scalar,
    "negative gradient": negative_view,
    "gradient in state": gradient_in_state,
    "parameter as gradient": parameter_as_gradient,
    "longer memory": longer_memory,
}


@pytest.mark.parametrize("case", LATER)
def test_what_changes_later_takes_the_generic_path_and_says_so(case: str) -> None:
    """A step on what the kernels do not take is the generic one, visibly; never an error in training."""
    results = []
    for fused in (True, False):
        param = torch.nn.Parameter(torch.ones(3))
        built = Momo([param], fused=fused)
        for _ in range(2):
            param.grad = torch.ones_like(param)
            built.step(loss=1.0)
        assert not fused or built.implementation == "fused"
        LATER[case](param, built)
        built.step(loss=1.0)
        assert built.implementation.startswith("generic")
        results.append(param.detach())
    assert torch.equal(*results)


def test_ranks_that_step_together_take_the_generic_path() -> None:
    """The kernels average no loss, so they leave the steps of several ranks to the generic path."""
    result = subprocess.run(
        [sys.executable, "-c", RANKS], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


RANKS = """
import torch, torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore
from momo_torch import Momo
dist.init_process_group("fake", rank=0, world_size=2, store=FakeStore())
param = torch.nn.Parameter(torch.ones(3))
built = Momo([param], fused=True)
param.grad = torch.ones_like(param)
built.step(loss=1.0)
assert built.implementation == "generic (several ranks step together)", built.implementation
"""


WITHOUT_NUMBA = """
import os, sys, torch
os.environ.pop("MOMO_TORCH_FUSED", None)
sys.modules["numba"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
import momo_torch
from momo_torch import optimizers
for name in optimizers.__all__:
    cls = getattr(momo_torch, name)
    needed = {"total_steps": 10.0} if "total_steps" in cls.names else {}
    param = torch.nn.Parameter(torch.ones(3))
    built = cls([param], **needed)
    param.grad = torch.ones_like(param)
    built.step(loss=1.0)
    assert built.implementation == "generic (numba is not installed)", built.implementation
    assert (param < 1).all()
    try:
        cls([param], **needed, fused=True)
    except ValueError as error:
        assert "numba is not installed" in str(error), error
    else:
        raise AssertionError(name)
"""


def test_all_but_the_kernels_works_without_numba() -> None:
    """Without Numba every optimizer works, and ``fused=True`` is an error that says what is missing."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_traced_step_takes_the_generic_path() -> None:
    """Modes that watch the operations of a step see all of them."""
    from torch.utils.flop_counter import FlopCounterMode

    param = torch.nn.Parameter(torch.ones(3))
    built = Momo([param], fused=True)
    param.grad = torch.ones_like(param)
    with FlopCounterMode(display=False):
        built.step(loss=1.0)
    assert built.implementation == "generic (the step is traced)"


def test_a_gradient_of_another_layout_takes_the_generic_path() -> None:
    """A gradient whose elements are in another order is read in its own order."""
    params = [torch.nn.Parameter(torch.zeros(2, 3)) for _ in range(2)]
    grad = torch.arange(6.0).reshape(2, 3) + 1
    for param, fused in zip(params, (True, False), strict=True):
        param.grad = grad.t().contiguous().t()
        built = Momo([param], fused=fused)
        built.step(loss=1.0)
        assert built.implementation.startswith("generic")
    assert torch.equal(*params)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(params[0].detach(), params[0].detach().flip(1))


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
