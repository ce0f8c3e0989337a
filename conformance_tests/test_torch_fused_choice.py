"""Which steps the kernels of PyTorch take: those of tensors that suit, by default where Numba is."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="not run: numba is not installed")

from conformance_tests.torch_kernels import assert_same_bits, snapshot, started, take_steps
from momo_torch import Momo, MomoAdam
from momo_torch.adapter import ModelBasedOptimizer
from momo_torch.fused import SWITCH

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
