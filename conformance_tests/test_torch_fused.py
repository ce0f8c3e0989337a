"""The generated kernels of the PyTorch optimizers: another way to the same step."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

pytest.importorskip("numba", reason="not run: numba is not installed")

from conformance_tests.profiles import every_other
from conformance_tests.strategies import hypers, trajectories
from conformance_tests.torch_kernels import (
    FUSED,
    assert_alike,
    assert_same_bits,
    snapshot,
    started,
    take_steps,
)
from momo_spec import load_spec
from momo_spec.bounds import UNIT_ROUNDOFF, flattened, open_loop, open_loop_bound
from momo_spec.sampled import FORMATS
from momo_spec.vector_file import Vector, load_vectors
from momo_torch import SGDM, Momo, driver
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.plan import SERIAL

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def is_public(vector: Vector) -> bool:
    """Whether all hyper-parameters of a vector are arguments of the optimizer."""
    table = load_spec(vector.algorithm).hyper
    return not any(table[name].internal for name in vector.problem.hyper)


VECTORS = [vector for name in FUSED for vector in load_vectors(name).tests if is_public(vector)]


def label(vector: Any) -> str:
    return f"{vector.algorithm}-{vector.tc_id}"


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
