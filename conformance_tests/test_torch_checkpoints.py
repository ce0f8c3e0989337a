"""A training that stops and is resumed goes on as if it had not stopped."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from conformance_tests.checkpoint_worker import CASES, FLAT, NESTED, OFTEN, RESUMED, run_all
from conformance_tests.profiles import mostly, pairwise
from conformance_tests.ranks import run_ranks
from conformance_tests.torch_problems import CLASSES, PROBLEM, VARIANTS, Class, snapshot, unchanged
from momo_torch import ModelBasedOptimizer, Momo, MomoAdam
from momo_torch.checkpoint import FORMAT
from momo_torch.state import scalar_names

Resumed = tuple[ModelBasedOptimizer, list[nn.Parameter]]
Resume = Callable[[ModelBasedOptimizer, list[nn.Parameter], Path], Resumed]

DOUBLE, SINGLE, HALF = torch.float64, torch.float32, torch.bfloat16


def fresh(optimizer: ModelBasedOptimizer, params: list[nn.Parameter]) -> Resumed:
    """An optimizer of the same class with its default settings, and parameters with the same values."""
    copies = [nn.Parameter(param.detach().clone()) for param in params]
    return type(optimizer)(copies), copies


def by_state_dict(optimizer: ModelBasedOptimizer, params: list[nn.Parameter], folder: Path) -> Resumed:
    restored, copies = fresh(optimizer, params)
    restored.load_state_dict(optimizer.state_dict())
    return restored, copies


def by_file(optimizer: ModelBasedOptimizer, params: list[nn.Parameter], folder: Path) -> Resumed:
    buffer = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "params": params}, buffer)
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=True)
    restored = type(optimizer)(loaded["params"])
    restored.load_state_dict(loaded["optimizer"])
    return restored, loaded["params"]


def by_deepcopy(optimizer: ModelBasedOptimizer, params: list[nn.Parameter], folder: Path) -> Resumed:
    return copy.deepcopy((optimizer, params))


def by_pickle(optimizer: ModelBasedOptimizer, params: list[nn.Parameter], folder: Path) -> Resumed:
    restored: Resumed = pickle.loads(pickle.dumps((optimizer, params)))
    return restored


def by_distributed_checkpoint(options: StateDictOptions) -> Resume:
    def resume(optimizer: ModelBasedOptimizer, params: list[nn.Parameter], folder: Path) -> Resumed:
        restored, copies = fresh(optimizer, params)
        saved = get_optimizer_state_dict(nn.ParameterList(params), optimizer, options=options)
        dcp.save(saved, checkpoint_id=folder, no_dist=True)
        model = nn.ParameterList(copies)
        loaded = get_optimizer_state_dict(model, restored, options=options)
        dcp.load(loaded, checkpoint_id=folder, no_dist=True)
        set_optimizer_state_dict(model, restored, loaded, options=options)
        return restored, copies

    return resume


def assert_resumes(
    cls: Class, options: dict[str, Any], resume: Resume, stop: int, dtype: torch.dtype, folder: Path
) -> None:
    params = PROBLEM.params(dtype)
    optimizer = cls(params, **options)
    PROBLEM.train(optimizer, params, range(stop))
    restored, copies = resume(optimizer, params, folder)
    scalars = {restored.param_groups[0][name].dtype for name in scalar_names(restored._kind)}
    assert scalars == {DOUBLE if dtype == DOUBLE else SINGLE, torch.int32}
    rest = range(stop, stop + 6)
    assert torch.equal(PROBLEM.train(restored, copies, rest), PROBLEM.train(optimizer, params, rest))
    assert all(map(torch.equal, snapshot(restored), snapshot(optimizer)))


ROUTES = (by_state_dict, by_file, by_deepcopy, by_pickle)
DTYPES = (DOUBLE, SINGLE, HALF)


@pytest.mark.reliability("R63", "R64", "R68")
@pytest.mark.parametrize(("resume", "dtype", "stop"), pairwise(ROUTES, DTYPES, (0, 1, 4)))
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
def test_resuming_is_bit_identical(
    cls: Class, options: dict[str, Any], resume: Resume, stop: int, dtype: torch.dtype, tmp_path: Path
) -> None:
    """Resumed from a state dict, a weights-only file, a pickle or a copy, no bit differs, at any step."""
    assert_resumes(cls, options, resume, stop, dtype, tmp_path)


@pytest.mark.reliability("R65", "R70", "R71")
@pytest.mark.parametrize(("stop", "dtype"), [(0, HALF), (3, HALF), (3, SINGLE)])
@pytest.mark.parametrize("layout", [NESTED, FLAT], ids=["nested", "flat"])
@pytest.mark.parametrize(("cls", "options"), VARIANTS)
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")
def test_distributed_checkpoints_are_bit_identical(
    cls: Class,
    options: dict[str, Any],
    layout: StateDictOptions,
    stop: int,
    dtype: torch.dtype,
    tmp_path: Path,
) -> None:
    """Resumed from a distributed checkpoint, nested or flat, no bit differs, at any step."""
    assert_resumes(cls, options, by_distributed_checkpoint(layout), stop, dtype, tmp_path)


@pytest.fixture(scope="module")
def ranks() -> list[dict[str, Any]]:
    """What each rank of a sharded training has seen; all of it in one pair of processes."""
    return run_ranks(run_all)


@pytest.mark.reliability("R63", "R70", "R76")
@pytest.mark.parametrize(("case", "route", "stop"), mostly(RESUMED, OFTEN))
def test_shards_are_resumed_bit_identically(
    ranks: list[dict[str, Any]], case: str, route: str, stop: int
) -> None:
    """With FSDP2, too, no bit differs after a distributed checkpoint, nested, flat or in one file."""
    for rank in ranks:
        went_on, resumed = rank["resumed"][case, route, stop]
        assert len(went_on) > 1
        assert went_on.tobytes() == resumed.tobytes()


@pytest.mark.parametrize("case", CASES)
def test_one_process_takes_over_the_state_of_shards(ranks: list[dict[str, Any]], case: str) -> None:
    assert all(rank["resharded"][case] for rank in ranks)


def test_whole_tensors_are_refused_where_shards_are_needed(ranks: list[dict[str, Any]]) -> None:
    for rank in ranks:
        kind, text = rank["other layout"]
        assert (kind, text.split()[0]) == ("InvalidValueError", "E_STATE_SHAPE")


@pytest.mark.reliability("R70", "R71")
@pytest.mark.parametrize("cls", CLASSES)
def test_asking_for_a_distributed_state_takes_no_step(cls: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state exists from the start, so a checkpointing tool takes no dummy step and changes nothing."""
    params = PROBLEM.params()
    optimizer = cls(params)
    before = snapshot(optimizer)
    monkeypatch.setattr(cls, "step", lambda *_, **__: pytest.fail("a step was taken"))
    get_optimizer_state_dict(nn.ParameterList(params), optimizer)
    assert unchanged(before, optimizer)


@pytest.mark.reliability("R65")
@pytest.mark.parametrize("cls", CLASSES)
def test_a_state_goes_to_half_precision_and_back(cls: Class) -> None:
    """A float32 state in an optimizer of bfloat16 parameters, and back, loses nothing."""
    params = PROBLEM.params(SINGLE)
    optimizer = cls(params)
    PROBLEM.train(optimizer, params, range(3))
    half, back = cls(PROBLEM.params(HALF)), cls([nn.Parameter(param.detach().clone()) for param in params])
    half.load_state_dict(optimizer.state_dict())
    back.load_state_dict(half.state_dict())
    for old, new in zip(snapshot(optimizer), snapshot(back), strict=True):
        assert old.dtype == new.dtype
        assert torch.equal(old, new)


@pytest.mark.reliability("R65")
def test_scalars_take_the_dtype_of_the_optimizer() -> None:
    """A float64 state in an optimizer of float32 parameters becomes float32, and the other way round."""
    for saved, loaded in ((DOUBLE, SINGLE), (SINGLE, DOUBLE)):
        params = PROBLEM.params(saved)
        optimizer = MomoAdam(params)
        PROBLEM.train(optimizer, params, range(2))
        other = MomoAdam(PROBLEM.params(loaded))
        other.load_state_dict(optimizer.state_dict())
        dtypes = {tensor.dtype for tensor in snapshot(other) if tensor.ndim or tensor.dtype != SINGLE}
        assert dtypes == {loaded}
        assert other.param_groups[0]["weight"] == optimizer.param_groups[0]["weight"].to(loaded)


def trained(cls: Class = Momo, steps: int = 3, **options: Any) -> tuple[ModelBasedOptimizer, dict[str, Any]]:
    """An optimizer after a few steps, and a copy of its state."""
    params = PROBLEM.params()
    optimizer = cls(params, **options)
    PROBLEM.train(optimizer, params, range(steps))
    return optimizer, copy.deepcopy(optimizer.state_dict())


def assert_refused(
    optimizer: ModelBasedOptimizer, saved: dict[str, Any], match: str, code: str | None = None
) -> None:
    """The state is refused, and nothing of the optimizer has changed, its hooks neither."""
    before, groups = snapshot(optimizer), copy.deepcopy(optimizer.state_dict()["param_groups"])
    with pytest.raises(ValueError, match=match) as caught:
        optimizer.load_state_dict(saved)
    assert getattr(caught.value, "code", None) == code
    assert unchanged(before, optimizer)
    assert optimizer.state_dict()["param_groups"] == groups
    assert not optimizer._optimizer_load_state_dict_pre_hooks
    assert not optimizer._optimizer_load_state_dict_post_hooks
    optimizer.load_state_dict(optimizer.state_dict())


@pytest.mark.reliability("R67")
@pytest.mark.parametrize("cls", CLASSES)
def test_a_state_of_another_rule_is_refused(cls: Class) -> None:
    """The state of another rule is refused with the names of both."""
    optimizer, _ = trained(cls)
    _, saved = trained(MomoAdam if cls is not MomoAdam else Momo)
    other = saved["param_groups"][0]["rule"]
    message = f"a state of '{other}' cannot be loaded into '{cls.rule_name}'"
    assert_refused(optimizer, saved, message, "E_STATE_RULE")
    _, adamw = trained(CLASSES[0])
    del adamw["param_groups"][0]["rule"]
    assert_refused(optimizer, adamw, "none of momo_torch cannot", "E_STATE_RULE")


@pytest.mark.reliability("R66")
@pytest.mark.parametrize("version", [FORMAT + 1, "next", None])
def test_a_newer_format_is_refused(version: Any) -> None:
    """A state of a format that is not known yet is refused."""
    optimizer, saved = trained()
    saved["param_groups"][0]["format"] = version
    assert_refused(optimizer, saved, "a state of format .* the newest known one is", "E_STATE_FORMAT")


@pytest.mark.parametrize("name", ["grad_avg", "step", "weight"])
def test_a_state_of_other_shapes_is_refused(name: str) -> None:
    optimizer, saved = trained()
    owner = saved["param_groups"][0] if name == "weight" else saved["state"][1]
    owner[name] = torch.zeros(4)
    assert_refused(optimizer, saved, f"the saved {name} has shape", "E_STATE_SHAPE")


def test_a_state_with_a_bad_setting_is_refused() -> None:
    optimizer, saved = trained()
    saved["param_groups"][0]["lr"] = -1.0
    assert_refused(optimizer, saved, "Invalid learning rate: -1.0", "E_LEARNING_RATE_RANGE")


def test_a_state_of_other_groups_is_refused_as_by_pytorch() -> None:
    optimizer, saved = trained()
    more = {**saved, "param_groups": saved["param_groups"] * 2}
    assert_refused(optimizer, more, "different number of parameter groups")
    saved["param_groups"][0]["params"] = [0]
    assert_refused(optimizer, saved, "doesn't match the size of optimizer's group")


@pytest.mark.reliability("R66")
@pytest.mark.parametrize("lacks", ["format", "on_nonfinite", "lower_bound_estimate", "step_size", "divide"])
def test_an_older_format_takes_first_values_with_one_warning(lacks: str) -> None:
    """What an older state lacks takes its first value, with one warning."""
    _, saved = trained(Momo)
    fresh_one = Momo(PROBLEM.params())
    first = copy.deepcopy(fresh_one.param_groups[0][lacks])
    del saved["param_groups"][0][lacks]
    with pytest.warns(UserWarning, match=f"older format: {lacks} take their first values") as caught:
        fresh_one.load_state_dict(saved)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert fresh_one.param_groups[0][lacks] == first
    assert fresh_one.param_groups[0]["weight"] == saved["param_groups"][0]["weight"]


@pytest.mark.reliability("R66")
def test_averages_that_an_older_format_lacks_start_anew() -> None:
    """A tensor whose average an older state lacks gets a first average, with one warning for all."""
    _, saved = trained(MomoAdam)
    for entry in saved["state"].values():
        del entry["grad_sq_avg"]
    other = MomoAdam(PROBLEM.params())
    with pytest.warns(UserWarning, match="older format: grad_sq_avg take their first values") as caught:
        other.load_state_dict(saved)
    assert len(caught) == 1
    for index, param in enumerate(other.param_groups[0]["params"]):
        assert not other.state[param]["grad_sq_avg"].any()
        assert torch.equal(other.state[param]["grad_avg"], saved["state"][index]["grad_avg"])


def test_a_frozen_tensor_needs_no_saved_state() -> None:
    """As a distributed checkpoint saves none for it."""
    params = PROBLEM.params()
    params[1].requires_grad_(False)
    optimizer = Momo(params)
    _, saved = trained()
    del saved["state"][1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.load_state_dict(saved)
    assert not optimizer.state[params[1]]["grad_avg"].any()
    assert torch.equal(optimizer.state[params[0]]["grad_avg"], saved["state"][0]["grad_avg"])


def test_a_saved_number_is_as_good_as_a_tensor() -> None:
    optimizer, saved = trained()
    before = snapshot(optimizer)
    for entry in saved["state"].values():
        entry["step"] = entry["step"].item()
    saved["param_groups"][0]["weight"] = saved["param_groups"][0]["weight"].item()
    optimizer.load_state_dict(saved)
    assert unchanged(before, optimizer)


def test_hooks_see_the_state_before_and_after() -> None:
    """A hook may change a saved state; one afterwards sees what the optimizer has."""
    params = PROBLEM.params(HALF)
    optimizer, (_, saved) = Momo(params), trained()
    seen = []

    def rename(_: Any, state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "state": {index: state["state"][1 - index] for index in (0, 1)}}

    saved["state"] = {0: saved["state"][1], 1: saved["state"][0]}
    optimizer.register_load_state_dict_pre_hook(rename)
    optimizer.register_load_state_dict_post_hook(
        lambda loaded: seen.extend(loaded.state[param]["grad_avg"].dtype for param in params)
    )
    optimizer.load_state_dict(saved)
    assert seen == [SINGLE, SINGLE]


@pytest.mark.reliability("R69")
@pytest.mark.parametrize("cls", CLASSES)
def test_a_group_that_is_added_later_starts_anew(cls: Class) -> None:
    """A group that is added on the way has its own first step; the old ones go on, and all can be resumed."""
    params = PROBLEM.params()
    optimizer = cls(params[:1])
    for step in range(2):
        optimizer.zero_grad()
        loss = PROBLEM.loss([params[0], params[1].detach()], step)
        loss.backward()
        optimizer.step(loss=loss)
    old = {name: value.clone() for name, value in optimizer.state[params[0]].items()}
    optimizer.add_param_group({"params": params[1:]})
    assert all(torch.equal(optimizer.state[params[0]][name], value) for name, value in old.items())
    assert optimizer.state[params[1]]["step"] == 0
    PROBLEM.train(optimizer, params, range(2, 4))
    assert optimizer.state[params[1]]["step"] == 2

    copies = [nn.Parameter(param.detach().clone()) for param in params]
    restored = cls([{"params": [param]} for param in copies])
    restored.load_state_dict(optimizer.state_dict())
    rest = range(4, 7)
    assert torch.equal(PROBLEM.train(restored, copies, rest), PROBLEM.train(optimizer, params, rest))


@pytest.mark.reliability("R56", "R69")
def test_a_wider_group_widens_the_scalars() -> None:
    """A group of float64 tensors that is added to one of float32 makes the scalars float64."""
    params = PROBLEM.params(SINGLE)
    optimizer = Momo(params[:1])
    PROBLEM.train(optimizer, params, range(1))
    before = optimizer.param_groups[0]["predicted_loss"].clone()
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2, dtype=DOUBLE))]})
    for group in optimizer.param_groups:
        assert group["predicted_loss"].dtype == group["weight"].dtype == group["step_size"].dtype == DOUBLE
        assert group["predicted_loss"] == before
        assert group["skipped_steps"].dtype == torch.int32


def on_device(saved: Any) -> Any:
    """As such trainers do it: tensors in dicts and lists, one by one."""
    if isinstance(saved, torch.Tensor):
        return saved.to("cpu", copy=True)
    if isinstance(saved, dict):
        return {name: on_device(value) for name, value in saved.items()}
    return type(saved)(map(on_device, saved)) if isinstance(saved, list | tuple) else saved


@pytest.mark.reliability("R63")
@pytest.mark.parametrize("cls", CLASSES)
def test_a_wrapper_that_reloads_the_state_first_changes_nothing(cls: Class) -> None:
    """Trainers that move the state to the device before the first step, by saving and loading it, may."""
    params, wrapped = PROBLEM.params(), PROBLEM.params()
    plain, reloaded = cls(params), cls(wrapped)
    reloaded.load_state_dict(on_device(reloaded.state_dict()))
    assert torch.equal(PROBLEM.train(reloaded, wrapped, range(4)), PROBLEM.train(plain, params, range(4)))


def test_groups_share_their_scalars_after_loading() -> None:
    params = PROBLEM.params()
    optimizer = Momo([{"params": [param]} for param in params])
    PROBLEM.train(optimizer, params, range(2))
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    PROBLEM.train(optimizer, params, range(2, 4))
    first, second = optimizer.param_groups
    assert all(first[name] is second[name] for name in scalar_names(optimizer._kind))
    assert first["step_size"] is second["step_size"]


def test_the_process_group_is_kept() -> None:
    """It is no part of the state."""
    group = object()
    optimizer = Momo(PROBLEM.params(), process_group=group)
    optimizer.load_state_dict(trained()[1])
    assert optimizer._process_group is group
