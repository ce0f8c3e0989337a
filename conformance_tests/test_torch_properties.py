"""What PyTorch asks of its own optimizers, and what strides, groups and names may be."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn import Parameter

from conformance_tests.roundings import assert_rounded
from conformance_tests.torch_problems import (
    CLASSES,
    NEED_LOSS,
    PROBLEM,
    VARIANTS,
    Class,
    accepted,
    flat,
    snapshot,
    unchanged,
)
from momo_core import KINDS, InvalidTypeError, InvalidValueError
from momo_torch import Momo, MomoAdam


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def quadratic(x: torch.Tensor) -> torch.Tensor:
    return (x[0] - 1) ** 2 + 4 * (x[1] + 0.5) ** 2


def every_second(values: list[float]) -> Parameter:
    """A parameter whose elements are not next to each other."""
    row = torch.zeros(2 * len(values), dtype=torch.float64)
    row[::2] = torch.tensor(values, dtype=torch.float64)
    return Parameter(row[::2])


def take_steps(optimizer: Any, loss_of: Callable[[], torch.Tensor], steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step(loss=loss)
        losses.append(loss.item())
    return losses


class TestDirection:
    """Losses go down."""

    @pytest.mark.parametrize("scheduled", [False, True])
    @pytest.mark.parametrize("contiguous", [True, False])
    @pytest.mark.parametrize("function", [quadratic, rosenbrock])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_the_loss_goes_down(self, cls: Class, function: Any, contiguous: bool, scheduled: bool) -> None:
        start = [-1.2, 1.0]
        x = Parameter(torch.tensor(start, dtype=torch.float64)) if contiguous else every_second(start)
        optimizer = cls([x], **accepted(cls, lr=5e-4, weight_decay=0.0))
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 0.5, total_iters=10)
        losses = []
        for _ in range(60):
            losses += take_steps(optimizer, lambda: function(x), 1)
            if scheduled:
                schedule.step()
        assert function(x) < losses[-1] < losses[29] < losses[0]
        assert x.is_contiguous() == contiguous

    @pytest.mark.parametrize("cls", NEED_LOSS)
    def test_a_generous_learning_rate_is_cut(self, cls: Class) -> None:
        x = Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))
        losses = take_steps(cls([x], **accepted(cls, lr=10.0)), lambda: quadratic(x), 200)
        assert losses[-1] < losses[0]


class TestGroups:
    """Learning rates and weight decays of parameter groups."""

    @pytest.mark.parametrize("rate", [0.0, 1e-28])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_a_learning_rate_of_almost_nothing_moves_nothing(self, cls: Class, rate: float) -> None:
        params = PROBLEM.params()
        options = accepted(cls, lr=0.01, weight_decay=0.1)
        optimizer = cls([{"params": [params[0]]}, {"params": [params[1]], "lr": rate}], **options)
        PROBLEM.train(optimizer, params, range(10))
        # An average of two equal numbers rounds a few times a step; other directions add 0.
        averages = KINDS[cls.rule_name].direction.move is not None
        assert_rounded(params[1].detach(), PROBLEM.start[1], 10 * 4 if averages else 0)
        assert not (params[0] == PROBLEM.start[0]).any()

    @pytest.mark.parametrize(
        "cls", [cls for cls in CLASSES if accepted(cls, weight_decay=0.5) and cls.rule_name != "sps"]
    )
    def test_weight_decay_of_a_group_shrinks_that_group(self, cls: Class) -> None:
        params = [Parameter(torch.full((3,), 2.0, dtype=torch.float64)) for _ in range(2)]
        groups = [{"params": [params[0]], "weight_decay": 0.5}, {"params": [params[1]], "weight_decay": 0.0}]
        optimizer = cls(groups, **accepted(cls, lr=0.1))
        for _ in range(3):
            for param in params:
                param.grad = torch.zeros_like(param)
            optimizer.step(loss=1.0)
        assert torch.equal(params[1], torch.full((3,), 2.0, dtype=torch.float64))
        assert (params[0].abs() < 2).all()
        assert (params[0] > 0).all()


class TestNoOp:
    """Steps that must do nothing, and parts of them."""

    @pytest.mark.reliability("R45")
    @pytest.mark.parametrize("started", [False, True])
    @pytest.mark.parametrize(("cls", "options"), VARIANTS)
    def test_a_step_without_any_gradient_changes_nothing(
        self, cls: Class, options: dict[str, Any], started: bool
    ) -> None:
        """Without any gradient a step leaves parameters and state to the bit, at first and later."""
        params = PROBLEM.params()
        optimizer = cls(params, **options)
        PROBLEM.train(optimizer, params, range(3 if started else 0))
        optimizer.zero_grad()
        before = snapshot(optimizer)
        optimizer.step(loss=1.0)
        assert unchanged(before, optimizer)
        assert not optimizer.last_info.skipped
        assert optimizer.param_groups[0]["skipped_steps"] == 0

    @pytest.mark.reliability("R46", "R48")
    @pytest.mark.parametrize(("cls", "options"), VARIANTS)
    def test_a_layer_may_be_frozen_and_set_free(self, cls: Class, options: dict[str, Any]) -> None:
        """A layer frozen for two steps keeps its parameters and averages, and moves again afterwards."""
        params = PROBLEM.params()
        optimizer = cls(params, **options)
        PROBLEM.train(optimizer, params, range(3))
        params[1].requires_grad_(False)
        before = [params[1].detach().clone(), *map(torch.clone, optimizer.state[params[1]].values())]
        moving = params[0].detach().clone()
        PROBLEM.train(optimizer, params, range(3, 5))
        after = [params[1].detach(), *optimizer.state[params[1]].values()]
        assert all(map(torch.equal, before, after))
        assert not torch.equal(params[0], moving)
        params[1].requires_grad_(True)
        PROBLEM.train(optimizer, params, range(5, 7))
        assert not torch.equal(params[1], before[0])

    @pytest.mark.reliability("R46")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_a_step_without_gradients_in_between_is_as_if_not_taken(self, cls: Class) -> None:
        """A step whose gradients are all None, in the middle of a run, leaves no trace in the run."""
        params, others = PROBLEM.params(), PROBLEM.params()
        optimizer, other = cls(params), cls(others)
        for step in range(6):
            rows = PROBLEM.train(optimizer, params, range(step, step + 1))
            assert torch.equal(rows, PROBLEM.train(other, others, range(step, step + 1)))
            if step == 3:
                optimizer.zero_grad()
                optimizer.step(loss=7.0)


class TestObject:
    """Optimizers as Python objects."""

    @pytest.mark.parametrize(("cls", "options"), VARIANTS)
    def test_a_deep_copy_has_all_public_attributes(self, cls: Class, options: dict[str, Any]) -> None:
        params = PROBLEM.params()
        optimizer = cls(params, **options)
        PROBLEM.train(optimizer, params, range(2))
        copied = copy.deepcopy(optimizer)
        public = {name for name in vars(optimizer) if not name.startswith("_")}
        assert {name for name in vars(copied) if not name.startswith("_")} == public
        assert copied.defaults == optimizer.defaults
        assert repr(copied.state_dict()) == repr(optimizer.state_dict())
        assert repr(copied.last_info) == repr(optimizer.last_info)
        ours = {id(value) for state in optimizer.state.values() for value in state.values()}
        theirs = {id(value) for state in copied.state.values() for value in state.values()}
        assert not ours & theirs

    @pytest.mark.parametrize("cls", CLASSES)
    def test_it_prints_its_settings(self, cls: Class) -> None:
        optimizer = cls([{"params": [param]} for param in PROBLEM.params()], lr=0.0125)
        text = repr(optimizer)
        assert text.startswith(f"{cls.__name__} (")
        assert "Parameter Group 1" in text
        assert "lr: 0.0125" in text
        assert all(f"{name}: " in text for name in cls.names)

    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_parameter_has_state_from_the_start(self, cls: Class) -> None:
        optimizer = cls(PROBLEM.params())
        names = {"step", *KINDS[cls.rule_name].direction.leaf_names}
        assert [set(state) for state in optimizer.state.values()] == [names, names]
        assert all(isinstance(key, Parameter) for key in optimizer.state)

    @pytest.mark.reliability("R53")
    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_the_default_dtype_changes_nothing(self, cls: Class, dtype: torch.dtype) -> None:
        """Dtypes come from the parameters alone: `torch.set_default_dtype` changes no bit and no dtype."""

        def run() -> tuple[torch.Tensor, list[torch.dtype]]:
            params = PROBLEM.params(dtype)
            optimizer = cls(params)
            rows = PROBLEM.train(optimizer, params, range(6))
            states = [value.dtype for state in optimizer.state.values() for value in state.values()]
            return rows, [*states, *(tensor.dtype for tensor in snapshot(optimizer))]

        reference, dtypes = run()
        torch.set_default_dtype(torch.float64)
        try:
            rows, others = run()
        finally:
            torch.set_default_dtype(torch.float32)
        assert torch.equal(rows, reference)
        assert others == dtypes


def layouts(values: torch.Tensor) -> Iterator[torch.Tensor]:
    """Copies of a tensor of four dimensions that lie in memory in other orders."""
    yield values.clone(memory_format=torch.channels_last)
    yield values.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    wide = torch.zeros(*values.shape[:-1], 2 * values.shape[-1], dtype=values.dtype)
    wide[..., ::2] = values
    yield wide[..., ::2]


class TestStrides:
    """Tensors whose elements lie in memory in any order."""

    SHAPE = (2, 3, 2, 2)

    def data(self, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(self.SHAPE, generator=generator, dtype=torch.float64)

    def run(self, cls: Class, param: Parameter, layout: Callable[[torch.Tensor], torch.Tensor]) -> Any:
        optimizer = cls([param], **accepted(cls, weight_decay=0.1))
        for step in range(3):
            param.grad = layout(self.data(1 + step))
            optimizer.step(loss=3.0)
        return optimizer

    @pytest.mark.reliability("R55")
    @pytest.mark.parametrize("like_param", [True, False])
    @pytest.mark.parametrize("index", range(3))
    @pytest.mark.parametrize("cls", CLASSES)
    def test_the_order_in_memory_does_not_matter(self, cls: Class, index: int, like_param: bool) -> None:
        """channels_last, transposed and sliced parameters and gradients take the steps of contiguous ones."""

        def other(values: torch.Tensor) -> torch.Tensor:
            return next(itertools.islice(layouts(values), index, None))

        plain, param = Parameter(self.data(0)), Parameter(other(self.data(0)))
        strides = param.stride()
        self.run(cls, plain, torch.clone)
        optimizer = self.run(cls, param, other if like_param else torch.clone)
        assert param.stride() == strides
        if index < 2:  # dense in another order; the averages of a slice are dense in the usual one
            averages = [value for value in optimizer.state[param].values() if value.ndim == 4]
            assert all(value.stride() == strides for value in averages)
        # The sums of 24 terms, in another order, part by at most 2 * 24 roundings of their terms;
        # three steps take fewer than six of them and 40 operations each.
        bound = 3 * (6 * 48 + 40) * torch.finfo(torch.float64).eps * max(1.0, float(plain.abs().max()))
        assert (param - plain).abs().max() <= bound
        direction = KINDS[cls.rule_name].direction
        if cls not in NEED_LOSS and direction.choose is None:
            assert torch.equal(param, plain)

    @pytest.mark.reliability("R55")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_elements_that_share_memory_are_refused(self, cls: Class) -> None:
        """An expanded parameter, or one whose windows overlap, is refused when it is handed over."""
        ones = torch.ones(5)
        for tensor in (ones[:1].expand(3), ones.as_strided((3, 3), (1, 1)), ones.as_strided((2, 2), (0, 1))):
            with pytest.raises(InvalidValueError, match="share memory") as caught:
                cls([Parameter(tensor)])
            assert caught.value.code == "E_PARAMS_OVERLAP"
        optimizer = cls([Parameter(torch.ones(2))])
        with pytest.raises(InvalidValueError, match="share memory"):
            optimizer.add_param_group({"params": [Parameter(ones[:1].expand(3))]})
        assert len(optimizer.param_groups) == 1
        for fine in (
            ones[::2],
            ones.as_strided((2, 2), (3, 1)),
            ones[:0].expand(3, 0),
            ones[:1].expand(1, 1),
        ):
            cls([Parameter(fine)])

    @pytest.mark.reliability("R49")
    @pytest.mark.parametrize("cls", CLASSES)
    def test_sparse_parameters_are_refused(self, cls: Class) -> None:
        """A sparse parameter is refused when it is handed over."""
        with pytest.raises(InvalidTypeError, match="parameters must be dense") as caught:
            cls([Parameter(torch.eye(2).to_sparse())])
        assert caught.value.code == "E_PARAMS_LAYOUT"


class TestNames:
    """Parameters with names, as `named_parameters` gives them."""

    @pytest.mark.parametrize("cls", CLASSES)
    def test_named_parameters_are_parameters(self, cls: Class) -> None:
        params, others = PROBLEM.params(), PROBLEM.params()
        optimizer = cls(list(zip(("first", "second"), params, strict=True)))
        rows = PROBLEM.train(optimizer, params, range(4))
        assert torch.equal(rows, PROBLEM.train(cls(others), others, range(4)))
        assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["first", "second"]

    @pytest.mark.parametrize("named", [False, True])
    @pytest.mark.parametrize("cls", CLASSES)
    def test_states_with_and_without_names_are_exchanged(self, cls: Class, named: bool) -> None:
        def make(params: list[Parameter], named: bool, of: Any = cls) -> Any:
            return of(list(zip(("first", "second"), params, strict=True)) if named else params)

        params = PROBLEM.params()
        optimizer = make(params, named)
        PROBLEM.train(optimizer, params, range(3))
        others = [Parameter(param.detach().clone()) for param in params]
        other = make(others, not named)
        other.load_state_dict(optimizer.state_dict())
        rows = PROBLEM.train(other, others, range(3, 6))
        assert torch.equal(rows, PROBLEM.train(optimizer, params, range(3, 6)))
        ours, theirs = other.state_dict(), make(PROBLEM.params(), not named, torch.optim.SGD)
        theirs.load_state_dict(make(PROBLEM.params(), named, torch.optim.SGD).state_dict())
        assert ("param_names" in ours["param_groups"][0]) == ("param_names" in theirs.param_groups[0])

    @pytest.mark.reliability("R20")
    @pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate:UserWarning")
    @pytest.mark.parametrize("cls", [Momo, MomoAdam])
    def test_a_parameter_named_twice_is_one_parameter(self, cls: Class) -> None:
        """A parameter that is handed over under two names is moved once, under the first."""
        params, others = PROBLEM.params(), PROBLEM.params()
        optimizer = cls([("a", params[0]), ("tied", params[0]), ("b", params[1])])
        rows = PROBLEM.train(optimizer, params, range(4))
        assert torch.equal(rows, PROBLEM.train(cls(others), others, range(4)))
        assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
        assert flat(optimizer.param_groups[0]["params"]).numel() == flat(params).numel()
